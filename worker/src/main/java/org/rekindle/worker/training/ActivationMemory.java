package org.rekindle.worker.training;

import java.util.List;
import org.rekindle.worker.models.SegmentWork;
import org.rekindle.worker.models.Work;
import org.rekindle.worker.torchscript.ComputeType;

/**
 * Bytes that the examples of one lane take while its gradients are computed: an estimate, of a GPU, whose attention keeps no scores.
 *
 * @param batch examples of a lane
 * @param type computed in
 */
record ActivationMemory(int batch, ComputeType type) {

    /** The largest tensors that an operation, or its backward, has at hand beside what is kept: input, result and gradient. */
    private static final int AT_HAND = 3;

    /** Of a plain pass: all that autograd keeps. */
    long plain(Work work, long parameters) {
        return bytes(work.saved() + AT_HAND * work.largest()) + casts(parameters);
    }

    /** Of a pass by segments: the states between them, and all that autograd keeps of the one that takes most. */
    long checkpointed(List<SegmentWork> segments) {
        long states = segments.stream().mapToLong(SegmentWork::state).sum();
        long most = segments.stream()
                .mapToLong(segment -> plain(segment.work(), segment.parameters()))
                .max()
                .orElse(0);
        return bytes(states) + most;
    }

    /** Of a forward pass that nothing is kept of. */
    long forward(Work work) {
        return bytes(AT_HAND * work.largest());
    }

    private long bytes(long elements) {
        return elements * batch * type.bytes();
    }

    /** Autograd keeps the weights as they were used; where that is a cast of the fp32 masters, it is another tensor. */
    private long casts(long parameters) {
        return type == ComputeType.FP32 ? 0 : parameters * type.bytes();
    }
}
