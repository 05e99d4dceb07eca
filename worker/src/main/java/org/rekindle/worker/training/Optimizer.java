package org.rekindle.worker.training;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rekindle.coordinator.config.EmaConfig;
import org.rekindle.coordinator.config.ModelConfig;
import org.rekindle.coordinator.config.OptimizerConfig;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.Torch;
import org.rekindle.worker.torchscript.TorchModule;

/**
 * AdamW with global clipping and EMA over the parameters of one module. Owns gradients, moments and averages: fp32, on the module's
 * device, allocated once for the life of the run. One thread at a time.
 */
final class Optimizer implements AutoCloseable {

    private final NDManager manager;

    /** For the scalars that scripts read on the host: on a GPU, reading them there would wait for it. */
    private final NDManager host;

    private final TorchModule script;
    private final Map<String, NDArray> parameters;
    private final List<NDArray> gradients;
    private final Map<String, NDArray> expAvg; // of the parameters of this rank, as are the next two
    private final Map<String, NDArray> expAvgSq;
    private final Map<String, NDArray> ema;
    private final Double maxGradNorm;
    private final EmaConfig averaging;
    private final boolean averages;
    private ParameterShards shards;
    private long updates;

    private Optimizer(NDManager manager, TorchModule model, OptimizerConfig.Params params, ModelConfig config) {
        this.manager = manager;
        this.host = Torch.manager(Device.cpu());
        this.script = TorchModule.load(
                manager, new OptimizerStep(params.beta1(), params.beta2(), params.weightDecay(), params.epsilon()));
        this.parameters = model.parameters();
        this.gradients = allocateGradients(model);
        this.expAvg = forEachParameter(parameter -> manager.zeros(parameter.getShape()));
        this.expAvgSq = forEachParameter(parameter -> manager.zeros(parameter.getShape()));
        this.averages = config.useEma();
        this.ema = averages ? forEachParameter(NDArray::duplicate) : Map.of();
        this.shards = ParameterShards.whole(parameters.size());
        this.maxGradNorm = config.maxGradNorm();
        this.averaging = config.ema();
    }

    /**
     * Makes a module trainable. Moments are zero and averages equal the weights; {@link #updates} is 0.
     *
     * @param parent its device is the module's
     */
    static Optimizer of(NDManager parent, TorchModule model, OptimizerConfig.Params params, ModelConfig config) {
        NDManager manager = parent.newSubManager();
        return new Optimizer(manager, model, params, config);
    }

    /** A backward pass of zeros makes the gradients, so that later passes only ever add to them in place. */
    private List<NDArray> allocateGradients(TorchModule model) {
        model.setTrainable(true);
        List<NDArray> weights = List.copyOf(parameters.values());
        try (NDManager scope = manager.newSubManager()) {
            Torch.backward(
                    Torch.withGrad(() -> script.call(scope, "touch", weights).singletonOrThrow()));
        }
        return weights.stream().map(weight -> Torch.gradient(manager, weight)).toList();
    }

    private Map<String, NDArray> forEachParameter(UnaryOperator<NDArray> make) {
        Map<String, NDArray> made = new LinkedHashMap<>();
        parameters.forEach((name, parameter) -> {
            NDArray array = make.apply(parameter);
            array.attach(manager);
            made.put(name, array);
        });
        return made;
    }

    /**
     * Lets this rank own a share of the parameters: it keeps their moments and averages and gives the others back. What it comes to own is
     * zero, averages equal the weights, until a checkpoint is restored. Another call of the same place changes nothing.
     */
    void share(int rank, int worldSize) {
        List<Long> sizes = parameters.values().stream().map(NDArray::size).toList();
        ParameterShards next =
                worldSize == 1 ? ParameterShards.whole(parameters.size()) : ParameterShards.of(sizes, rank, worldSize);
        if (next.equals(shards)) {
            return;
        }
        shards = next;
        List<String> names = List.copyOf(parameters.keySet());
        Set<String> own = next.own().stream().map(names::get).collect(Collectors.toSet());
        keep(expAvg, own, parameter -> manager.zeros(parameter.getShape()));
        keep(expAvgSq, own, parameter -> manager.zeros(parameter.getShape()));
        if (averages) {
            keep(ema, own, NDArray::duplicate);
        }
    }

    private void keep(Map<String, NDArray> arrays, Set<String> own, UnaryOperator<NDArray> make) {
        Map<String, NDArray> before = Map.copyOf(arrays);
        arrays.clear();
        before.forEach((name, array) -> {
            if (!own.contains(name)) {
                array.close();
            }
        });
        parameters.forEach((name, parameter) -> {
            if (own.contains(name)) {
                NDArray array = before.containsKey(name) ? before.get(name) : make.apply(parameter);
                array.attach(manager);
                arrays.put(name, array);
            }
        });
    }

    /** Whether averages of all parameters are kept, here or on other ranks. */
    boolean keepsAverages() {
        return averages;
    }

    /** Who owns which parameters, in the order of {@link #parameters}. */
    ParameterShards shards() {
        return shards;
    }

    /**
     * Returns loss sum and gradient norm before clipping, of shape (2), in double precision; reading it waits for the device. Where this
     * rank owns a part of the parameters, the norm is of their gradients alone.
     *
     * @param losses of shape ()
     */
    NDArray measure(NDManager scope, List<NDArray> losses) {
        return Torch.noGrad(
                () -> script.call(scope, "measure", own(gradients), losses).singletonOrThrow());
    }

    private List<NDArray> own(List<NDArray> arrays) {
        return shards.own().stream().map(arrays::get).toList();
    }

    private List<NDArray> ownWeights() {
        return own(List.copyOf(parameters.values()));
    }

    /**
     * Clips and updates the weights of this rank; {@link #average} is to follow. Gradients are used up: {@link #zeroGradients} before the next backward pass.
     *
     * @param measured what {@link #measure} gave for these gradients, with the norm of all parameters' gradients
     */
    void update(NDArray measured, double learningRate) {
        updates++;
        Torch.noGrad(() -> {
            try (NDManager scope = manager.newSubManager();
                    NDManager scalars = host.newSubManager()) {
                List<NDArray> ownGradients = own(gradients);
                if (maxGradNorm != null) {
                    script.call(scope, "clip", ownGradients, measured, Tensors.scalar(scope, maxGradNorm.floatValue()));
                }
                script.call(
                        scope,
                        "adamw",
                        ownWeights(),
                        ownGradients,
                        List.copyOf(expAvg.values()),
                        List.copyOf(expAvgSq.values()),
                        Tensors.scalar(scope, (float) updates),
                        Tensors.scalar(scalars, learningRate));
                return null;
            }
        });
    }

    /** Moves the averages of this rank, if it keeps any, towards the weights that the last update gave. */
    void average() {
        if (!ema.isEmpty()) {
            average(1 - ExponentialMovingAverage.decayOf(averaging, updates));
        }
    }

    /** Moves the averages towards the weights: all the way for 1. */
    private void average(double weight) {
        Torch.noGrad(() -> {
            try (NDManager scope = manager.newSubManager();
                    NDArray scalar = Tensors.scalar(host, weight)) {
                return script.call(scope, "average", List.copyOf(ema.values()), ownWeights(), scalar);
            }
        });
    }

    /** A scope on the device of the weights; close it. */
    NDManager scope() {
        return manager.newSubManager();
    }

    /** The memory of all weights; see {@link Tensors#memory}. */
    List<ByteBuffer> weightMemory() {
        return parameters.values().stream().map(Tensors::memory).toList();
    }

    /** The memory of all gradients: what is written there is the gradient. */
    List<ByteBuffer> gradientMemory() {
        return gradients.stream().map(Tensors::memory).toList();
    }

    /** The memory of weights, moments and averages. */
    List<ByteBuffer> stateMemory() {
        return Stream.of(parameters, expAvg, expAvgSq, ema)
                .flatMap(arrays -> arrays.values().stream())
                .map(Tensors::memory)
                .toList();
    }

    void zeroGradients() {
        Torch.zeroGradients(gradients);
    }

    /** Updates made in the life of the run: what Adam's bias correction and the EMA's warm-up count. */
    long updates() {
        return updates;
    }

    /** Forgets the moments, as before the first update. */
    void zeroMoments() {
        Torch.zeroGradients(List.copyOf(expAvg.values()));
        Torch.zeroGradients(List.copyOf(expAvgSq.values()));
    }

    /** Sets the averages to the weights. */
    void restartAverages() {
        if (!ema.isEmpty()) {
            average(1);
        }
    }

    void setUpdates(long updates) {
        this.updates = updates;
    }

    /** The weights; live. */
    Map<String, NDArray> parameters() {
        return parameters;
    }

    /** First moments by parameter of this rank; live. */
    Map<String, NDArray> expAvg() {
        return expAvg;
    }

    /** Second moments by parameter of this rank; live. */
    Map<String, NDArray> expAvgSq() {
        return expAvgSq;
    }

    /** Averaged weights by parameter of this rank; live. Empty where the run keeps none. */
    Map<String, NDArray> ema() {
        return ema;
    }

    @Override
    public void close() {
        manager.close();
        host.close();
    }
}
