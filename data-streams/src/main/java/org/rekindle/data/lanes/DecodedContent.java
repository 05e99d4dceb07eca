package org.rekindle.data.lanes;

import org.rekindle.data.latents.EncodedExample;

/** What an example gives to its batch. */
sealed interface DecodedContent {

    /** @param rgb bytes of shape (height, width, 3) */
    record Pixels(byte[] rgb) implements DecodedContent {}

    record Latents(EncodedExample encoded) implements DecodedContent {}
}
