package org.rekindle.coordinator.monitoring;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.function.ToDoubleFunction;
import org.rekindle.coordinator.protocol.RunView;

/** A run's state in the text format of Prometheus. */
final class PrometheusText {

    private PrometheusText() {}

    static String of(RunView view) {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        try {
            gauge(registry, "rekindle.step", "newest committed step", Tags.empty(), view.step());
            gauge(registry, "rekindle.steps.planned", "steps of the whole run", Tags.empty(), view.totalSteps());
            gauge(registry, "rekindle.examples.seen", "examples of all steps", Tags.empty(), view.examplesSeen());
            gauge(registry, "rekindle.loss", "mean loss of the newest step", Tags.empty(), view.loss());
            gauge(registry, "rekindle.learning.rate", "of the newest step", Tags.empty(), view.learningRate());
            gauge(registry, "rekindle.images.per.second", "of the last steps", Tags.empty(), view.imagesPerSecond());
            gauge(registry, "rekindle.generation", "newest generation of workers", Tags.empty(), view.generation());
            gauge(registry, "rekindle.checkpoint.step", "step of the newest checkpoint", Tags.empty(), view.saved());
            view.counts()
                    .forEach((kind, count) -> gauge(
                            registry,
                            "rekindle.happened",
                            "what happened how often since the coordinator began",
                            Tags.of("kind", kind),
                            count));
            for (RunView.Worker worker : view.workers()) {
                stage(registry, worker, "data_wait", RunView.Worker::dataWait);
                stage(registry, worker, "compute", RunView.Worker::compute);
                stage(registry, worker, "reduce", RunView.Worker::reduce);
                gauge(
                        registry,
                        "rekindle.worker.slow",
                        "1 for a worker that holds the others up",
                        Tags.of("node", Integer.toString(worker.node())),
                        worker.slow().isEmpty() ? 0 : 1);
            }
            return registry.scrape();
        } finally {
            registry.close();
        }
    }

    private static void stage(
            PrometheusMeterRegistry registry,
            RunView.Worker worker,
            String stage,
            ToDoubleFunction<RunView.Worker> seconds) {
        gauge(
                registry,
                "rekindle.worker.stage.seconds",
                "seconds of a step, a median of the last ones",
                Tags.of("node", Integer.toString(worker.node()), "stage", stage),
                seconds.applyAsDouble(worker));
    }

    private static void gauge(PrometheusMeterRegistry registry, String name, String help, Tags tags, double value) {
        Gauge.builder(name, () -> value).description(help).tags(tags).register(registry);
    }
}
