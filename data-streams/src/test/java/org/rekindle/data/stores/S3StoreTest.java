package org.rekindle.data.stores;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.rekindle.data.UserException;

/** Against a real S3 server in this process. */
class S3StoreTest {

    private static final Patience QUICK = new Patience(Duration.ofMillis(1), Duration.ofSeconds(5));
    private static final int BIG = 40 << 20;

    private static S3Server server;
    private static S3Server guarded;
    private static byte[] big;

    @BeforeAll
    static void start() throws Exception {
        server = S3Server.open();
        guarded = server.guarded("right");
        big = new byte[BIG];
        new Random(1).nextBytes(big);
        server.put("data/big.tar", big);
        for (int i = 0; i < 3; i++) {
            server.put("data/part-" + i + ".tar", new byte[] {(byte) i});
        }
        server.put("data/readme.txt", new byte[1]);
    }

    @AfterAll
    static void stop() throws Exception {
        server.close();
        guarded.close();
    }

    private static Stores stores(int port) {
        return Stores.of(new StoreOptions("http://127.0.0.1:" + port, null, null, true), QUICK);
    }

    @Test
    void streamsAnObjectFromAnyOffset() throws IOException {
        Shard shard = stores(server.port()).shard("s3://bucket/data/big.tar");
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
        try (CuttingProxy proxy = new CuttingProxy(server.port(), 15 << 20);
                InputStream bytes =
                        stores(proxy.port()).shard("s3://bucket/data/big.tar").open(0)) {
            assertThat(bytes.readAllBytes()).isEqualTo(big);
            assertThat(proxy.cuts()).isGreaterThanOrEqualTo(2);
            assertThat(proxy.bytes()).as("no byte twice but those in flight").isLessThan(BIG + (12L << 20));
        }
    }

    @Test
    void aSlowReaderHoldsTheStoreBack() throws Exception {
        try (CuttingProxy proxy = new CuttingProxy(server.port(), Long.MAX_VALUE);
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
        server.put("data/changing.tar", first);
        try (CuttingProxy proxy = new CuttingProxy(server.port(), 20 << 20);
                InputStream bytes = stores(proxy.port())
                        .shard("s3://bucket/data/changing.tar")
                        .open(0)) {
            bytes.readNBytes(1000);
            server.put("data/changing.tar", new byte[] {1});
            assertThatThrownBy(() -> bytes.readNBytes(30 << 20))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("changed while it was read");
        }
    }

    @Test
    void closingEndsAWaitInAnotherThread() throws Exception {
        try (CuttingProxy proxy = new CuttingProxy(server.port(), Long.MAX_VALUE)) {
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
        Stores open = stores(server.port());
        assertThatThrownBy(() -> open.shard("s3://bucket/data/none.tar").open(0))
                .hasMessage("S3 status 404 NoSuchKey (no such object or bucket)");
        Stores anonymous = stores(guarded.port());
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
        StoreOptions options = new StoreOptions("http://127.0.0.1:" + guarded.port(), "eu-west-1", null, false);
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
        Stores stores = stores(server.port());
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
