package org.rekindle.worker.diffusion;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.rekindle.data.UserException;
import org.rekindle.data.shards.BraceExpansion;

/**
 * Where a list of captions is drawn. A picture that is there is complete, since files get their names when they are whole; so a
 * generation that was killed goes on where it stopped.
 */
public sealed interface Pictures permits PictureFolder, PictureShard {

    List<PromptList.Entry> prompts();

    /** The folder that {@code UID.png} is to be written to. */
    Path folder();

    /** The file that says what the pictures are drawn with; it stays when they are complete. */
    Path settings();

    /**
     * The captions that are not drawn yet.
     *
     * @throws UserException when what is there belongs to other captions
     */
    List<PromptList.Entry> missing();

    /**
     * Completes the work when no picture is missing.
     *
     * @return what to look at
     * @throws UserException when it cannot be written
     */
    Path finish();

    /**
     * What one of several workers has to draw. In a folder each draws every {@code workers}-th caption. Shards of a name that ends in
     * {@code .tar} hold runs of neighbouring captions and are dealt out in turn, so that the number of workers does not show in them.
     *
     * @param out a folder, or the shard or shards to write, in brace notation
     * @param rank of this worker, from 0
     * @throws UserException when the shards are fewer than workers or more than captions, or a uid is no key of a shard
     */
    static List<Pictures> of(String out, List<PromptList.Entry> prompts, int rank, int workers) {
        if (!out.endsWith(".tar")) {
            List<PromptList.Entry> own = IntStream.range(0, prompts.size())
                    .filter(i -> i % workers == rank)
                    .mapToObj(prompts::get)
                    .toList();
            return own.isEmpty() ? List.of() : List.of(new PictureFolder(Path.of(out), own, rank == 0));
        }
        List<String> names = BraceExpansion.expand(out);
        if (names.size() < workers) {
            throw new UserException("out=" + out + " names " + names.size() + " shards for " + workers
                    + " workers; name more, such as out='pictures-{000.." + "%03d".formatted(workers - 1) + "}.tar'");
        }
        if (prompts.size() < names.size()) {
            throw new UserException("out=" + out + ": " + prompts.size() + " captions do not fill " + names.size()
                    + " shards; name fewer");
        }
        List<Pictures> own = new ArrayList<>();
        for (int i = rank; i < names.size(); i += workers) {
            int from = Math.toIntExact((long) prompts.size() * i / names.size());
            int to = Math.toIntExact((long) prompts.size() * (i + 1) / names.size());
            own.add(new PictureShard(Path.of(names.get(i)), prompts.subList(from, to)));
        }
        return own;
    }

    /** The captions without a picture in a folder. */
    static List<PromptList.Entry> missing(List<PromptList.Entry> prompts, Path folder) {
        return prompts.stream()
                .filter(prompt -> !Files.exists(file(folder, prompt)))
                .toList();
    }

    static Path file(Path folder, PromptList.Entry prompt) {
        return folder.resolve(prompt.uid() + ".png");
    }

    static UserException unwritable(Path out, IOException e) {
        return new UserException(
                out + ": images cannot be written (" + UserException.reason(e) + "); check disk space and permissions",
                e);
    }
}
