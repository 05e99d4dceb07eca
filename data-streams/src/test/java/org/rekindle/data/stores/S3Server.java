package org.rekindle.data.stores;

import java.net.URI;
import java.util.List;
import java.util.Properties;
import org.gaul.s3proxy.AuthenticationType;
import org.gaul.s3proxy.S3Proxy;
import org.jclouds.ContextBuilder;
import org.jclouds.blobstore.BlobStore;
import org.jclouds.blobstore.BlobStoreContext;
import org.jclouds.blobstore.TransientApiMetadata;
import org.jclouds.blobstore.domain.StorageMetadata;
import org.jclouds.blobstore.options.ListContainerOptions;

/** A real S3 server in this process, with one bucket, named {@code bucket}, in memory. */
public final class S3Server implements AutoCloseable {

    private final BlobStore blobs;
    private final S3Proxy server;

    private S3Server(BlobStore blobs, String identity) throws Exception {
        this.blobs = blobs;
        S3Proxy.Builder builder = S3Proxy.builder()
                .blobStore(blobs)
                // such as the size of an upload in parts, which the SDK tells
                .ignoreUnknownHeaders(true)
                .endpoint(URI.create("http://127.0.0.1:0"));
        if (identity != null) {
            builder.awsAuthentication(AuthenticationType.AWS_V2_OR_V4, identity, "secret");
        }
        server = builder.build();
        server.start();
    }

    /** A server that asks nobody for a name. */
    public static S3Server open() throws Exception {
        BlobStore blobs = ContextBuilder.newBuilder(new TransientApiMetadata())
                .credentials("id", "secret")
                .overrides(new Properties())
                .buildView(BlobStoreContext.class)
                .getBlobStore();
        blobs.createContainerInLocation(null, "bucket");
        return new S3Server(blobs, null);
    }

    /** Another server of the same bucket, for one identity, whose secret is {@code secret}. */
    S3Server guarded(String identity) throws Exception {
        return new S3Server(blobs, identity);
    }

    public int port() {
        return server.getPort();
    }

    /** Options that reach it. */
    StoreOptions anonymous() {
        return new StoreOptions("http://127.0.0.1:" + port(), null, null, true);
    }

    public void put(String key, byte[] bytes) {
        blobs.putBlob(
                "bucket",
                blobs.blobBuilder(key)
                        .payload(bytes)
                        .contentLength(bytes.length)
                        .build());
    }

    /** Removes an object. */
    public void remove(String key) {
        blobs.removeBlob("bucket", key);
    }

    /** Keys of all objects that begin so, sorted. */
    public List<String> keys(String beginning) {
        return blobs
                .list("bucket", ListContainerOptions.Builder.prefix(beginning).recursive())
                .stream()
                .map(StorageMetadata::getName)
                .sorted()
                .toList();
    }

    /** Makes the bucket empty. */
    public void clear() {
        blobs.clearContainer("bucket");
    }

    @Override
    public void close() throws Exception {
        server.stop();
    }
}
