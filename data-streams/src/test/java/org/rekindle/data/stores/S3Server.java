package org.rekindle.data.stores;

import java.net.URI;
import java.util.Properties;
import org.gaul.s3proxy.AuthenticationType;
import org.gaul.s3proxy.S3Proxy;
import org.jclouds.ContextBuilder;
import org.jclouds.blobstore.BlobStore;
import org.jclouds.blobstore.BlobStoreContext;
import org.jclouds.blobstore.TransientApiMetadata;

/** A real S3 server in this process, with one bucket, named {@code bucket}, in memory. */
final class S3Server implements AutoCloseable {

    private final BlobStore blobs;
    private final S3Proxy server;

    private S3Server(BlobStore blobs, String identity) throws Exception {
        this.blobs = blobs;
        S3Proxy.Builder builder = S3Proxy.builder().blobStore(blobs).endpoint(URI.create("http://127.0.0.1:0"));
        if (identity != null) {
            builder.awsAuthentication(AuthenticationType.AWS_V2_OR_V4, identity, "secret");
        }
        server = builder.build();
        server.start();
    }

    /** A server that asks nobody for a name. */
    static S3Server open() throws Exception {
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

    int port() {
        return server.getPort();
    }

    /** Options that reach it. */
    StoreOptions anonymous() {
        return new StoreOptions("http://127.0.0.1:" + port(), null, null, true);
    }

    void put(String key, byte[] bytes) {
        blobs.putBlob(
                "bucket",
                blobs.blobBuilder(key)
                        .payload(bytes)
                        .contentLength(bytes.length)
                        .build());
    }

    @Override
    public void close() throws Exception {
        server.stop();
    }
}
