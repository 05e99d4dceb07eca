package org.rekindle.data.safetensors;

/** Bytes that are no safetensors file; the message says why and follows the name of the file. */
public final class SafetensorsException extends Exception {

    private SafetensorsException(String message) {
        super(message);
    }

    static SafetensorsException of(String problem) {
        return new SafetensorsException("the safetensors file " + problem);
    }

    static SafetensorsException of(String tensor, String problem) {
        return new SafetensorsException("tensor " + tensor + " " + problem);
    }
}
