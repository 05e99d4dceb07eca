package org.rekindle.worker.pipeline;

import java.nio.file.Path;
import org.rekindle.data.UserException;

/**
 * Turns text into the token ids that a text encoder takes, all of one length, id for id as the class of transformers does with
 * {@code padding="max_length", truncation=True}.
 *
 * <p>Any thread may encode. Close it to free its native memory.
 */
public interface Tokenizer extends AutoCloseable {

    /**
     * Opens the folder {@code tokenizer} of a pipeline.
     *
     * @param className the class of transformers that the pipeline names; its fast variant, with {@code Fast} at the end, is the same
     * @throws UserException when the class is not supported, or a file is missing or broken
     */
    static Tokenizer open(Path folder, String className) {
        return switch (className.replaceFirst("Fast$", "")) {
            case ClipTokenizer.CLASS_NAME -> ClipTokenizer.open(folder);
            case T5Tokenizer.CLASS_NAME -> T5Tokenizer.open(folder);
            default ->
                throw new UserException(folder + ": tokenizer class " + className + " is not supported; supported: "
                        + ClipTokenizer.CLASS_NAME + ", " + T5Tokenizer.CLASS_NAME);
        };
    }

    /** Length of every encoded text. */
    int modelMaxLength();

    /** Number of ids, special ones included: none is as large. */
    int vocabularySize();

    /** The id that ends every text. */
    long endToken();

    /** The id that fills what is left behind the end. */
    long padToken();

    /** The ids of a text, of shape (model_max_length): what does not fit is cut off before the end token, the rest is padded. */
    long[] encode(String text);

    @Override
    void close();
}
