package org.rekindle.worker.collectives;

/** A rank died, fell silent or cannot be reached. */
public final class PeerLostException extends CollectiveAbortedException {

    PeerLostException(int rank, String line) {
        super(rank, line);
    }
}
