package org.rekindle.worker.collectives;

/**
 * Why a ring came to its end.
 *
 * @param kind {@link ControlMessage.Kind#ABORTED} or {@link ControlMessage.Kind#LOST}
 * @param rank who aborted, or is lost
 * @param detail what was seen
 */
record RingFailure(ControlMessage.Kind kind, int rank, String detail) {

    static RingFailure aborted(int rank, String detail) {
        return new RingFailure(ControlMessage.Kind.ABORTED, rank, detail);
    }

    static RingFailure lost(int rank, String detail) {
        return new RingFailure(ControlMessage.Kind.LOST, rank, detail);
    }

    /** @param by the rank that passed it on */
    static RingFailure told(ControlMessage notice, int by) {
        return new RingFailure(notice.kind(), notice.value(), "told by rank " + by);
    }

    ControlMessage notice() {
        return new ControlMessage(kind, rank);
    }

    CollectiveAbortedException exception(long generation) {
        String where = "ring of generation " + generation + ": rank " + rank;
        return kind == ControlMessage.Kind.LOST
                ? new PeerLostException(rank, where + " is lost: " + detail)
                : new CollectiveAbortedException(rank, where + " aborted: " + detail);
    }
}
