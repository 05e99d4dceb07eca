package org.rekindle.coordinator.config;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.rekindle.data.DatasetConfig;

/**
 * All that a run is told, read once by {@link ConfigReader}: validated, interpolations resolved, defaults filled in. Sections are never
 * null, except {@code wandb}.
 *
 * @param wandb the original's section {@code wandb}; accepted, without effect, null where absent
 * @param config path of the YAML as given on the command line
 * @param configDir folder of the YAML
 */
public record RunConfig(
        SystemConfig system,
        DistributedConfig distributed,
        ExperimentConfig experiment,
        OptimizerConfig optimizer,
        ModelConfig model,
        DatasetConfig dataset,
        LrSchedulerConfig lrScheduler,
        ObjectiveConfig objective,
        ValidationConfig validation,
        MonitoringConfig monitoring,
        JsonNode wandb,
        String config,
        String configDir) {

    public RunConfig {
        optimizer = optimizer == null ? new OptimizerConfig(null, null) : optimizer;
        distributed = distributed == null ? new DistributedConfig(null, null, null, null, null, null) : distributed;
        lrScheduler = lrScheduler == null ? new LrSchedulerConfig(null, null) : lrScheduler;
        if (lrScheduler.params().learningRate() == null) {
            LrSchedulerConfig.Params params = new LrSchedulerConfig.Params(
                    optimizer.params().learningRate(), lrScheduler.params().warmupLength());
            lrScheduler = new LrSchedulerConfig(lrScheduler.scheduler(), params);
        }
        objective = objective == null ? new ObjectiveConfig(null, null) : objective;
        validation = validation == null ? new ValidationConfig(null, null, null) : validation;
        monitoring = monitoring == null ? new MonitoringConfig(null, null, null) : monitoring;
        wandb = wandb == null || wandb.isNull() ? null : wandb;
    }

    /**
     * Lanes of a run that starts now.
     *
     * @param worldSize workers at the first start
     */
    public int lanes(int worldSize) {
        return system.lanes() != null ? system.lanes() : Math.multiplyExact(system.gradientAccumulation(), worldSize);
    }

    /**
     * Optimizer steps of the whole run: {@code num_examples_to_see / (lanes x batch_size)}, rounded up.
     *
     * @param lanes lanes of the run
     */
    public long totalSteps(int lanes) {
        long batch = Math.multiplyExact((long) lanes, system.batchSize());
        return (Math.addExact(experiment.numExamplesToSee(), batch) - 1) / batch;
    }

    /**
     * Checkpoints of an undisturbed run: that of step 0, one every {@code save_every} steps and that of the last step.
     *
     * @param lanes lanes of the run
     */
    public long checkpoints(int lanes) {
        int every = experiment.saveEvery();
        return 1 + (totalSteps(lanes) + every - 1) / every;
    }

    /**
     * SHA-256, in hexadecimal, of everything that the numbers of the run depend on: what differs only in names, folders, threads or the
     * frequency of checkpoints has the same hash.
     */
    public String configurationHash() {
        return ConfigurationHash.of(this);
    }

    /** What {@link #configurationHash} is of, and what else nodes of one run must have alike, by dotted key; values as JSON. */
    public Map<String, String> identity() {
        return ConfigurationHash.values(this);
    }

    /** Lines to tell the user once at the start: keys that are accepted and have no effect. */
    @JsonIgnore
    public List<String> notices() {
        List<String> notices = new ArrayList<>();
        if (wandb != null) {
            notices.add(
                    "wandb: nothing is sent there; the run's metrics go to metrics.jsonl in " + experiment.folder());
        }
        RunChecks.components(model).forEach((name, component) -> {
            boolean speaks = component.isDeclared() || component.target() != null;
            if (model.pretrained() != null && speaks && !name.startsWith("noise_scheduler")) {
                notices.add("model." + name + ": without effect, as model.pretrained goes before it");
            } else if (component.pretrained() != null && component.params() != null) {
                notices.add("model.%s.params: without effect, as model.%s.pretrained goes before them"
                        .formatted(name, name));
            }
        });
        return notices;
    }
}
