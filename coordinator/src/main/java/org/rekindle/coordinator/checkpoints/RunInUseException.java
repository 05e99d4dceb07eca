package org.rekindle.coordinator.checkpoints;

import org.rekindle.data.UserException;

/** Another process holds the run folder. */
public final class RunInUseException extends UserException {

    RunInUseException(String line) {
        super(line);
    }
}
