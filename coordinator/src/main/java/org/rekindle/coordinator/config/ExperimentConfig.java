package org.rekindle.coordinator.config;

import java.nio.file.Path;

/**
 * The section {@code experiment}.
 *
 * @param logDir folder that holds the run folders
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

    /** The run folder, {@code log_dir/name}. */
    public Path folder() {
        return Path.of(logDir).resolve(name);
    }
}
