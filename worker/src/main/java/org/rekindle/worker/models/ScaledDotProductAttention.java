package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.ScriptModule;

/**
 * softmax(q k' / sqrt(D)) v for q (N, heads, S, D) and k, v (N, heads, L, D); the fastest way for device and size.
 *
 * @param upcast {@code upcast_attention}: whether the scores q k' and their softmax are fp32 in a model of bf16. The fused kernel has
 *     them so in any case: it multiplies bf16 but sums up, and keeps its softmax, in fp32. So the flag changes the plain products alone,
 *     and nothing where the model computes in fp32.
 */
record ScaledDotProductAttention(boolean upcast) implements ScriptModule {

    /** Scores per head up to which plain products beat the fused kernel on a CPU; its backward pass is slow, in bf16 above all. */
    private static final int LARGEST_PLAIN = 256 * 256;

    Work work(int queries, int keys, long channels, int heads, Hardware hardware) {
        return isPlain(queries, keys, hardware)
                ? Work.plainAttention(queries, keys, channels, heads)
                : Work.fusedAttention(queries, keys, channels);
    }

    private static boolean isPlain(long queries, long keys, Hardware hardware) {
        return hardware == Hardware.CPU && queries * keys <= LARGEST_PLAIN;
    }

    @Override
    public String methods() {
        return """
            def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
              if q.is_cuda or q.shape[2] * k.shape[2] > %d:
                h = torch.scaled_dot_product_attention(q, k, v)
              else:
                scores = torch.matmul(q%2$s * q.shape[3] ** -0.5, k%2$s.transpose(2, 3))  # (N, heads, S, L)
                h = torch.matmul(torch.softmax(scores, -1)%3$s, v)
              return h
            """.formatted(LARGEST_PLAIN, upcast ? ".to(6)" : "", upcast ? ".to(v.dtype)" : "");
    }
}
