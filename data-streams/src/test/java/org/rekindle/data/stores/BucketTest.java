package org.rekindle.data.stores;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** Against a real S3 server in this process. */
class BucketTest {

    private static S3Server server;

    @TempDir
    Path folder;

    private FaultyS3 front;
    private Bucket bucket;

    @BeforeAll
    static void start() throws Exception {
        server = S3Server.open();
    }

    @AfterAll
    static void stop() throws Exception {
        server.close();
    }

    @BeforeEach
    void open() throws IOException {
        server.clear();
        front = FaultyS3.before(server.port());
        bucket = front.bucket("s3://bucket/runs/");
    }

    @AfterEach
    void close() {
        front.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void whatIsWrittenIsReadAndListedAndRemoved() throws IOException {
        bucket.write("a", "one");
        bucket.in("b").write("c", "two");

        assertThat(bucket.location()).isEqualTo("s3://bucket/runs");
        assertThat(bucket.location("a")).isEqualTo("s3://bucket/runs/a");
        assertThat(server.keys("")).containsExactly("runs/a", "runs/b/c");
        assertThat(bucket.read("b/c").orElseThrow().text()).isEqualTo("two");
        assertThat(bucket.list("")).containsExactly(new Bucket.Entry("a", 3), new Bucket.Entry("b/c", 3));

        bucket.delete(List.of("a", "b/c", "never there"));

        assertThat(bucket.list("")).isEmpty();
        assertThat(bucket.read("a")).isEmpty();
    }

    @Test
    void ofManyWhoCreateAnObjectOneDoes() {
        List<CompletableFuture<Optional<String>>> writers = IntStream.range(0, 12)
                .mapToObj(i -> CompletableFuture.supplyAsync(() -> {
                    try {
                        return bucket.create("x", bytes("writer " + i));
                    } catch (IOException e) {
                        throw new CompletionException(e);
                    }
                }))
                .toList();
        assertThat(writers.stream().map(CompletableFuture::join).filter(Optional::isPresent))
                .hasSize(1);
    }

    @Test
    void whoReplacesAnOldVersionWritesNothing() throws IOException {
        String first = bucket.create("x", bytes("1")).orElseThrow();
        String second = bucket.replace("x", bytes("2"), first).orElseThrow();

        assertThat(bucket.replace("x", bytes("3"), first)).isEmpty();
        assertThat(bucket.read("x").orElseThrow().version()).isEqualTo(second);
        assertThat(bucket.read("x").orElseThrow().text()).isEqualTo("2");

        bucket.delete(List.of("x"));
        assertThat(bucket.replace("x", bytes("4"), second)).isEmpty();
        assertThat(bucket.read("x")).isEmpty();
    }

    @Test
    void aWriteWhoseAnswerIsLostCountsAsItsWriters() throws IOException {
        front.failOnce(1, FaultyS3.Fault.ANSWER_LOST);
        String version = bucket.create("x", bytes("1")).orElseThrow();
        front.failOnce(1, FaultyS3.Fault.ANSWER_LOST);
        version = bucket.replace("x", bytes("2"), version).orElseThrow();

        assertThat(bucket.read("x").orElseThrow().version()).isEqualTo(version);
        assertThat(bucket.create("x", bytes("3"))).isEmpty();
    }

    @Test
    void largeFilesGoUpInPartsAndComeDownInRanges() throws IOException {
        byte[] large = new byte[(70 << 20) + 3];
        new Random(1).nextBytes(large);
        Path file = Files.write(folder.resolve("large"), large);
        Path empty = Files.write(folder.resolve("empty"), new byte[0]);

        bucket.upload(Map.of("large", file, "empty", empty));
        assertThat(front.requests())
                .as("the parts of 16 MiB, and the upload's begin and end")
                .isEqualTo(1 + 2 + 5);
        bucket.copy(Map.of("large", "copied"));

        assertThat(bucket.list(""))
                .containsExactly(
                        new Bucket.Entry("copied", large.length),
                        new Bucket.Entry("empty", 0),
                        new Bucket.Entry("large", large.length));
        bucket.download(
                Map.of("copied", folder.resolve("one"), "empty", folder.resolve("two")),
                Map.of("copied", (long) large.length, "empty", 0L));
        assertThat(folder.resolve("one")).hasBinaryContent(large);
        assertThat(folder.resolve("two")).isEmptyFile();
    }

    @Test
    void anUploadThatIsKilledLeavesNothingThatCanBeRead() throws IOException {
        Path file = Files.write(folder.resolve("large"), new byte[40 << 20]);
        front.dieAt(4, FaultyS3.Fault.REQUEST_LOST);
        assertThatThrownBy(() -> bucket.upload(Map.of("large", file)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("S3 status 503")
                .hasMessageNotContaining("\n");
        front.heal();

        assertThat(bucket.list("")).isEmpty();
        bucket.upload(Map.of("large", file));
        assertThat(bucket.list("")).hasSize(1);
    }

    @Test
    void aStoreThatIgnoresConditionsIsRefused() throws IOException {
        bucket.requireConditions();
        assertThat(bucket.list("")).isEmpty();

        front.forgetConditions();

        assertThatThrownBy(() -> bucket.requireConditions())
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("the store ignores If-None-Match or If-Match");
        assertThat(bucket.list("")).isEmpty();
    }

    @Test
    void twoWhoTryConditionsAtATimeBothSeeThemKept() throws IOException {
        front.after("PUT .*probe.*", () -> {
            try {
                bucket.requireConditions();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        bucket.requireConditions();
        assertThat(bucket.list("")).isEmpty();
    }

    @Test
    void whatARunNeedsWaitsForTheEndOfAnOutage() throws IOException {
        front.failNext(40);
        bucket.throughOutages().in("b").write("a", "one");
        assertThat(bucket.read("b/a").orElseThrow().text()).isEqualTo("one");

        front.failNext(40);
        assertThatThrownBy(() -> bucket.write("a", "two")).isInstanceOf(IOException.class);
    }

    @Test
    void aStoreThatIsDownIsOneShortLine() {
        StoreOptions nowhere = new StoreOptions("http://127.0.0.1:1", null, null, true);
        Bucket down = Stores.of(nowhere, new Patience(Duration.ofMillis(1), Duration.ofSeconds(5)))
                .bucket("s3://bucket/runs");
        assertThatThrownBy(() -> down.write("a", "x"))
                .isInstanceOf(IOException.class)
                .hasMessageMatching("Connection refused: /127.0.0.1:1|the store does not answer");
        IOException wordy = new IOException("Acquire operation took too long. This indicates that\nyou should ...");
        assertThat(S3Shard.failure(SdkClientException.create("Unable to execute HTTP request", wordy)))
                .hasMessage("Acquire operation took too long.");
        Throwable timeout = new Throwable("Acquire ...", new TimeoutException("Acquire operation took longer"));
        assertThat(S3Shard.failure(SdkClientException.create("Unable to execute HTTP request", timeout)))
                .hasMessage("the store does not answer");
    }

    @Test
    void expiredCredentialsAreCalledSo() {
        S3Exception expired = (S3Exception) S3Exception.builder()
                .statusCode(400)
                .awsErrorDetails(
                        AwsErrorDetails.builder().errorCode("ExpiredToken").build())
                .build();
        assertThat(S3Shard.failure(expired))
                .hasMessage("S3 status 400 ExpiredToken (the credentials have expired: renew them)");
    }

    @Test
    void aBucketThatIsNotThereIsToldOfBothReadersAndWriters() {
        Bucket nowhere = front.bucket("s3://nowhere/runs");
        assertThatThrownBy(() -> nowhere.read("a")).hasMessageContaining("S3 status 404 NoSuchBucket");
        assertThatThrownBy(() -> nowhere.write("a", "x")).hasMessageContaining("S3 status 404 NoSuchBucket");
        assertThatThrownBy(() -> nowhere.create("a", bytes("x"))).hasMessageContaining("NoSuchBucket");
        assertThatThrownBy(() -> front.bucket("s3:///runs"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("names no bucket");
    }
}
