package org.rekindle.worker.torchscript;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The TorchScript classes of a module tree, as source text. Modules of one structure share a class, so that TorchScript compiles each
 * kind of block once.
 */
final class ScriptClasses {

    /**
     * A module with the class that it is an instance of.
     *
     * @param className without the prefix {@code __torch__}
     */
    record Instance(String className, Map<String, ParameterSpec> parameters, Map<String, Instance> children) {}

    private final StringBuilder code = new StringBuilder();
    private final Map<String, String> nameByBody = new HashMap<>();
    private final Map<String, Integer> uses = new HashMap<>();
    private final Instance root;

    ScriptClasses(ScriptModule root) {
        this.root = declare(root);
    }

    /** All classes in the syntax of {@code code/__torch__.py}. */
    String code() {
        return code.toString();
    }

    Instance root() {
        return root;
    }

    private Instance declare(ScriptModule module) {
        Map<String, Instance> children = new LinkedHashMap<>();
        module.children().asMap().forEach((name, child) -> children.put(name, declare(child)));
        Map<String, ParameterSpec> parameters = module.parameters();

        StringBuilder body = new StringBuilder("  __parameters__ = [");
        parameters.keySet().forEach(name -> body.append('"').append(name).append("\", "));
        body.append("]\n  __buffers__ = []\n");
        if (children.keySet().stream().anyMatch(ScriptClasses::isNumber)) {
            body.append("  __annotations__ = []\n");
        }
        parameters.keySet().forEach(name -> body.append("  ").append(name).append(" : Tensor\n"));
        children.forEach((name, child) -> body.append("  ")
                .append(isNumber(name) ? "__annotations__[\"" + name + "\"] = " : name + " : ")
                .append("__torch__.")
                .append(child.className())
                .append('\n'));
        body.append(module.methods().strip().indent(2));
        String className = nameByBody.computeIfAbsent(body.toString(), text -> {
            String name = uniqueName(module.getClass().getSimpleName());
            code.append("class ").append(name).append("(Module):\n").append(text);
            return name;
        });
        return new Instance(className, parameters, children);
    }

    private String uniqueName(String name) {
        int use = uses.merge(name, 1, Integer::sum);
        return use == 1 ? name : name + "_" + use;
    }

    private static boolean isNumber(String name) {
        return Character.isDigit(name.charAt(0));
    }
}
