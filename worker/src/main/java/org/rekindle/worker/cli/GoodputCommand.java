package org.rekindle.worker.cli;

import java.util.concurrent.Callable;
import org.rekindle.coordinator.monitoring.Goodput;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle goodput}. */
@Command(
        name = "goodput",
        description =
                "Tells where the time of a run went, through all its requeues: goodput run=DIR, or run=s3://bucket/prefix/NAME."
                        + " The last line on stdout is JSON.")
final class GoodputCommand implements Callable<Integer> {

    @Mixin
    private KeyValues keyValues;

    @Override
    public Integer call() {
        Goodput goodput = Goodput.of(keyValues.required("goodput", "run"));
        goodput.table().forEach(System.out::println);
        System.out.println(Json.line(goodput));
        return 0;
    }
}
