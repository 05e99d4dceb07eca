package org.rekindle.worker.collectives;

/** The collective came to an end before the operation did; the generation is over on every rank. */
public class CollectiveAbortedException extends RuntimeException {

    private final int rank;

    public CollectiveAbortedException(int rank, String line) {
        super(line);
        this.rank = rank;
    }

    /** The rank that aborted or is lost; -1 where NCCL lost one and does not say which. */
    public int rank() {
        return rank;
    }
}
