package org.rekindle.coordinator.monitoring;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.rekindle.coordinator.protocol.RunView;

/** A run's state as JSON: what is not known yet is null. */
final class RunJson {

    private static final ObjectMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    private RunJson() {}

    static JsonNode run(RunView view) {
        ObjectNode run = JSON.createObjectNode();
        run.put("state", view.state());
        run.put("step", view.step());
        run.put("total_steps", view.totalSteps());
        run.put("examples_seen", view.examplesSeen());
        put(run, "loss", view.loss());
        put(run, "lr", view.learningRate());
        put(run, "images_per_second", view.imagesPerSecond());
        run.put("generation", view.generation());
        run.put(
                "world_size",
                view.workers().stream().filter(worker -> worker.rank() >= 0).count());
        run.put("checkpoint", view.saved());
        run.set("counts", JSON.valueToTree(view.counts()));
        return run;
    }

    static JsonNode workers(RunView view) {
        ArrayNode workers = JSON.createArrayNode();
        for (RunView.Worker worker : view.workers()) {
            ObjectNode node = workers.addObject();
            node.put("rank", worker.rank());
            node.put("node", worker.node());
            node.put("address", worker.address());
            node.set("lanes", JSON.valueToTree(worker.lanes()));
            node.put("weights", worker.weights());
            put(node, "data_wait_seconds", worker.dataWait());
            put(node, "compute_seconds", worker.compute());
            put(node, "reduce_seconds", worker.reduce());
            node.put("slow", worker.slow().isEmpty() ? null : worker.slow());
        }
        return workers;
    }

    static JsonNode lanes(RunView view) {
        ArrayNode lanes = JSON.createArrayNode();
        view.cursors().keySet().stream().sorted().forEach(lane -> {
            ObjectNode node = lanes.addObject();
            node.put("lane", lane);
            view.workers().stream()
                    .filter(worker -> worker.lanes().contains(lane))
                    .findFirst()
                    .ifPresent(worker -> node.put("rank", worker.rank()));
            node.set("cursor", JSON.valueToTree(view.cursors().get(lane)));
        });
        return lanes;
    }

    static JsonNode event(RunView.Event event) {
        return JSON.valueToTree(event);
    }

    private static void put(ObjectNode node, String name, double value) {
        if (Double.isFinite(value)) {
            node.put(name, value);
        } else {
            node.putNull(name);
        }
    }
}
