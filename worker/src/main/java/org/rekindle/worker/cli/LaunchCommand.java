package org.rekindle.worker.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.rekindle.data.UserException;
import org.rekindle.worker.launch.Launcher;
import org.rekindle.worker.launch.WorkerPlace;
import org.rekindle.worker.training.DrainSignals;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code rekindle launch}. */
@Command(
        name = "launch",
        description =
                "Trains with several workers of this machine, one per GPU: launch --nproc N config=FILE [key=value...]")
final class LaunchCommand implements Callable<Integer> {

    @Option(names = "--nproc", required = true, description = "workers of this machine")
    private int workers;

    @Option(names = "--respawn", description = "start a worker again that dies")
    private boolean respawn;

    @Mixin
    private KeyValues keyValues;

    @Override
    public Integer call() {
        if (workers < 1) {
            throw new UserException("launch: --nproc " + workers + ", allowed is at least 1");
        }
        Map<String, String> environment = System.getenv();
        List<String> command = new ArrayList<>(List.of(Rekindle.class.getName(), "train"));
        command.addAll(keyValues.list());
        Launcher launcher =
                new Launcher(WorkerPlace.first(workers, environment), workers, command, respawn, System.out::println);
        // a terminal sends SIGINT to the workers, too, and a second one would end them at once
        try (DrainSignals signals =
                new DrainSignals(false, name -> launcher.signal("USR1"), name -> launcher.signal("TERM"))) {
            return launcher.await();
        }
    }
}
