package org.rekindle.worker.cli;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Workers of a run of the tiny recipe in 3 lanes, each a process, started as torchrun does. */
final class RunningWorkers {

    static final int LANES = 3;
    private static final int BATCH = 4;

    private final Path folder;
    private final String name;
    private final int steps;
    private final int port;

    /** @param folder where the processes run; the run is in {@code name/tiny} */
    RunningWorkers(Path folder, String name, int steps) throws IOException {
        this.folder = folder;
        this.name = name;
        this.steps = steps;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
    }

    RunFiles files() {
        return new RunFiles(folder.resolve(name).resolve("tiny"));
    }

    List<RekindleProcess> startAll(int workers) throws IOException {
        List<RekindleProcess> processes = new ArrayList<>();
        for (int rank = 0; rank < workers; rank++) {
            processes.add(start(rank, workers));
        }
        return processes;
    }

    /** @param settings beside those that all have */
    RekindleProcess start(int rank, int workers, String... settings) throws IOException {
        Map<String, String> environment = Map.of(
                "RANK", Integer.toString(rank),
                "WORLD_SIZE", Integer.toString(workers),
                "MASTER_ADDR", "127.0.0.1",
                "MASTER_PORT", Integer.toString(port));
        List<String> arguments = new ArrayList<>(List.of("train"));
        arguments.addAll(List.of(arguments()));
        arguments.addAll(List.of(settings));
        return RekindleProcess.startWith(environment, folder, arguments.toArray(String[]::new));
    }

    /** What all workers are given. */
    String[] arguments() {
        return new String[] {
            "config=" + CommandRun.TINY,
            "experiment.log_dir=" + folder.resolve(name),
            "experiment.num_eval_images=1",
            "system.lanes=" + LANES,
            "system.batch_size=" + BATCH,
            "experiment.num_examples_to_see=" + BATCH * LANES * steps
        };
    }

    void verify() throws IOException, InterruptedException {
        RekindleProcess.start(folder, "verify", "run=" + name + "/tiny").awaitSuccess();
    }
}
