package org.rekindle.data.lanes;

/** A size in pixels that images are brought to. */
record ImageSize(int width, int height) {

    double aspect() {
        return (double) width / height;
    }
}
