package org.rekindle.worker.torchscript;

import java.util.List;

/** Modules named 0, 1, 2...; PyTorch's {@code ModuleList}. It has no methods: the owner reaches its members through {@link #member}. */
public record ModuleList(List<? extends ScriptModule> modules) implements ScriptModule {

    public ModuleList(List<? extends ScriptModule> modules) {
        this.modules = List.copyOf(modules);
    }

    public static ModuleList of(ScriptModule... modules) {
        return new ModuleList(List.of(modules));
    }

    @Override
    public Children children() {
        Children children = Children.none();
        for (int i = 0; i < modules.size(); i++) {
            children = children.and(Integer.toString(i), modules.get(i));
        }
        return children;
    }

    @Override
    public String methods() {
        return "";
    }

    /** The script expression of a member, such as {@code getattr(self.resnets, "0")}. */
    public static String member(String list, int index) {
        return "getattr(self.%s, \"%d\")".formatted(list, index);
    }
}
