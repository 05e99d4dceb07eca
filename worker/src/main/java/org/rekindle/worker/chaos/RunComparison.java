package org.rekindle.worker.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.SafetensorsFile;

/**
 * How far a run is from an undisturbed one.
 *
 * @param steps committed by the undisturbed run
 * @param sameSteps whether the other committed the same, with the same examples
 * @param untold steps whose loss is in no line: it died with a coordinator that had committed the step
 * @param losses largest relative difference of a step's loss
 * @param weights largest difference of a tensor of the final pipeline, as a part of its L2 norm
 */
public record RunComparison(int steps, boolean sameSteps, int untold, double losses, double weights) {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** The order of a sum alone: DESIGN 1. */
    static final double TOLERANCE = 1e-4;

    /**
     * @param undisturbed its run folder
     * @param disturbed the other run folder
     */
    public static RunComparison of(Path undisturbed, Path disturbed) {
        try {
            List<JsonNode> expected = committed(undisturbed);
            Map<Long, Double> expectedLosses = losses(undisturbed);
            Map<Long, Double> actualLosses = losses(disturbed);
            double losses = 0;
            for (Map.Entry<Long, Double> step : actualLosses.entrySet()) {
                losses = Math.max(losses, difference(expectedLosses.get(step.getKey()), step.getValue()));
            }
            return new RunComparison(
                    expected.size(),
                    expected.equals(committed(disturbed)),
                    expected.size() - actualLosses.size(),
                    losses,
                    weights(undisturbed, disturbed));
        } catch (IOException e) {
            throw new UserException("chaos: " + UserException.reason(e), e);
        }
    }

    /** Whether they are equal up to {@link #TOLERANCE}. */
    public boolean agrees() {
        return sameSteps && losses <= TOLERANCE && weights <= TOLERANCE;
    }

    /** The examples of each step, by the ledger. */
    private static List<JsonNode> committed(Path run) throws IOException {
        List<JsonNode> steps = new ArrayList<>();
        for (String line : Files.readAllLines(run.resolve("ledger.jsonl"))) {
            JsonNode node = JSON.readTree(line);
            if (!node.has("event")) {
                steps.add(node.get("lanes"));
            }
        }
        return steps;
    }

    private static Map<Long, Double> losses(Path run) throws IOException {
        Map<Long, Double> losses = new TreeMap<>();
        for (String line : Files.readAllLines(run.resolve("metrics.jsonl"))) {
            JsonNode node = JSON.readTree(line);
            if (node.has("step_loss")) {
                losses.put(node.get("step").asLong(), node.get("step_loss").asDouble(Double.NaN));
            }
        }
        return losses;
    }

    /** Two that are no numbers, of a step that both skipped, are equal. */
    private static double difference(Double expected, double actual) {
        if (expected == null) {
            return Double.POSITIVE_INFINITY;
        } else if (Double.compare(expected, actual) == 0) {
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
