package org.rekindle.worker.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.rekindle.coordinator.config.CommandOptions;
import org.rekindle.data.UserException;
import org.rekindle.worker.pipeline.PipelineDirectory;
import org.rekindle.worker.pipeline.Tokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle tokenize}. */
@Command(
        name = "tokenize",
        description =
                "Writes the token ids of each line of a text as JSON: tokenize pipeline=DIR text=FILE out=FILE.json")
final class TokenizeCommand implements Callable<Integer> {

    @Mixin
    private KeyValues keyValues;

    record Options(String pipeline, String text, String out) {}

    @Override
    public Integer call() {
        Options options = CommandOptions.read("tokenize", keyValues.list(), Options.class, "pipeline", "text", "out");
        Path text = Path.of(options.text());
        Path out = Path.of(options.out());
        List<String> lines;
        try {
            lines = Files.readString(text).lines().toList();
        } catch (IOException e) {
            throw new UserException(
                    "text=" + text + " cannot be read (" + UserException.reason(e) + "): name a text file in UTF-8", e);
        }
        try (Tokenizer tokenizer =
                PipelineDirectory.open(Path.of(options.pipeline())).tokenizer()) {
            long[][] ids = lines.stream().map(tokenizer::encode).toArray(long[][]::new);
            AtomicFile.write(out, stream -> new ObjectMapper().writeValue(stream, ids));
        } catch (IOException e) {
            throw new UserException(
                    out + " cannot be written (" + UserException.reason(e) + "); check disk space and permissions", e);
        }
        System.out.println(out);
        return 0;
    }
}
