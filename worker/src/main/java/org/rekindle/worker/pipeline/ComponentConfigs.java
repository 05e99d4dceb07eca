package org.rekindle.worker.pipeline;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
            if (tokenizer.pretrained() == null
                    && tokenizer.params() != null) { // in a draft, which learns no vocabulary
                TokenizerParams params = TokenizerParams.of(tokenizer);
                putIfAbsent(config, "vocab_size", params.vocabSize());
                putIfAbsent(config, "max_position_embeddings", params.modelMaxLength());
            }
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
        TokenizerParams params = TokenizerParams.of(declared);
        String path = hasResolution() ? dataset.params().path() : null;
        String shards = params.captions() == null ? path : params.captions();
        if (shards == null) {
            throw new UserException(TokenizerParams.CAPTIONS
                    + ": not set; expected shards in brace notation whose captions make the vocabulary");
        }
        try (Stream<String> captions = ShardCaptions.of(captions(shards, shards.equals(path)))) {
            BytePairVocabulary.learn(captions, params.vocabSize()).write(folder, params.modelMaxLength());
        }
    }

    private DataSet captions(String shards, boolean ofDataSet) {
        return ofDataSet ? DataSet.open(dataset) : DataSet.open(captioned(shards), TokenizerParams.CAPTIONS, shards);
    }

    /** Shards of captions beside the data set. */
    static DatasetConfig captioned(String shards) {
        return new DatasetConfig(
                null, new DatasetConfig.Params(shards, null, null, null, null, null, null, null), null);
    }
}
