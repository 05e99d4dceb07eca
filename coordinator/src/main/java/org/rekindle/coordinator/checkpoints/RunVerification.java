package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.rekindle.data.UserException;

/**
 * What {@code verify run=DIR} finds: every checkpoint compared with its manifest, byte by byte, and the link {@code current_pipeline}.
 *
 * @param lines the report, a line per checkpoint
 * @param holds whether all is well
 */
public record RunVerification(List<String> lines, boolean holds) {

    /**
     * Reads and changes nothing; the run may be going on.
     *
     * @param run a run folder, {@code log_dir/name}
     * @throws UserException when it is none
     */
    public static RunVerification of(Path run) {
        CheckpointFolder checkpoints = CheckpointFolder.open(run, null);
        List<String> lines = new ArrayList<>();
        try {
            List<Path> folders = checkpoints.newestFirst();
            if (folders.isEmpty()) {
                throw new UserException(
                        "run=" + run + ": no checkpoint in it; give a run folder, experiment.log_dir/experiment.name");
            }
            boolean holds = true;
            for (Path folder : folders) {
                Optional<String> problem = CheckpointFolder.problem(folder);
                if (Files.isDirectory(folder)) {
                    lines.add(folder.getFileName() + ": " + problem.orElse(whole(folder)));
                    holds &= problem.isEmpty();
                }
            }
            for (Path leftover : checkpoints.leftovers()) {
                lines.add(leftover.getFileName() + ": not committed; the next start removes it");
            }
            Optional<String> linkProblem = linkProblem(checkpoints.link());
            lines.add("current_pipeline: " + linkProblem.orElse("leads to a committed checkpoint"));
            return new RunVerification(List.copyOf(lines), holds && linkProblem.isEmpty());
        } catch (IOException e) {
            throw new UserException("run=" + run + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }

    private static String whole(Path folder) {
        try {
            Manifest manifest = Manifest.read(folder);
            long bytes = manifest.files().values().stream()
                    .mapToLong(Manifest.Entry::size)
                    .sum();
            return String.format(
                    Locale.ROOT, "whole (%d files, %,d bytes)", manifest.files().size(), bytes);
        } catch (IOException e) {
            return "gone meanwhile";
        }
    }

    private static Optional<String> linkProblem(Path link) {
        if (!Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.of("is missing");
        } else if (!Files.isDirectory(link)) {
            return Optional.of("leads nowhere");
        }
        return Optional.empty();
    }
}
