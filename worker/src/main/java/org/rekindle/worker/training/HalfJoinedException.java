package org.rekindle.worker.training;

/** The node that let this one into the cluster was lost before it told the others: nobody knows this one. It has to join again, as another. */
public final class HalfJoinedException extends RuntimeException {

    private static final long serialVersionUID = 1;

    HalfJoinedException() {
        super("the node that let this one in was lost before the others knew; joining again");
    }
}
