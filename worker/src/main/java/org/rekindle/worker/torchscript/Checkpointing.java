package org.rekindle.worker.torchscript;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.List;

/**
 * Trades time for memory: runs a module segment by segment, keeps only the states between segments, and runs a segment again when its
 * gradients are due (Chen et al. 2016, arXiv:1604.06174). Gradients are bit-equal to those of a plain pass.
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

    private Checkpointing(NDManager manager, TorchModule module, List<String> segments, NDArray constant) {
        this.manager = manager;
        this.module = module;
        this.segments = segments;
        this.constant = constant;
    }

    /**
     * Runs all segments without recording gradients.
     *
     * @param scope its closing frees the states, as {@link #close} does
     * @param inputs the first state
     */
    public static Checkpointing forward(
            NDManager scope, TorchModule module, List<String> segments, List<NDArray> inputs, NDArray constant) {
        Checkpointing pass = new Checkpointing(scope.newSubManager(), module, List.copyOf(segments), constant);
        pass.states.add(new NDList(inputs));
        for (String segment : segments) {
            pass.states.add(Torch.noGrad(() -> module.call(pass.manager, segment, pass.last(), constant)));
        }
        return pass;
    }

    private NDList last() {
        return states.get(states.size() - 1);
    }

    /** The only tensor of the last segment's state. */
    public NDArray output() {
        return last().singletonOrThrow();
    }

    /** Adds to the parameters' gradients those that follow from the output's gradient. Once per pass. */
    public void backward(NDArray outputGradient) {
        NDList gradients = new NDList(outputGradient);
        for (int i = segments.size() - 1; i >= 0; i--) {
            gradients = backward(i, gradients);
        }
    }

    private NDList backward(int segment, NDList gradients) {
        try (NDManager scope = manager.newSubManager()) {
            boolean first = segment == 0;
            List<NDArray> inputs = states.get(segment);
            List<NDArray> leaves = first
                    ? inputs
                    : inputs.stream().map(input -> Torch.leaf(scope, input)).toList();
            NDList outputs = Torch.withGrad(() -> module.call(scope, segments.get(segment), leaves, constant));
            List<NDArray> reached = new ArrayList<>(); // later segments may leave a tensor unused
            List<NDArray> reaching = new ArrayList<>();
            for (int i = 0; i < gradients.size(); i++) {
                if (gradients.get(i) != null) {
                    reached.add(outputs.get(i));
                    reaching.add(gradients.get(i));
                }
            }
            Torch.backward(reached, reaching);
            if (segment + 1 < segments.size()) { // the output and its gradient are the caller's
                reaching.forEach(NDArray::close);
                states.get(segment + 1).close();
            }
            return first
                    ? new NDList()
                    : new NDList(leaves.stream()
                            .map(leaf -> Torch.gradient(manager, leaf))
                            .toList());
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
