package org.rekindle.worker.pipeline;

import java.util.Set;

/** Which tensors of a file a T5 encoder takes, for files name one of them in two ways and may hold all of T5. */
final class T5TensorNames {

    /** The token embedding, as transformers writes it and as the model's parameter is called. */
    private static final String EMBEDDING = "shared.weight";

    /** The same tensor as the encoder knows it; some files have this name, some both. */
    private static final String ENCODER_EMBEDDING = "encoder.embed_tokens.weight";

    private T5TensorNames() {}

    /** Whether the tensor says nothing that the encoder's other tensors do not: a copy of the embedding, or the decoder's. */
    static boolean isRedundant(String tensor, Set<String> parameters, SafetensorsFile file) {
        if (!parameters.contains(EMBEDDING)) {
            return false;
        }
        return tensor.startsWith("decoder.")
                || tensor.startsWith("lm_head.")
                || tensor.equals(ENCODER_EMBEDDING)
                        && file.names().contains(EMBEDDING)
                        && file.tensor(tensor)
                                .data()
                                .equals(file.tensor(EMBEDDING).data());
    }

    /** The parameter's name in place of the tensor's, where they differ. */
    static String parameter(String tensor, Set<String> parameters) {
        return tensor.equals(ENCODER_EMBEDDING) && parameters.contains(EMBEDDING) ? EMBEDDING : tensor;
    }
}
