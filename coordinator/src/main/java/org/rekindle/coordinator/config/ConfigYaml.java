package org.rekindle.coordinator.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** Writes a configuration as a YAML that reads back to the same run, without the secrets in it. */
public final class ConfigYaml {

    private static final Pattern SECRET =
            Pattern.compile("key|token(?!iz)|secret|password|credential", Pattern.CASE_INSENSITIVE);
    private static final Pattern URL_LOGIN = Pattern.compile("://[^/@\\s]+@");

    private static final YAMLMapper YAML = YAMLMapper.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .disable(YAMLGenerator.Feature.SPLIT_LINES)
            .build();

    private ConfigYaml() {}

    /**
     * Keys named like a key, a token, a secret or a password are left out, and so is the login in a URL. Names in {@code model} and in
     * {@code dataset.params.filters} are those of diffusers and of the data set, such as {@code pad_token}, and stay; so do those in
     * {@code distributed.tls}, whose values are paths.
     *
     * @param config a run's configuration
     */
    public static String of(RunConfig config) {
        ObjectNode tree = (ObjectNode) Mapping.tree(config);
        JsonNode model = tree.remove("model");
        JsonNode filters = ((ObjectNode) tree.at("/dataset/params")).remove("filters");
        JsonNode tls = ((ObjectNode) tree.get("distributed")).remove("tls");
        withoutSecrets(tree);
        if (tls != null) {
            ((ObjectNode) tree.get("distributed")).set("tls", tls);
        }
        ((ObjectNode) tree.at("/dataset/params")).set("filters", filters);
        ObjectNode components = tree.putObject("model");
        model.properties().forEach(entry -> {
            if (!(entry.getValue() instanceof ObjectNode component && component.isEmpty())) {
                components.set(entry.getKey(), entry.getValue());
            }
        });
        JsonNode raw = tree.get("wandb");
        ObjectNode written = (ObjectNode) literal(tree);
        if (raw != null) {
            written.set("wandb", raw);
        }
        try {
            return YAML.writeValueAsString(written);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of plain values is always YAML", e);
        }
    }

    private static void withoutSecrets(JsonNode node) {
        if (node instanceof ObjectNode section) {
            List<String> names = new ArrayList<>();
            section.fieldNames().forEachRemaining(names::add);
            names.stream().filter(name -> SECRET.matcher(name).find()).forEach(section::remove);
        }
        node.forEach(ConfigYaml::withoutSecrets);
    }

    /** Interpolations are resolved by now: what still looks like one is meant literally. {@code wandb} was never resolved. */
    private static JsonNode literal(JsonNode node) {
        if (node instanceof ObjectNode section) {
            ObjectNode copy = Mapping.nodes().objectNode();
            section.properties().forEach(entry -> copy.set(entry.getKey(), literal(entry.getValue())));
            return copy;
        } else if (node instanceof ArrayNode list) {
            ArrayNode copy = Mapping.nodes().arrayNode();
            list.forEach(item -> copy.add(literal(item)));
            return copy;
        } else if (node.isTextual()) {
            String text = node.textValue().replace("${", "\\${");
            return TextNode.valueOf(URL_LOGIN.matcher(text).replaceAll("://"));
        }
        return node;
    }
}
