package org.rekindle.coordinator.steps;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.rekindle.coordinator.protocol.CoordinatorCommand.Enter;
import org.rekindle.coordinator.protocol.EnterAnswer;

class EntranceTest {

    private static final Map<String, String> RUN = Map.of("system.seed", "1", "system.batch_size", "8", "model.a", "2");

    private static EnterAnswer answer(int protocol, Map<String, String> configuration) {
        return Entrance.answer(new Enter(3, protocol, configuration, null), RUN, "step_00000050");
    }

    @Test
    void whoIsConfiguredAlikeIsWelcome() {
        assertThat(answer(EnterAnswer.PROTOCOL, RUN)).isEqualTo(new EnterAnswer.Welcome("step_00000050"));
    }

    @Test
    void whatDiffersIsTold() {
        Map<String, String> other = Map.of("system.seed", "7", "system.batch_size", "8", "model.b", "2");
        assertThat(((EnterAnswer.Refused) answer(EnterAnswer.PROTOCOL, other)).line())
                .isEqualTo("node 3 has another configuration than the run: model.a is absent, in the run 2,"
                        + " model.b is 2, in the run absent, system.seed is 7, in the run 1; start all nodes with the same"
                        + " YAML and settings");
    }

    @Test
    void anotherVersionIsRefused() {
        assertThat(((EnterAnswer.Refused) answer(0, RUN)).line()).contains("node 3 speaks protocol 0", "same version");
    }
}
