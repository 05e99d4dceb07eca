package org.rekindle.worker.pipeline;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.rekindle.data.UserException;
import org.rekindle.worker.torchscript.ScriptModule;
import org.rekindle.worker.torchscript.Tensors;
import org.rekindle.worker.torchscript.TorchModule;

/** Weights between safetensors files and the parameters of a module. */
public final class Weights {

    private Weights() {}

    /**
     * Reads all tensors of a file, fp32, fp16, bf16 or fp64, straight into the module's fp32 parameters: nothing is in memory twice.
     * Names and shapes of older releases are understood.
     *
     * @param component name for messages, such as {@code unet}
     * @throws UserException naming component, tensor, expected and found, when one is missing, unknown, of another shape or not a float;
     *     nothing has been copied then
     */
    public static void load(TorchModule module, SafetensorsFile file, String component) {
        load(module.parameters(), file, component);
    }

    /** As {@link #load(TorchModule, SafetensorsFile, String)}, into live fp32 arrays by state-dict name. */
    public static void load(Map<String, NDArray> parameters, SafetensorsFile file, String component) {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        parameters.forEach((name, parameter) -> shapes.put(name, parameter.getShape()));
        Map<String, String> sources = sources(shapes, file, component);
        parameters.forEach(
                (name, parameter) -> Tensors.fill(parameter, memory -> file.read(sources.get(name), memory)));
    }

    /** Opens the weights, or the index of several files of them, in a component's own folder; close them. */
    public static SafetensorsFile open(Path folder, Component component) {
        return SafetensorsFile.open(ComponentFiles.weights(folder, component));
    }

    /**
     * The values in a file of a module's parameters, by their names; read when asked for.
     *
     * @throws UserException as {@link #load}
     */
    public static Function<String, FloatBuffer> of(ScriptModule module, SafetensorsFile file, String component) {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        module.stateDict().forEach((name, parameter) -> shapes.put(name, parameter.shape()));
        Map<String, String> sources = sources(shapes, file, component);
        return name -> FloatBuffer.wrap(file.tensor(sources.get(name)).floats());
    }

    /** The file's name of each parameter, whose shape and type are checked. */
    private static Map<String, String> sources(Map<String, Shape> parameters, SafetensorsFile file, String component) {
        Map<String, String> sources = matched(parameters.keySet(), file, component);
        parameters.forEach((name, shape) -> check(shape.getShape(), file, sources.get(name), component));
        return sources;
    }

    /** A host copy of all parameters by name, free of native memory. */
    public static Map<String, HostTensor> copyToHost(TorchModule module) {
        Map<String, HostTensor> copies = new LinkedHashMap<>();
        module.parameters()
                .forEach((name, parameter) ->
                        copies.put(name, new HostTensor(parameter.getShape().getShape(), Tensors.floats(parameter))));
        return copies;
    }

    /** A writer of these tensors. */
    public static SafetensorsWriter writer(Map<String, HostTensor> tensors) {
        SafetensorsWriter writer = new SafetensorsWriter();
        tensors.forEach((name, tensor) -> writer.add(name, tensor.shape(), tensor.values()));
        return writer;
    }

    /**
     * A tensor on the heap.
     *
     * @param shape its dimensions
     * @param values its elements in row-major order
     */
    public record HostTensor(long[] shape, float[] values) {}

    /** The file's name of each parameter. */
    private static Map<String, String> matched(Set<String> parameters, SafetensorsFile file, String component) {
        Map<String, String> sources = new TreeMap<>();
        Set<String> unknown = new TreeSet<>();
        for (String name : file.names()) {
            if (TensorNames.isConstant(name) || T5TensorNames.isRedundant(name, parameters, file)) {
                continue;
            }
            String parameter = TensorNames.parameter(T5TensorNames.parameter(name, parameters), parameters);
            if (!parameters.contains(parameter)) {
                unknown.add(name);
                continue;
            }
            String other = sources.put(parameter, name);
            if (other != null) {
                throw new UserException(component + ": " + file.path() + " holds tensor " + parameter + " twice, as "
                        + other + " and as " + name + "; remove one");
            }
        }
        Set<String> missing = new TreeSet<>(parameters);
        missing.removeAll(sources.keySet());
        if (!missing.isEmpty()) {
            throw new UserException(component + ": " + file.path() + " lacks " + named(missing, parameters.size())
                    + " that its config.json asks for"
                    + (unknown.isEmpty()
                            ? ""
                            : " and holds " + named(unknown, file.names().size()) + " unknown")
                    + "; take weights and config of the same model");
        }
        if (!unknown.isEmpty()) {
            throw new UserException(component + ": " + file.path() + " holds "
                    + named(unknown, file.names().size())
                    + " that its config.json does not ask for; take weights and config of the same model");
        }
        return sources;
    }

    private static String named(Set<String> names, int all) {
        String first = names.iterator().next();
        return names.size() == 1
                ? "tensor " + first
                : names.size() + " of " + all + " tensors, the first " + first + ",";
    }

    private static void check(long[] expected, SafetensorsFile file, String name, String component) {
        if (!Arrays.equals(expected, TensorNames.shape(name, file.shape(name)))) {
            throw new UserException(component + ": tensor " + name + " of " + file.path() + " has shape "
                    + Arrays.toString(file.shape(name)) + ", its config.json expects " + Arrays.toString(expected)
                    + "; take weights and config of the same model");
        }
        if (!file.dtype(name).isFloat()) {
            throw new UserException(component + ": tensor " + name + " of " + file.path() + " has dtype "
                    + file.dtype(name) + ", expected F32, F16 or BF16");
        }
    }
}
