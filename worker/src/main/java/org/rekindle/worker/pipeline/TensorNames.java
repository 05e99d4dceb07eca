package org.rekindle.worker.pipeline;

import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The names that tensors have had in the files of one release or another, and those that the models' parameters have here. */
final class TensorNames {

    /** transformers 5 dropped this prefix of the text encoder's names; files have them either way. */
    private static final String TEXT_PREFIX = "text_model.";

    /** A constant that older releases of transformers saved along with the weights. */
    private static final String POSITION_IDS = "position_ids";

    /** A layer of the autoencoder's attention, under today's name or that of older releases of diffusers. */
    private static final Pattern AUTOENCODER_ATTENTION = Pattern.compile(
            "((?:en|de)coder\\.mid_block\\.attentions\\.\\d+)\\.(query|key|value|proj_attn|to_q|to_k|to_v|to_out\\.0)\\.(weight|bias)");

    private static final Map<String, String> RENAMED =
            Map.of("query", "to_q", "key", "to_k", "value", "to_v", "proj_attn", "to_out.0");

    private TensorNames() {}

    /** Whether the tensor is no weight, so that a model is complete without it. */
    static boolean isConstant(String tensor) {
        return tensor.equals(POSITION_IDS) || tensor.endsWith("." + POSITION_IDS);
    }

    /** The parameter that a file's tensor holds; some name of no parameter if it holds none. */
    static String parameter(String tensor, Set<String> parameters) {
        if (parameters.contains(tensor)) {
            return tensor;
        }
        Matcher attention = AUTOENCODER_ATTENTION.matcher(tensor);
        if (attention.matches()) {
            String layer = attention.group(2);
            return attention.group(1) + "." + RENAMED.getOrDefault(layer, layer) + "." + attention.group(3);
        }
        return tensor.startsWith(TEXT_PREFIX) ? tensor.substring(TEXT_PREFIX.length()) : TEXT_PREFIX + tensor;
    }

    /**
     * A tensor's shape as its parameter has it. The layers of the autoencoder's attention were pointwise convolutions, of weights (C, C,
     * 1, 1), in the checkpoints that the first pipelines were made from; today they are linear.
     */
    static long[] shape(String tensor, long[] shape) {
        boolean pointwise = shape.length == 4 && shape[2] == 1 && shape[3] == 1;
        return pointwise && AUTOENCODER_ATTENTION.matcher(tensor).matches() ? new long[] {shape[0], shape[1]} : shape;
    }
}
