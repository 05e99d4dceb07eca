package org.rekindle.coordinator.checkpoints;

import org.rekindle.data.UserException;

/** A checkpoint was refused because the run went on without the generation that it is of. */
public final class FencedException extends UserException {

    FencedException(String line) {
        super(line);
    }
}
