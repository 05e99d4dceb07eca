package org.rekindle.worker.torchscript;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A {@link ScriptModule} brought to life on a device. With {@link Torch} the only class that knows how DJL reaches TorchScript.
 *
 * <p>One thread at a time may call it. Arrays that {@link #call} returns belong to the scope that the caller gives; parameters belong
 * to the module and die with it. A bf16 tensor is opaque on the Java side: its shape can be asked and it can be handed to another call,
 * no more (DJL ends the process when asked for its type).
 */
public final class TorchModule implements AutoCloseable {

    private final NDManager manager;
    private final PtSymbolBlock block;
    private final Map<String, NDArray> parameters;

    private TorchModule(NDManager manager, PtSymbolBlock block) {
        this.manager = manager;
        this.block = block;
        Map<String, NDArray> byName = new LinkedHashMap<>();
        for (NDArray parameter : JniUtils.moduleGetParams(block, (PtNDManager) manager)) {
            byName.put(parameter.getName(), parameter);
            parameter.setName(null); // a name means something to DJL when the array becomes an argument
        }
        this.parameters = Collections.unmodifiableMap(byName);
    }

    /**
     * Compiles a module. All parameters are zero and need no gradient.
     *
     * @param parent its device is the module's; closing it closes the module
     */
    public static TorchModule load(NDManager parent, ScriptModule root) {
        Torch.prepare();
        NDManager manager = parent.newSubManager();
        try {
            Path archive = Files.createTempFile("rekindle", ".pt");
            try {
                try (OutputStream out = Files.newOutputStream(archive)) {
                    ScriptArchive.writeSkeleton(root, out);
                }
                PtSymbolBlock block =
                        JniUtils.loadModule((PtNDManager) manager, archive, true, new String[0], new String[0], true);
                TorchModule module = new TorchModule(manager, block);
                Torch.allocateZeros(module.parameters.values());
                return module;
            } finally {
                Files.delete(archive);
            }
        } catch (IOException e) {
            manager.close();
            throw new UncheckedIOException(e);
        } catch (RuntimeException e) {
            manager.close();
            throw e;
        }
    }

    /** The parameters by state-dict name: the live tensors, in the order of the state dict. Don't close them. */
    public Map<String, NDArray> parameters() {
        return parameters;
    }

    /** Whether autograd collects gradients of all parameters. */
    public void setTrainable(boolean trainable) {
        parameters.values().forEach(parameter -> parameter.setRequiresGradient(trainable));
    }

    /**
     * Runs a method in the gradient mode of the calling thread.
     *
     * @param scope owner of the returned arrays; on the module's device
     * @param arguments in the method's order: an {@link NDArray} where it takes a tensor, a non-empty {@link List} of arrays where it
     *     takes {@code List[Tensor]}. An array may come twice, but not both alone and in a list, nor in two lists. Arguments must
     *     have no name
     * @return the tensor, or the tensors of the list or tuple, that the method returned
     */
    public NDList call(NDManager scope, String method, Object... arguments) {
        Torch.prepare();
        NDList inputs = new NDList();
        // The selector comes first, since DJL gives results to the first input's manager; empty, since nothing is to
        // reach the device.
        try (NDArray selector = scope.create(new Shape(0))) {
            selector.setName("module_method:" + method);
            inputs.add(selector);
            for (int i = 0; i < arguments.length; i++) {
                if (arguments[i] instanceof NDArray array) {
                    inputs.add(array);
                } else {
                    addList(inputs, (List<?>) arguments[i], "argument" + i + "[]");
                }
            }
            for (Object argument : arguments) {
                if (argument instanceof NDArray array && array.getName() != null) {
                    throw new IllegalArgumentException("Array has a name, or is in a list too: " + array.getName());
                }
            }
            return IValueUtils.forward(block, inputs, true);
        } finally {
            inputs.forEach(input -> input.setName(null));
        }
    }

    private static void addList(NDList inputs, List<?> list, String name) {
        if (list.isEmpty()) {
            throw new IllegalArgumentException("An empty list can't be an argument");
        }
        for (Object element : list) {
            NDArray array = (NDArray) element;
            if (array.getName() != null && !array.getName().equals(name)) {
                throw new IllegalArgumentException("The same array is in two lists");
            }
            array.setName(name);
            inputs.add(array);
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
