package org.rekindle.worker.cli;

import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import org.rekindle.coordinator.config.CommandOptions;
import org.rekindle.coordinator.config.ConfigReader;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.data.UserException;
import org.rekindle.worker.chaos.Chaos;
import org.rekindle.worker.chaos.Scenario;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle chaos}. */
@Command(
        name = "chaos",
        description =
                "Trains with workers that are killed, leave, join, freeze ..., and compares with an undisturbed run: chaos config=FILE"
                        + " scenario=kill|leave|join|partition|slow|coordinator|disk-full|nan [workers=3] [times=1] [seed=0] [key=value...]")
final class ChaosCommand implements Callable<Integer> {

    private static final Set<String> OWN = Set.of("scenario", "workers", "times", "seed");

    @Mixin
    private KeyValues keyValues;

    record Options(String scenario, Integer workers, Integer times, Long seed) {}

    @Override
    public Integer call() throws InterruptedException {
        Options options = CommandOptions.read(
                "chaos", keyValues.list().stream().filter(ChaosCommand::isOwn).toList(), Options.class, "scenario");
        List<String> settings = new ArrayList<>(
                keyValues.list().stream().filter(setting -> !isOwn(setting)).toList());
        int workers = KeyValues.number("chaos", "workers", options.workers(), 3, 2);
        int times = KeyValues.number("chaos", "times", options.times(), 1, 1);
        settings.add("experiment.requeue=true");
        RunConfig config = ConfigReader.read(settings);
        if (config.system().lanes() == null) {
            settings.add("system.lanes=" + (workers + 1)); // one more may join
            config = ConfigReader.read(settings);
        }
        if (config.experiment().isInBucket()) {
            throw new UserException("experiment.log_dir: chaos compares runs of this machine; give a folder");
        }
        Path folder = Path.of(config.experiment().logDir())
                .resolve("chaos-" + options.scenario() + "-"
                        + LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss")))
                .toAbsolutePath();
        List<String> command = new ArrayList<>(List.of(Rekindle.class.getName(), "train"));
        command.addAll(settings);
        System.out.println("two runs in " + folder);
        Chaos.Report report = new Chaos(
                        Scenario.of(options.scenario()),
                        times,
                        workers,
                        options.seed() == null ? 0 : options.seed(),
                        config.totalSteps(config.lanes(workers)),
                        command,
                        config.experiment().name(),
                        folder)
                .run();
        report.lines().forEach(System.out::println);
        return report.holds() ? 0 : 1;
    }

    private static boolean isOwn(String setting) {
        return OWN.contains(setting.substring(0, Math.max(0, setting.indexOf('='))));
    }
}
