package org.rekindle.worker.training;

import java.util.List;
import org.rekindle.worker.models.SegmentWork;
import org.rekindle.worker.models.Work;
import org.rekindle.worker.torchscript.ComputeType;

/**
 * Bytes that the examples of one lane take while its gradients are computed, by what autograd keeps and what is at hand beside it. What
 * libraries take for themselves (cuDNN's workspaces, an allocator's gaps) is not in it.
 *
 * @param batch examples of a lane
 * @param type computed in
 */
record ActivationMemory(int batch, ComputeType type) {

    /** The largest tensors that a residual block's forward pass has at hand: its input, what an operation is given, and its result. */
    private static final int AT_HAND = 3;

    /** Of a plain pass: its fullest moment. */
    long plain(Work work) {
        return bytes(work.peak());
    }

    /**
     * Of a pass by segments, at the fullest moment of the backward pass of one of them: the states up to its result, that result once
     * more, and its own fullest moment. Gradients of what it hands on are there as they come and as they go.
     */
    long checkpointed(List<SegmentWork> segments) {
        long states = 0;
        long most = 0;
        for (SegmentWork segment : segments) {
            states += segment.state();
            long beside = states + segment.output() + 2 * segment.passing();
            most = Math.max(most, bytes(beside) + plain(segment.work()));
        }
        return most;
    }

    /** Of a forward pass that nothing is kept of. */
    long forward(Work work) {
        return bytes(AT_HAND * work.largest());
    }

    private long bytes(long elements) {
        return elements * batch * type.bytes();
    }
}
