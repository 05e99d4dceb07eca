package org.rekindle.coordinator.config;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.nio.file.Path;
import org.rekindle.data.Sha256;

/**
 * The section {@code experiment}.
 *
 * @param logDir folder that holds the run folders, or {@code s3://bucket/prefix}
 * @param name the run's name: its folder is {@code log_dir/name}
 * @param project accepted for the original's sake; not part of any path
 * @param numExamplesToSee examples of the whole run
 * @param saveOnlyMostRecent whether each checkpoint replaces the one before it
 * @param saveEvery optimizer steps between checkpoints, default 1000
 * @param requeue whether a start goes on from the run folder's newest valid checkpoint
 * @param evalCaptionFile CSV ({@code uid,caption}) whose captions are drawn at checkpoints; null for captions of the data set
 * @param numEvalImages pictures drawn at checkpoints, default 16
 * @param evalNumInferenceSteps steps from noise to picture of those, default 50
 * @param evalGuidanceScale guidance scale of those, default 7.5
 * @param keepCheckpoints checkpoints to keep, at least 1; null keeps all
 * @param maxRequeuesWithoutProgress times in a row that a drained run asks SLURM to queue it again without a new step in between, default 3
 */
public record ExperimentConfig(
        String logDir,
        String name,
        String project,
        Long numExamplesToSee,
        Boolean saveOnlyMostRecent,
        Integer saveEvery,
        Boolean requeue,
        String evalCaptionFile,
        Integer numEvalImages,
        Integer evalNumInferenceSteps,
        Double evalGuidanceScale,
        Integer keepCheckpoints,
        Integer maxRequeuesWithoutProgress) {

    static final String S3 = "s3://";

    public ExperimentConfig {
        saveOnlyMostRecent = saveOnlyMostRecent != null && saveOnlyMostRecent;
        saveEvery = saveEvery == null ? 1000 : saveEvery;
        requeue = requeue != null && requeue;
        numEvalImages = numEvalImages == null ? 16 : numEvalImages;
        evalNumInferenceSteps = evalNumInferenceSteps == null ? 50 : evalNumInferenceSteps;
        evalGuidanceScale = evalGuidanceScale == null ? 7.5 : evalGuidanceScale;
        maxRequeuesWithoutProgress = maxRequeuesWithoutProgress == null ? 3 : maxRequeuesWithoutProgress;
        keepCheckpoints = saveOnlyMostRecent ? Integer.valueOf(1) : keepCheckpoints;
    }

    /** Where the run's time went. */
    public Path goodputFile() {
        return folder().resolve("goodput.jsonl");
    }

    /**
     * The run folder on this machine: {@code log_dir/name}; of a run in a bucket a working copy, in the folder that
     * {@code REKINDLE_SCRATCH} names or that of temporary files.
     */
    public Path folder() {
        return isInBucket()
                ? scratch().resolve(Sha256.of(location()).substring(0, 16)).resolve(name)
                : path();
    }

    private Path path() {
        return Path.of(logDir).resolve(name);
    }

    private static Path scratch() {
        String scratch = System.getenv("REKINDLE_SCRATCH");
        return scratch == null || scratch.isBlank()
                ? Path.of(System.getProperty("java.io.tmpdir"), "rekindle")
                : Path.of(scratch);
    }

    /** Whether the run is kept in a bucket. */
    @JsonIgnore
    public boolean isInBucket() {
        return logDir.startsWith(S3);
    }

    /** Where the run is kept, for all its nodes: {@code log_dir/name}. */
    public String location() {
        return isInBucket()
                ? logDir.replaceAll("/+$", "") + "/" + name
                : path().toAbsolutePath().toString();
    }
}
