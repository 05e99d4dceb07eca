package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.ScriptModule;

/** softmax(q k' / sqrt(D)) v for q (N, heads, S, D) and k, v (N, heads, L, D); the fastest way for device and size. */
record ScaledDotProductAttention() implements ScriptModule {

    /** Scores per head up to which plain products beat the fused kernel on a CPU; its backward pass is slow, in bf16 above all. */
    private static final int LARGEST_PLAIN = 256 * 256;

    @Override
    public String methods() {
        return """
            def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
              if q.is_cuda or q.shape[2] * k.shape[2] > %d:
                h = torch.scaled_dot_product_attention(q, k, v)
              else:
                scores = torch.matmul(q * q.shape[3] ** -0.5, k.transpose(2, 3))          # (N, heads, S, L)
                h = torch.matmul(torch.softmax(scores, -1), v)
              return h
            """.formatted(LARGEST_PLAIN);
    }
}
