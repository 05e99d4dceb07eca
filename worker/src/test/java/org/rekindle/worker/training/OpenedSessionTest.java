package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.checkpoints.Checkpoint;
import org.rekindle.coordinator.checkpoints.CheckpointFolder;
import org.rekindle.data.UserException;
import org.rekindle.data.lanes.LaneCursor;

class OpenedSessionTest {

    @TempDir
    Path folder;

    private Checkpoint commit(CheckpointFolder checkpoints, long step) {
        TrainerStates states = new TrainerStates(1, 2, 0, "");
        return checkpoints.commit(states.at(step, Map.of(0, LaneCursor.START), null), 0, empty -> {});
    }

    @Test
    void whoLoadsACheckpointThatIsRemovedMeanwhileBeginsAgainWithTheNewest() {
        CheckpointFolder checkpoints = CheckpointFolder.open(folder, 1);
        Checkpoint start = commit(checkpoints, 0);

        OpenedSession opened = OpenedSession.of(checkpoints, start, from -> {
            if (from.step() < 2) {
                commit(checkpoints, from.step() + 1);
            }
            if (!Files.isDirectory(from.folder())) {
                throw new UserException(from.pipeline() + ": no such file");
            }
            return new FakeSession(from.state());
        });

        assertThat(opened.start().step()).isEqualTo(2);
    }

    @Test
    void whatIsWrongWithACheckpointThatIsThereIsTold() {
        CheckpointFolder checkpoints = CheckpointFolder.open(folder, 2);
        Checkpoint start = commit(checkpoints, 0);
        Function<Checkpoint, TrainingSession> damaged = from -> {
            commit(checkpoints, 1);
            throw new UserException("step " + from.step() + " is damaged");
        };

        assertThatThrownBy(() -> OpenedSession.of(checkpoints, start, damaged)).hasMessage("step 0 is damaged");
    }
}
