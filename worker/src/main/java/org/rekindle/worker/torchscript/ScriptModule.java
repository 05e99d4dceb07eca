package org.rekindle.worker.torchscript;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A module that becomes a TorchScript class: what {@code torch.nn.Module} is to Python, written as a small Java record.
 *
 * <p>Parameter names are those of the state dict: the names of the children on the way down and the parameter's own, joined by dots.
 * Modules of one structure (same methods, parameters and children) share one TorchScript class.
 */
public interface ScriptModule {

    /** The submodules by attribute name, in state-dict order. */
    default Children children() {
        return Children.none();
    }

    /** The module's own parameters by attribute name, in state-dict order. */
    default Map<String, ParameterSpec> parameters() {
        return Map.of();
    }

    /** All parameters of this module and its descendants by state-dict name, in state-dict order. */
    default Map<String, ParameterSpec> stateDict() {
        Map<String, ParameterSpec> all = new LinkedHashMap<>(parameters());
        children().asMap().forEach((child, module) -> module.stateDict()
                .forEach((name, spec) -> all.put(child + "." + name, spec)));
        return Collections.unmodifiableMap(all);
    }

    /** Elements of all parameters of this module and its descendants. */
    default long parameterCount() {
        return stateDict().values().stream()
                .mapToLong(parameter -> parameter.shape().size())
                .sum();
    }

    /**
     * The methods in PyTorch syntax, each {@code def} at column 0: {@code forward} and whatever else callers use. Parameters are fp32;
     * a method casts them to the type of its input, as in {@code self.weight.to(x.dtype)}. A child whose name is a number is reached by
     * {@code getattr(self, "0")}.
     */
    String methods();
}
