package org.rekindle.worker.hub;

/**
 * A file of a model.
 *
 * @param path its name in the model, with slashes
 * @param size its bytes, or -1 where a sparse listing does not tell
 * @param hash its content's hash, or null where a sparse listing does not tell
 */
record HubFile(String path, long size, ContentHash hash) {

    boolean isDescribed() {
        return size >= 0 && hash != null;
    }
}
