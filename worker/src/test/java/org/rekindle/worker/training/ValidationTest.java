package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.config.ObjectiveConfig;
import org.rekindle.coordinator.config.RunConfig;
import org.rekindle.coordinator.config.ValidationConfig;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.shards.ShardRecipe;

/** Seven held-out shapes and the tiny pipeline. */
class ValidationTest {

    @TempDir
    private Path folder;

    private Path shard;
    private TinyRun run;
    private Checkpoint start;

    @BeforeEach
    void make() {
        shard = folder.resolve("held-out.tar");
        new ShardRecipe("shapes", null, 7, 1L, null, null, null, 32, null, null, null).make(shard.toString());
        run = TinyRun.denoising(folder);
        start = run.fresh();
    }

    private RunConfig config(int batchSize, ObjectiveConfig objective, Map<String, String> filters) {
        RunConfig tiny = run.config();
        DatasetConfig.Params data = new DatasetConfig.Params("", batchSize, null, null, 32, filters, null, null);
        return new RunConfig(
                tiny.system(),
                tiny.distributed(),
                tiny.experiment(),
                tiny.optimizer(),
                tiny.model(),
                new DatasetConfig(null, data, null),
                tiny.lrScheduler(),
                objective,
                new ValidationConfig(shard.toString(), null, 2),
                null,
                null,
                null,
                null);
    }

    private RunConfig config(int batchSize, ObjectiveConfig objective) {
        return config(batchSize, objective, null);
    }

    private double loss(RunConfig config) {
        try (ModelSession session = ModelSession.open(config, start, line -> {})) {
            return session.validationLoss(2).orElseThrow();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {ObjectiveConfig.DENOISING, ObjectiveConfig.AUTOENCODER})
    void theLossIsThatOfTheWeightsAndNothingElse(String target) {
        ObjectiveConfig objective = new ObjectiveConfig(target, null);
        double alone = loss(config(1, objective));
        try (ModelSession session = ModelSession.open(config(3, objective), start, line -> {})) {
            double first = session.validationLoss(2).orElseThrow();
            assertThat(first).isCloseTo(alone, Percentage.withPercentage(1e-3));
            assertThat(session.validationLoss(3)).isEmpty();
            session.computeGradients(1, List.of(TinyRun.batch(1, 0)), 1);
            assertThat(session.validationLoss(2)).hasValue(first);
            session.apply(1);
            assertThat(session.validationLoss(2).orElseThrow()).isNotEqualTo(first);
        }
    }

    @Test
    void theOptionsOfTheTrainingLeaveTheLossAsItIs() {
        ObjectiveConfig.Params options = new ObjectiveConfig.Params(null, null, 1.0, 0.5, 0.5);

        assertThat(loss(config(2, new ObjectiveConfig(null, options))))
                .isEqualTo(loss(config(2, new ObjectiveConfig(null, null))));
    }

    @Test
    void theOptionsOfTheTrainingChangeItsLoss() {
        try (ModelSession plain = ModelSession.open(config(2, new ObjectiveConfig(null, null)), start, line -> {})) {
            double loss =
                    plain.computeGradients(1, List.of(TinyRun.batch(1, 0)), 1).lossSum();
            for (ObjectiveConfig.Params options : List.of(
                    new ObjectiveConfig.Params(null, null, 1.0, null, null),
                    new ObjectiveConfig.Params(null, null, null, 0.5, null),
                    new ObjectiveConfig.Params(null, null, null, null, 0.5))) {
                try (ModelSession session =
                        ModelSession.open(config(2, new ObjectiveConfig(null, options)), start, line -> {})) {
                    assertThat(session.computeGradients(1, List.of(TinyRun.batch(1, 0)), 1)
                                    .lossSum())
                            .as(options.toString())
                            .isNotEqualTo(loss);
                }
            }
        }
    }

    @Test
    void aSetWithoutAUsableExampleIsRefusedAtTheStart() {
        RunConfig config = config(2, new ObjectiveConfig(null, null), Map.of("width", ">=1000"));

        assertThatThrownBy(() -> ModelSession.open(config, start, line -> {}))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("validation.path: none of its examples can be used")
                .hasMessageNotContaining("\n");
    }
}
