package org.rekindle.worker.torchscript;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Trades time for memory: runs a module segment by segment, keeps of some only the states between them, and runs these again when their
 * gradients are due (Chen et al. 2016, arXiv:1604.06174). Gradients are bit-equal to those of a plain pass, whichever segments that are.
 *
 * <p>A segment is a method {@code name(state: List[Tensor], constant: Tensor) -> List[Tensor]}. Tensors that later segments need pass
 * through it; no gradient is computed for the constant and the first state.
 */
public final class Checkpointing implements AutoCloseable {

    private final NDManager manager;
    private final TorchModule module;
    private final List<String> segments;
    private final NDArray constant;

    /** The states before each segment, and the last one's result. */
    private final List<NDList> states = new ArrayList<>();

    /** What autograd has recorded of each segment; null where it is to be run again. */
    private final List<Recorded> recorded = new ArrayList<>();

    /**
     * A segment that autograd has recorded, cut off from the one before.
     *
     * @param scope owner of the tensors; its closing lets go of what autograd keeps
     * @param leaves the state before, where the gradients arrive
     */
    private record Recorded(NDManager scope, List<NDArray> leaves, NDList outputs) {}

    private Checkpointing(NDManager manager, TorchModule module, List<String> segments, NDArray constant) {
        this.manager = manager;
        this.module = module;
        this.segments = segments;
        this.constant = constant;
    }

    /**
     * Runs all segments, recording gradients of those that are not to be run again.
     *
     * @param scope its closing frees the states, as {@link #close} does
     * @param recomputed the segments to run again in {@link #backward}
     * @param inputs the first state
     */
    public static Checkpointing forward(
            NDManager scope,
            TorchModule module,
            List<String> segments,
            Set<String> recomputed,
            List<NDArray> inputs,
            NDArray constant) {
        Checkpointing pass = new Checkpointing(scope.newSubManager(), module, List.copyOf(segments), constant);
        pass.states.add(new NDList(inputs));
        for (int i = 0; i < segments.size(); i++) {
            pass.forward(i, recomputed.contains(segments.get(i)));
        }
        return pass;
    }

    private void forward(int segment, boolean again) {
        Recorded kept = again ? null : record(segment);
        recorded.add(kept);
        states.add(
                again
                        ? Torch.noGrad(() -> module.call(manager, segments.get(segment), last(), constant))
                        : kept.outputs());
    }

    private Recorded record(int segment) {
        NDManager scope = manager.newSubManager();
        List<NDArray> inputs = states.get(segment);
        List<NDArray> leaves = segment == 0
                ? inputs
                : inputs.stream().map(input -> Torch.leaf(scope, input)).toList();
        return new Recorded(
                scope, leaves, Torch.withGrad(() -> module.call(scope, segments.get(segment), leaves, constant)));
    }

    private NDList last() {
        return states.get(states.size() - 1);
    }

    /** The only tensor of the last segment's state; gone after {@link #backward}. */
    public NDArray output() {
        return last().singletonOrThrow();
    }

    /**
     * Adds to the parameters' gradients those that follow from the output's gradient. Once per pass.
     *
     * @param done told of each segment, the last one first, when the gradients of its parameters are there; what it throws ends the pass
     */
    public void backward(NDArray outputGradient, Consumer<String> done) {
        NDList gradients = new NDList(outputGradient);
        for (int i = segments.size() - 1; i >= 0; i--) {
            gradients = backward(i, gradients);
            done.accept(segments.get(i));
        }
    }

    private NDList backward(int segment, NDList gradients) {
        Recorded pass = recorded.get(segment) == null ? record(segment) : recorded.get(segment);
        try (NDManager scope = pass.scope()) {
            List<NDArray> reached = new ArrayList<>(); // later segments may leave a tensor unused
            List<NDArray> reaching = new ArrayList<>();
            for (int i = 0; i < gradients.size(); i++) {
                if (gradients.get(i) != null) {
                    reached.add(pass.outputs().get(i));
                    reaching.add(gradients.get(i));
                }
            }
            Torch.backward(reached, reaching);
            states.get(segment + 1).close();
            if (segment + 1 < segments.size()) { // the output's gradient is the caller's
                reaching.forEach(NDArray::close);
            }
            return segment == 0
                    ? new NDList()
                    : new NDList(pass.leaves().stream()
                            .map(leaf -> Torch.gradient(manager, leaf))
                            .toList());
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
