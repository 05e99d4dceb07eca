package org.rekindle.worker.torchscript;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** The named submodules of a {@link ScriptModule}, in order. Immutable. */
public final class Children {

    private static final Children NONE = new Children(Map.of());

    private final Map<String, ScriptModule> modules;

    private Children(Map<String, ScriptModule> modules) {
        this.modules = modules;
    }

    public static Children none() {
        return NONE;
    }

    public static Children of(String name, ScriptModule module) {
        return NONE.and(name, module);
    }

    /** Returns these children and one more. */
    public Children and(String name, ScriptModule module) {
        Map<String, ScriptModule> more = new LinkedHashMap<>(modules);
        if (more.put(name, module) != null) {
            throw new IllegalArgumentException("Two children named " + name);
        }
        return new Children(Collections.unmodifiableMap(more));
    }

    /** Returns these children and, if the condition holds, one more. */
    public Children andIf(boolean condition, String name, ScriptModule module) {
        return condition ? and(name, module) : this;
    }

    public Map<String, ScriptModule> asMap() {
        return modules;
    }
}
