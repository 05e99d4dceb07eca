package org.rekindle.data.images;

/** An image that cannot be decoded; the message says why and is meant to follow the image's name. */
public final class ImageException extends Exception {

    public ImageException(String message) {
        super(message);
    }
}
