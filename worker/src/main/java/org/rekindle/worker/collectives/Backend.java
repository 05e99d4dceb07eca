package org.rekindle.worker.collectives;

import org.rekindle.worker.torchscript.Torch;

/** What workers sum by, {@code distributed.dist_backend}. */
public enum Backend {
    RING,
    NCCL;

    /**
     * @param name {@code nccl} or {@code ring}; {@code gloo}, of older configurations, is the ring; null for NCCL where there is a GPU and
     *     the ring where there is none
     */
    public static Backend of(String name, Torch.Build torch) {
        return name == null && torch.gpus() > 0 || "nccl".equals(name) ? NCCL : RING;
    }

    /**
     * What sums in a generation, not connected yet.
     *
     * @param ring of the generation, not connected; the answer's from here on
     */
    public Collective over(RingCollective ring) {
        return this == NCCL ? NcclCollective.over(ring) : ring;
    }
}
