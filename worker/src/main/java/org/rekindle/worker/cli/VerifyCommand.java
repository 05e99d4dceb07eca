package org.rekindle.worker.cli;

import java.util.concurrent.Callable;
import org.rekindle.coordinator.checkpoints.RunVerification;
import org.rekindle.coordinator.config.CommandOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle verify}. */
@Command(
        name = "verify",
        description =
                "Proves from its ledger that a run trained on each example once, and compares its checkpoints with it and with their manifests: verify run=DIR, or run=s3://bucket/prefix/NAME")
final class VerifyCommand implements Callable<Integer> {

    @Mixin
    private KeyValues keyValues;

    record Options(String run) {}

    @Override
    public Integer call() {
        Options options = CommandOptions.read("verify", keyValues.list(), Options.class, "run");
        RunVerification verification = RunVerification.of(options.run());
        verification.lines().forEach(System.out::println);
        return verification.holds() ? 0 : 1;
    }
}
