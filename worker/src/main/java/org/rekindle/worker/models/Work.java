package org.rekindle.worker.models;

import java.util.Map;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * What a forward pass of a module takes, and its backward pass, for one example.
 *
 * <p>Autograd drops what an operation kept as soon as its backward has run. So the fullest moment of a training step is not what all
 * operations keep and the largest tensors beside it: it is early in the backward pass, and {@link #plus} finds it.
 *
 * @param macs multiply-accumulates of convolutions, matrix products and attention, as PyTorch's {@code FlopCounterMode} counts them: each
 *     is two floating-point operations. Norms, activations and sums are left out
 * @param saved elements that autograd keeps for the backward pass: what products, norms and activations were given, each tensor once
 * @param peak elements at the fullest moment of both passes: what is kept by then, results, and gradients at hand
 * @param largest elements of the largest tensor
 */
public record Work(long macs, long saved, long peak, long largest) {

    static final Work NONE = new Work(0, 0, 0, 0);

    /** Of a module; one that does not say is the sum of its children, one after the other, each given what the module is. */
    public static Work of(ScriptModule module, Extent in) {
        return module instanceof Counted counted ? counted.work(in) : ofChildren(module, in);
    }

    static Work ofChildren(ScriptModule module, Extent in) {
        return module.children().asMap().values().stream()
                .map(child -> of(child, in))
                .reduce(NONE, Work::plus);
    }

    /**
     * Of residual blocks, each followed by the attention of its number, where there is one.
     *
     * @param block has them as {@code resnets} and {@code attentions}
     */
    static Work inTurns(ScriptModule block, Extent in) {
        Map<String, ScriptModule> parts = block.children().asMap();
        Map<String, ScriptModule> attentions = parts.containsKey("attentions")
                ? parts.get("attentions").children().asMap()
                : Map.of();
        Work work = NONE;
        for (Map.Entry<String, ScriptModule> resnet :
                parts.get("resnets").children().asMap().entrySet()) {
            work = work.plus(of(resnet.getValue(), in));
            ScriptModule attention = attentions.get(resnet.getKey());
            work = attention == null ? work : work.plus(of(attention, in));
        }
        return work;
    }

    /** A matrix product, by the elements it takes and gives: it keeps what it is given; both gradients are at hand in the end. */
    static Work product(long macs, long in, long out) {
        return new Work(macs, in, 2 * in + out, Math.max(in, out));
    }

    /**
     * A convolution. On a CPU oneDNN computes in a layout of its own: what it is given and what it gives, or their gradients, are there
     * twice for a moment.
     */
    static Work convolution(long macs, long in, long out, Hardware hardware) {
        Work product = product(macs, in, out);
        return hardware == Hardware.CPU ? product.beside(in + out) : product;
    }

    /** Something that is not counted, but keeps what it was given, and gives as much. */
    static Work keeping(long elements) {
        return new Work(0, elements, 3 * elements, elements);
    }

    /**
     * softmax(q k' / sqrt(D)) v by the fused kernel, all heads together: it keeps q, k, v and its result, but no scores. Backward, the
     * result's gradient and those of q, k and v are there too.
     */
    static Work fusedAttention(long queries, long keys, long channels) {
        long saved = 2 * (queries + keys) * channels;
        return new Work(
                2 * queries * keys * channels,
                saved,
                saved + 2 * (queries + keys) * channels,
                Math.max(queries, keys) * channels);
    }

    /** The same by plain products, which keep softmax's result as well; in the backward pass its gradient and the scores' are there. */
    static Work plainAttention(long queries, long keys, long channels, int heads) {
        long scores = heads * queries * keys;
        long saved = 2 * (queries + keys) * channels + scores;
        return new Work(
                2 * queries * keys * channels,
                saved,
                saved + 2 * (queries + keys) * channels + 2 * scores,
                Math.max(scores, Math.max(queries, keys) * channels));
    }

    /** This, then another; while that one goes backward, what this one keeps is still there, not the other way round. */
    public Work plus(Work next) {
        return new Work(
                macs + next.macs,
                saved + next.saved,
                Math.max(peak, saved + next.peak),
                Math.max(largest, next.largest));
    }

    /** The same while other tensors are held, such as the gradient that goes past a residual branch. */
    Work beside(long elements) {
        return new Work(macs, saved, peak + elements, largest);
    }

    /** The same where an operation before this one keeps the tensor that this one is given, of so many elements. */
    Work sharing(long input) {
        return new Work(macs, saved - input, peak - input, largest);
    }

    /** The same with a weight's cast, which autograd keeps as it was used. */
    Work withCast(long weight) {
        return new Work(macs, saved + weight, peak + weight, largest);
    }
}
