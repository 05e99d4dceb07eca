package org.rekindle.data.lanes;

/** What a batch holds beside its captions. */
public sealed interface BatchContent {

    /**
     * Images.
     *
     * @param rgb bytes of shape (batch, height, width, 3)
     */
    record Pixels(byte[] rgb, int height, int width) implements BatchContent {

        @Override
        public long bytes() {
            return rgb.length;
        }
    }

    /** Its size in bytes. */
    long bytes();
}
