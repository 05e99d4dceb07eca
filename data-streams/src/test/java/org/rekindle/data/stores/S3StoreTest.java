package org.rekindle.data.stores;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.gaul.s3proxy.AuthenticationType;
import org.gaul.s3proxy.S3Proxy;
import org.jclouds.ContextBuilder;
import org.jclouds.blobstore.BlobStore;
import org.jclouds.blobstore.BlobStoreContext;
import org.jclouds.blobstore.TransientApiMetadata;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.rekindle.data.UserException;

/** Against a real S3 server in this process. */
class S3StoreTest {

    private static final Patience QUICK = new Patience(Duration.ofMillis(1), Duration.ofSeconds(5));
    private static final int BIG = 40 << 20;

    private static BlobStore blobs;
    private static S3Proxy server;
    private static S3Proxy guarded;
    private static byte[] big;

    @BeforeAll
    static void start() throws Exception {
        blobs = ContextBuilder.newBuilder(new TransientApiMetadata())
                .credentials("id", "secret")
                .overrides(new Properties())
                .buildView(BlobStoreContext.class)
                .getBlobStore();
        blobs.createContainerInLocation(null, "bucket");
        big = new byte[BIG];
        new Random(1).nextBytes(big);
        put("data/big.tar", big);
        for (int i = 0; i < 3; i++) {
            put("data/part-" + i + ".tar", new byte[] {(byte) i});
        }
        put("data/readme.txt", new byte[1]);
        server = S3Proxy.builder()
                .blobStore(blobs)
                .endpoint(URI.create("http://127.0.0.1:0"))
                .build();
        server.start();
        guarded = S3Proxy.builder()
                .blobStore(blobs)
                .endpoint(URI.create("http://127.0.0.1:0"))
                .awsAuthentication(AuthenticationType.AWS_V2_OR_V4, "right", "secret")
                .build();
        guarded.start();
    }

    @AfterAll
    static void stop() throws Exception {
        server.stop();
        guarded.stop();
    }

    private static void put(String key, byte[] bytes) {
        blobs.putBlob(
                "bucket",
                blobs.blobBuilder(key)
                        .payload(bytes)
                        .contentLength(bytes.length)
                        .build());
    }

    private static Stores stores(int port) {
        return Stores.of(new StoreOptions("http://127.0.0.1:" + port, null, null, true), QUICK);
    }

    @Test
    void streamsAnObjectFromAnyOffset() throws IOException {
        Shard shard = stores(server.getPort()).shard("s3://bucket/data/big.tar");
        assertThat(shard.location()).isEqualTo("s3://bucket/data/big.tar");
        assertThat(shard.name()).isEqualTo("big.tar");
        assertThat(shard.length()).isEqualTo(BIG);
        try (InputStream bytes = shard.open(0)) {
            assertThat(bytes.readAllBytes()).isEqualTo(big);
        }
        try (InputStream bytes = shard.open(BIG - 5)) {
            assertThat(bytes.readAllBytes()).hasSize(5);
        }
        try (InputStream bytes = shard.open(BIG)) {
            assertThat(bytes.read()).isEqualTo(-1);
        }
    }

    @Test
    void aTransferThatIsCutGoesOnByRange() throws IOException {
        try (CuttingProxy proxy = new CuttingProxy(server.getPort(), 15 << 20);
                InputStream bytes =
                        stores(proxy.port()).shard("s3://bucket/data/big.tar").open(0)) {
            assertThat(bytes.readAllBytes()).isEqualTo(big);
            assertThat(proxy.cuts()).isGreaterThanOrEqualTo(2);
            assertThat(proxy.bytes()).as("no byte twice but those in flight").isLessThan(BIG + (12L << 20));
        }
    }

    @Test
    void aSlowReaderHoldsTheStoreBack() throws Exception {
        try (CuttingProxy proxy = new CuttingProxy(server.getPort(), Long.MAX_VALUE);
                InputStream bytes =
                        stores(proxy.port()).shard("s3://bucket/data/big.tar").open(0)) {
            bytes.readNBytes(1000);
            long before = -1;
            while (proxy.bytes() != before) {
                before = proxy.bytes();
                TimeUnit.MILLISECONDS.sleep(300);
            }
            assertThat(before).isLessThan(14L << 20);
            assertThat(bytes.readNBytes(BIG).length).isEqualTo(BIG - 1000);
        }
    }

    @Test
    void anObjectThatChangesMidwayIsNoMixture() throws IOException {
        byte[] first = new byte[30 << 20];
        put("data/changing.tar", first);
        try (CuttingProxy proxy = new CuttingProxy(server.getPort(), 20 << 20);
                InputStream bytes = stores(proxy.port())
                        .shard("s3://bucket/data/changing.tar")
                        .open(0)) {
            bytes.readNBytes(1000);
            put("data/changing.tar", new byte[] {1});
            assertThatThrownBy(() -> bytes.readNBytes(30 << 20))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("changed while it was read");
        }
    }

    @Test
    void closingEndsAWaitInAnotherThread() throws Exception {
        try (CuttingProxy proxy = new CuttingProxy(server.getPort(), Long.MAX_VALUE)) {
            InputStream bytes =
                    stores(proxy.port()).shard("s3://bucket/data/big.tar").open(0);
            bytes.readNBytes(1000);
            proxy.freeze();
            CompletableFuture<byte[]> reader = CompletableFuture.supplyAsync(() -> {
                try {
                    return bytes.readNBytes(BIG);
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            TimeUnit.MILLISECONDS.sleep(300);
            bytes.close();
            assertThat(reader)
                    .failsWithin(2, TimeUnit.SECONDS)
                    .withThrowableThat()
                    .havingCause()
                    .isInstanceOf(java.io.UncheckedIOException.class);
        }
    }

    @Test
    void refusalsAreToldAtOnce() {
        Stores open = stores(server.getPort());
        assertThatThrownBy(() -> open.shard("s3://bucket/data/none.tar").open(0))
                .hasMessage("S3 status 404 NoSuchKey (no such object or bucket)");
        Stores anonymous = stores(guarded.getPort());
        assertThatThrownBy(() -> anonymous.shard("s3://bucket/data/big.tar").open(0))
                .hasMessageContaining("S3 status 403")
                .hasMessageContaining("check the credentials")
                .hasMessageNotContaining("\n");
        assertThatThrownBy(() -> open.shard("s3://bucket")).isInstanceOf(UserException.class);
    }

    @Test
    void theCredentialsOfTheEnvironmentCount() throws IOException {
        // The default chain looks at system properties before anything else.
        System.setProperty("aws.accessKeyId", "right");
        System.setProperty("aws.secretAccessKey", "wrong");
        StoreOptions options = new StoreOptions("http://127.0.0.1:" + guarded.getPort(), "eu-west-1", null, false);
        try {
            assertThatThrownBy(() -> Stores.of(options, QUICK)
                            .shard("s3://bucket/data/big.tar")
                            .open(0))
                    .hasMessageContaining("S3 status 403 SignatureDoesNotMatch");
            System.setProperty("aws.secretAccessKey", "secret");
            try (InputStream bytes = Stores.of(options, QUICK)
                    .shard("s3://bucket/data/part-2.tar")
                    .open(0)) {
                assertThat(bytes.readAllBytes()).containsExactly(2);
            }
        } finally {
            System.clearProperty("aws.accessKeyId");
            System.clearProperty("aws.secretAccessKey");
        }
    }

    @Test
    void nobodyListeningIsToldAfterAllAttempts() {
        Stores stores = Stores.of(new StoreOptions("http://127.0.0.1:9", null, null, true), QUICK);
        assertThatThrownBy(() -> stores.shard("s3://bucket/data/big.tar").open(0))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("at the last of 5 attempts too")
                .hasMessageNotContaining("\n");
        Stores unknown = Stores.of(new StoreOptions("http://no-such-host.invalid", null, null, true), QUICK);
        assertThatThrownBy(() -> unknown.shard("s3://bucket/data/big.tar").open(0))
                .hasMessageContaining("no-such-host.invalid")
                .hasMessageContaining("unknown");
    }

    @Test
    void prefixesGlobsAndBracesNameShards() {
        Stores stores = stores(server.getPort());
        List<String> parts =
                List.of("s3://bucket/data/part-0.tar", "s3://bucket/data/part-1.tar", "s3://bucket/data/part-2.tar");
        assertThat(stores.resolve("k", "s3://bucket/data/part-*.tar"))
                .extracting(Shard::location)
                .isEqualTo(parts);
        assertThat(stores.resolve("k", "s3://bucket/data/part-{0..2}.tar"))
                .extracting(Shard::location)
                .isEqualTo(parts);
        assertThat(stores.resolve("k", "s3://bucket/data/"))
                .extracting(Shard::name)
                .contains("big.tar", "part-0.tar")
                .doesNotContain("readme.txt");
        assertThatThrownBy(() -> stores.resolve("dataset.params.path", "s3://bucket/none/"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("dataset.params.path: s3://bucket/none/ names no file");
        assertThatThrownBy(() -> stores.resolve("k", "s3://nowhere/x/"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("cannot be listed (S3 status 404 NoSuchBucket");
    }
}
