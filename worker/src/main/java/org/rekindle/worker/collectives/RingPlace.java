package org.rekindle.worker.collectives;

/** A rank among the others of its ring. */
record RingPlace(int rank, int worldSize) {

    /** Whose data come here. */
    int predecessor() {
        return Math.floorMod(rank - 1, worldSize);
    }

    /** Where data go from here. */
    int successor() {
        return (rank + 1) % worldSize;
    }
}
