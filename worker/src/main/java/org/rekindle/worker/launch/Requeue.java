package org.rekindle.worker.launch;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.rekindle.coordinator.config.ExperimentConfig;
import org.rekindle.coordinator.monitoring.Goodput;
import org.rekindle.coordinator.monitoring.GoodputFile;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.data.UserException;

/**
 * What follows in a SLURM job when its run has drained: the job is queued again, once, by the process that led the run. A process that is
 * alone in its job, as in a job array, asks for itself. A run that is completed or failed is not queued again.
 *
 * @param hasPeers whether other workers of the run may be in the same job
 * @param keep keeps what the run folder holds; called before anything is asked that may end this process
 * @param told hears what was asked
 */
public record Requeue(
        ExperimentConfig experiment,
        boolean hasPeers,
        Map<String, String> environment,
        Runnable keep,
        Consumer<String> told) {

    /** The run wants to go on and this process could not say so to SLURM: {@code EX_TEMPFAIL} of BSD's sysexits.h. */
    public static final int EXIT_CODE = 75;

    /** Names a file for the exit code. */
    private static final String RESULT = "REKINDLE_RESULT";

    /** What scontrol said; a code of -1 where it could not be asked. */
    private record Answer(int code, String text) {}

    /**
     * Queues the job again where that follows.
     *
     * @param led whether the coordinator was in this process when the run ended
     * @return the process's exit code
     * @throws UserException when the run has asked too often without coming further
     */
    public int after(Outcome outcome, boolean led) {
        boolean drained = outcome.kind() == Outcome.Kind.DRAINED;
        boolean left = outcome.kind() == Outcome.Kind.LEFT;
        if (!environment.containsKey("SLURM_JOB_ID") || !experiment.requeue() || !drained && !left) {
            return outcome.exitCode();
        }
        boolean alone =
                !hasPeers && environment.getOrDefault("SLURM_NTASKS", "1").equals("1");
        if (!alone && left) {
            return EXIT_CODE; // counts only where nobody led the run to an end
        } else if (!alone && !led) {
            return outcome.exitCode();
        }
        if (drained && led) {
            count(outcome.step());
        }
        keep.run();
        return requeue(job());
    }

    /** A task of an array has an id of its own, but the last one's is that of the whole array. */
    private String job() {
        String array = environment.get("SLURM_ARRAY_JOB_ID");
        return array == null ? environment.get("SLURM_JOB_ID") : array + "_" + environment.get("SLURM_ARRAY_TASK_ID");
    }

    private int requeue(String job) {
        Answer state = scontrol("show", "job", job);
        // A job that was cancelled or requeued ends by SLURM's will; scontrol would bring a cancelled one back.
        if (state.code == 0 && !state.text.contains("JobState=RUNNING") && !state.text.contains("Reason=TimeLimit")) {
            told.accept("job " + job + " is about to end and is not queued again from here");
            return 0;
        }
        Answer requeued = state.code == 0 ? scontrol("requeue", job) : state;
        if (requeued.code == 0) {
            told.accept("SLURM queues job " + job + " again");
            return 0;
        }
        told.accept("job " + job + " is not queued again from here (" + requeued.text + "); exit code " + EXIT_CODE
                + " asks its batch script to");
        return EXIT_CODE;
    }

    /**
     * Tells the batch script the exit code of the process that led the run, where it wants to know: that of srun is the worst of all
     * tasks, lost ones included.
     */
    public void tell(int exitCode) {
        String file = environment.get(RESULT);
        if (file != null) {
            try {
                Files.writeString(Path.of(file), exitCode + "\n");
            } catch (IOException e) {
                told.accept("environment: " + RESULT + "=" + file + " cannot be written (" + UserException.reason(e)
                        + "): its batch script does not learn the exit code " + exitCode);
            }
        }
    }

    private void count(long step) {
        int most = experiment.maxRequeuesWithoutProgress();
        if (Goodput.requeuesAt(experiment.goodputFile(), step) >= most) {
            throw new UserException("experiment.max_requeues_without_progress=" + most + ": the run is at step " + step
                    + " since as many requeues and is not queued again; give its jobs more time (--time), or save more often"
                    + " (experiment.save_every)");
        }
        GoodputFile.requeue(experiment.goodputFile(), step);
    }

    private static Answer scontrol(String... arguments) {
        List<String> command = new ArrayList<>(List.of("scontrol"));
        command.addAll(List.of(arguments));
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Answer(process.waitFor(), text.strip().replaceAll("\\R", " "));
        } catch (IOException e) {
            return new Answer(-1, "no scontrol here");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Answer(-1, "interrupted");
        }
    }
}
