package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.ScriptModule;

/**
 * What a forward pass of a module takes, for one example.
 *
 * @param macs multiply-accumulates of convolutions, matrix products and attention, as PyTorch's {@code FlopCounterMode} counts them: each
 *     is two floating-point operations. Norms, activations and sums are left out
 * @param saved elements that autograd keeps for the backward pass: what products, norms and activations were given, each tensor once;
 *     attention is the fused kernel, which keeps no scores
 * @param largest elements of the largest tensor
 */
public record Work(long macs, long saved, long largest) {

    static final Work NONE = new Work(0, 0, 0);

    /** Of a module; one that does not say is the sum of its children, each given what the module is. */
    public static Work of(ScriptModule module, Extent in) {
        return module instanceof Counted counted ? counted.work(in) : ofChildren(module, in);
    }

    static Work ofChildren(ScriptModule module, Extent in) {
        return module.children().asMap().values().stream()
                .map(child -> of(child, in))
                .reduce(NONE, Work::plus);
    }

    /** A convolution or a matrix product, by the elements it takes and gives. */
    static Work product(long macs, long in, long out) {
        return new Work(macs, in, Math.max(in, out));
    }

    /** Something that is not counted, but keeps what it was given. */
    static Work keeping(long elements) {
        return new Work(0, elements, elements);
    }

    /** softmax(q k') v: both products, for all heads together; q, k and v are kept, the result is whoever's takes it. */
    static Work attention(long queries, long keys, long channels) {
        return new Work(
                2 * queries * keys * channels, (queries + 2 * keys) * channels, Math.max(queries, keys) * channels);
    }

    public Work plus(Work other) {
        return new Work(macs + other.macs, saved + other.saved, Math.max(largest, other.largest));
    }

    /** The same where another operation keeps what this one is given. */
    Work sharingItsInput() {
        return new Work(macs, 0, largest);
    }
}
