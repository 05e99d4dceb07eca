package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.rekindle.coordinator.config.ComponentConfig;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.worker.models.T5EncoderModel;

/**
 * Writes the config of fresh components, from the {@code params} of the run's configuration.
 *
 * @param tokenizer what the configuration says of the tokenizer
 */
record ComponentConfigs(Path pipeline, DatasetConfig dataset, ComponentConfig tokenizer) {

    private static final int DEFAULT_VOCABULARY = 49408;
    private static final int DEFAULT_MODEL_MAX_LENGTH = 77;
    private static final List<String> TOKENIZER_KEYS = List.of("model_max_length", "captions", "vocab_size");

    /** The class of a component without its Python package. */
    static String className(ComponentConfig component, Component kind) {
        return component.className() == null ? kind.defaultClass() : component.className();
    }

    void write(Component component, ComponentConfig declared) throws IOException {
        Path folder = pipeline.resolve(component.folder());
        if (component == Component.TOKENIZER) {
            writeTokenizer(declared, folder);
            return;
        }
        String className = className(declared, component);
        ObjectNode config = declared.params().deepCopy();
        switch (component) {
            case TEXT_ENCODER -> completeTextEncoder(config, className);
            case VAE -> {
                config.put("_class_name", className).put("_diffusers_version", ModelIndex.DIFFUSERS_VERSION);
                if (!config.has("sample_size") && hasResolution()) {
                    config.put("sample_size", dataset.params().resolution());
                }
            }
            default -> {
                config.put("_class_name", className).put("_diffusers_version", ModelIndex.DIFFUSERS_VERSION);
                if (!config.has("sample_size") && hasResolution()) {
                    config.put("sample_size", dataset.params().resolution() / vaeScaleFactor());
                }
            }
        }
        JsonFiles.write(folder.resolve(component.configFile()), config);
    }

    private boolean hasResolution() {
        return dataset != null && dataset.params() != null;
    }

    private int vaeScaleFactor() {
        Path vae = pipeline.resolve(Component.VAE.folder()).resolve(Component.VAE.configFile());
        int blocks = Files.isRegularFile(vae)
                ? JsonFiles.readObject(vae).path("block_out_channels").size()
                : 4;
        return 1 << Math.max(0, blocks - 1);
    }

    /** The sizes that the tokenizer decides follow it where the configuration leaves them open. */
    private void completeTextEncoder(ObjectNode config, String className) {
        boolean t5 = className.equals(T5EncoderModel.CLASS_NAME);
        config.putArray("architectures").add(className);
        config.put("model_type", t5 ? "t5" : "clip_text_model");
        config.put("torch_dtype", "float32");
        Path tokenizerFolder = pipeline.resolve(Component.TOKENIZER.folder());
        Path tokenizerConfig = tokenizerFolder.resolve(Component.TOKENIZER.configFile());
        if (!Files.isRegularFile(tokenizerConfig)) {
            return;
        }
        String tokenizerClass =
                ModelIndex.className(Component.TOKENIZER, tokenizer, JsonFiles.readObject(tokenizerConfig));
        try (Tokenizer opened = Tokenizer.open(tokenizerFolder, tokenizerClass)) {
            putIfAbsent(config, "vocab_size", opened.vocabularySize());
            if (!t5) {
                putIfAbsent(config, "max_position_embeddings", opened.modelMaxLength());
            }
            if (opened instanceof ClipTokenizer clip) {
                putIfAbsent(config, "bos_token_id", clip.beginToken());
            }
            putIfAbsent(config, "eos_token_id", opened.endToken());
            putIfAbsent(config, "pad_token_id", opened.padToken());
        }
    }

    private static void putIfAbsent(ObjectNode config, String key, long value) {
        if (!config.has(key)) {
            config.put(key, value);
        }
    }

    private void writeTokenizer(ComponentConfig declared, Path folder) throws IOException {
        String className = className(declared, Component.TOKENIZER);
        if (!className.replaceFirst("Fast$", "").equals(ClipTokenizer.CLASS_NAME)) {
            throw new UserException("model.tokenizer.target=" + declared.target()
                    + ": its vocabulary cannot be made here, only " + ClipTokenizer.CLASS_NAME
                    + "'s; set model.tokenizer.pretrained to a folder that holds one");
        }
        ObjectNode params = declared.params();
        for (Iterator<String> keys = params.fieldNames(); keys.hasNext(); ) {
            String key = keys.next();
            if (!TOKENIZER_KEYS.contains(key)) {
                throw new UserException(
                        "model.tokenizer.params." + key + ": unknown key; expected one of " + TOKENIZER_KEYS);
            }
        }
        int modelMaxLength = integer(params, "model_max_length", DEFAULT_MODEL_MAX_LENGTH);
        int vocabSize = integer(params, "vocab_size", DEFAULT_VOCABULARY);
        String path = hasResolution() ? dataset.params().path() : null;
        String shards = params.path("captions").asText(path);
        if (shards == null) {
            throw new UserException(
                    "model.tokenizer.params.captions: not set; expected shards in brace notation whose captions make the vocabulary");
        }
        try (Stream<String> captions = ShardCaptions.of(captions(shards, shards.equals(path)))) {
            BytePairVocabulary.learn(captions, vocabSize).write(folder, modelMaxLength);
        }
    }

    private DataSet captions(String shards, boolean ofDataSet) {
        DatasetConfig captioned = ofDataSet
                ? dataset
                : new DatasetConfig(
                        null, new DatasetConfig.Params(shards, null, null, null, null, null, null, null), null);
        return DataSet.open(captioned);
    }

    private static int integer(ObjectNode params, String key, int absent) {
        if (!params.has(key)) {
            return absent;
        }
        if (!params.get(key).canConvertToInt() || !params.get(key).isIntegralNumber()) {
            throw new UserException(
                    "model.tokenizer.params." + key + "=" + params.get(key).asText() + ": expected a whole number");
        }
        return params.get(key).asInt();
    }
}
