package org.rekindle.worker.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.SafetensorsFile;

/**
 * How far a run is from an undisturbed one.
 *
 * @param steps committed by the undisturbed run
 * @param sameSteps whether the other has the same
 * @param losses largest relative difference of a step's loss
 * @param weights largest difference of a tensor of the final pipeline, as a part of its L2 norm
 */
public record RunComparison(int steps, boolean sameSteps, double losses, double weights) {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** The order of a sum alone: DESIGN 1. */
    static final double TOLERANCE = 1e-4;

    /**
     * @param undisturbed its run folder
     * @param disturbed the other run folder
     */
    public static RunComparison of(Path undisturbed, Path disturbed) {
        try {
            List<JsonNode> expected = steps(undisturbed);
            List<JsonNode> actual = steps(disturbed);
            boolean same = expected.size() == actual.size();
            double losses = 0;
            for (int i = 0; same && i < expected.size(); i++) {
                same = expected.get(i).get("step").equals(actual.get(i).get("step"))
                        && expected.get(i)
                                .get("examples_seen")
                                .equals(actual.get(i).get("examples_seen"));
                losses = Math.max(losses, difference(loss(expected.get(i)), loss(actual.get(i))));
            }
            return new RunComparison(expected.size(), same, losses, weights(undisturbed, disturbed));
        } catch (IOException e) {
            throw new UserException("chaos: " + UserException.reason(e), e);
        }
    }

    /** Whether they are equal up to {@link #TOLERANCE}. */
    public boolean agrees() {
        return sameSteps && losses <= TOLERANCE && weights <= TOLERANCE;
    }

    private static List<JsonNode> steps(Path run) throws IOException {
        List<JsonNode> steps = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            JsonNode node = JSON.readTree(line);
            if (node.has("step_loss")) {
                steps.add(node);
            }
        }
        return steps;
    }

    private static double loss(JsonNode step) {
        return step.get("step_loss").asDouble(Double.NaN);
    }

    /** Two that are no numbers, of a step that both skipped, are equal. */
    private static double difference(double expected, double actual) {
        if (Double.compare(expected, actual) == 0) {
            return 0;
        }
        double difference = Math.abs(actual - expected) / Math.abs(expected);
        return Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
    }

    private static double weights(Path undisturbed, Path disturbed) throws IOException {
        Path pipeline = undisturbed.resolve("current_pipeline").toRealPath();
        Path other = disturbed.resolve("current_pipeline").toRealPath();
        double largest = 0;
        try (Stream<Path> files = Files.walk(pipeline)) {
            for (Path file : files.filter(path -> path.toString().endsWith(".safetensors"))
                    .toList()) {
                largest = Math.max(largest, tensors(file, other.resolve(pipeline.relativize(file))));
            }
        }
        return largest;
    }

    private static double tensors(Path expected, Path actual) {
        double largest = 0;
        try (SafetensorsFile one = SafetensorsFile.open(expected);
                SafetensorsFile other = SafetensorsFile.open(actual)) {
            for (String name : one.names()) {
                largest = Math.max(
                        largest,
                        distance(one.tensor(name).floats(), other.tensor(name).floats()));
            }
        }
        return largest;
    }

    private static double distance(float[] expected, float[] actual) {
        double square = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            square += Math.pow(actual[i] - expected[i], 2);
            norm += Math.pow(expected[i], 2);
        }
        return square == 0 ? 0 : Math.sqrt(square / norm);
    }
}
