package org.rekindle.coordinator.config;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * One component of the pipeline, such as {@code model.unet}. Where {@code model.pretrained} is set it holds all of them and a
 * component may say nothing.
 *
 * @param target name of the component's class, with or without its Python package; null for the default class
 * @param pretrained a diffusers pipeline, or the component's folder in it; goes before {@code params}
 * @param params what the class's constructor takes, as in a diffusers {@code config.json}; a fresh component is made of them
 */
public record ComponentConfig(String target, String pretrained, ObjectNode params) {

    static final ComponentConfig EMPTY = new ComponentConfig(null, null, null);

    /** The name of {@code target} without its Python package; null where there is none. */
    @JsonIgnore
    public String className() {
        return target == null ? null : target.substring(target.lastIndexOf('.') + 1);
    }

    /** Whether the component says where it comes from. */
    @JsonIgnore
    public boolean isDeclared() {
        return pretrained != null || params != null;
    }
}
