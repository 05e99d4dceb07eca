package org.rekindle.coordinator.checkpoints;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.rekindle.data.UserException;

/**
 * The checkpoints of a run, wherever they are kept. One is there whole or not at all, whatever its writer was killed at. Threads: any;
 * commits run one at a time.
 */
public interface Checkpoints {

    /**
     * Writes a checkpoint and commits it, by a worker or the one who begins the run: either it is there whole afterwards, or an exception says why not, nothing of it is left and
     * the checkpoints before it are untouched. Where a whole checkpoint of the same state is there already nothing is written; another
     * one of the same step is replaced.
     *
     * @param state becomes {@code trainer.json}; its step names the folder
     * @param generation the generation that the state is of
     * @param writer writes everything else into the folder it is given, which nobody reads yet; files that did not change may be
     *     hard links to the previous checkpoint's; may throw {@link java.io.UncheckedIOException}
     * @throws UserException in one line, when the disk is full or cannot be written
     * @throws FencedException when the run went on without it: from another checkpoint, or under another coordinator
     */
    Checkpoint commit(TrainerState state, long generation, Consumer<Path> writer);

    /** From now on what was computed in an older generation is refused. */
    void fence(long generation);

    /** The oldest generation whose state is taken; 0 where all are. */
    long fence();

    /** The run goes on from a checkpoint in this generation; weights of older ones are no longer the run's. */
    void beginLineage(long generation);

    /** The generation that began at the checkpoint that the run went back to last; 0 where it never did. */
    long lineage();

    /** Where the checkpoint of a step is, or would be, for {@link #read} of any node. */
    String location(long step);

    /**
     * Reads a checkpoint that another node has checked.
     *
     * @throws UserException when it is not there
     */
    Checkpoint read(String location);

    /** The same, for who takes the weights from others: the newest one where that one was removed meanwhile. */
    Checkpoint readOrNewest(String location);

    /**
     * The newest checkpoint whose files all have the size that its manifest says. Its files may be elsewhere.
     *
     * @throws UserException when there is none
     */
    TrainerState newestIntact();

    /**
     * Finds the newest checkpoint whose files all have the size and SHA-256 that its manifest says.
     *
     * @param passedOver is told, in a line each, of newer ones that were passed over and why
     * @throws UserException when they cannot be read
     */
    Optional<Checkpoint> newestValid(Consumer<String> passedOver);

    /** Whether there are none, valid or not. */
    boolean isEmpty() throws IOException;

    /** Lets {@code current_pipeline} lead to a checkpoint; a kill may have come between a commit and its link. */
    void linkTo(Checkpoint checkpoint) throws IOException;
}
