package org.rekindle.worker.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.UserException;

/** A hub that misbehaves in every way that hubs and networks know, on this machine; no test sleeps. */
class HubDownloadTest {

    private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";
    private static final String CONFIG = "unet/config.json";
    private static final int LENGTH = 300_000;
    private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

    @TempDir
    Path folder;

    private final List<Duration> pauses = Collections.synchronizedList(new ArrayList<>());
    private final List<String> messages = Collections.synchronizedList(new ArrayList<>());
    private Duration stall = Duration.ofSeconds(20);
    private FakeHub hub;
    private Path out;

    @BeforeEach
    void start() throws IOException {
        out = folder.resolve("pipeline");
        hub = new FakeHub();
        put("model_index.json", """
                {"_class_name": "StableDiffusionPipeline", "requires_safety_checker": false,
                 "unet": ["diffusers", "UNet2DConditionModel"], "scheduler": ["diffusers", "PNDMScheduler"],
                 "safety_checker": [null, null]}
                """);
        put(CONFIG, "{\"in_channels\": 4}");
        put("scheduler/scheduler_config.json", "{}");
        hub.files.put(WEIGHTS, bytes(1));
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    @Test
    void everyFileOfThePipelineArrivesAsItIs() throws Exception {
        hub.files.put("unet/diffusion_pytorch_model.bin", bytes(2));
        hub.files.put("v1-5.ckpt", bytes(2));

        assertThat(download()).isTrue();

        assertThat(fetched())
                .containsExactlyInAnyOrder("model_index.json", CONFIG, "scheduler/scheduler_config.json", WEIGHTS);
        assertSameAsHub();
        assertThat(messages).contains("tiny/model at main, commit " + hub.commit + ": 4 files");
        assertThat(pauses).isEmpty();
    }

    @Test
    void theIndexThatMakesAPipelineComesLast() throws Exception {
        for (int i = 0; i < 5; i++) {
            hub.next(WEIGHTS, FakeHub.status(503));
        }

        refused(WEIGHTS, "503", "5 attempts", "the same command again");

        assertThat(out.resolve("model_index.json")).doesNotExist();
        boolean whole = Files.exists(out.resolve(CONFIG)); // unless the weights' refusals were quicker
        assertThat(download()).isTrue();
        assertThat(hub.served(CONFIG)).as("a whole file is not fetched again").hasSizeLessThanOrEqualTo(whole ? 1 : 2);
        assertSameAsHub();
    }

    @Test
    void whatIsThereIsNotFetchedAgain() throws Exception {
        download();
        int before = hub.served(WEIGHTS).size() + hub.served(CONFIG).size();

        download();

        assertThat(hub.served(WEIGHTS).size() + hub.served(CONFIG).size()).isEqualTo(before);
        assertThat(messages).contains("tiny/model at main, commit " + hub.commit + ": 0 files");
    }

    @Test
    void aCutGoesOnFromWhereItWas() throws Exception {
        hub.next(WEIGHTS, hub.cutAfter(WEIGHTS, 100_000));

        download();

        assertGoesOnNear(100_000);
        assertSameAsHub();
        assertThat(pauses).containsExactly(Duration.ofSeconds(1));
        assertThat(messages).anyMatch(line -> line.contains(WEIGHTS) && line.contains("next attempt in 1 s"));
    }

    @Test
    void aServerWithoutRangesIsReadFromTheStart() throws Exception {
        hub.ranges = false;
        hub.next(WEIGHTS, hub.cutAfter(WEIGHTS, 100_000));

        download();

        assertGoesOnNear(100_000);
        assertSameAsHub();
    }

    @Test
    void aServerThatRefusesTheRangeIsReadFromTheStart() throws Exception {
        hub.next(WEIGHTS, hub.cutAfter(WEIGHTS, 100_000));
        hub.next(WEIGHTS, FakeHub.status(416));

        download();

        assertThat(ranges(WEIGHTS)).hasSize(3).element(2).isNull();
        assertSameAsHub();
    }

    @Test
    void aPartThatIsNotTheOneAskedForIsNotKept() throws Exception {
        hub.next(WEIGHTS, hub.cutAfter(WEIGHTS, 100_000));
        hub.next(WEIGHTS, exchange -> {
            exchange.getResponseHeaders().set("Content-Range", "bytes 5-6/" + LENGTH);
            exchange.sendResponseHeaders(206, 2);
            exchange.getResponseBody().write(new byte[2]);
            exchange.close();
            return true;
        });

        download();

        assertSameAsHub();
    }

    @Test
    void aStalledBodyIsGivenUpAndContinued() throws Exception {
        stall = Duration.ofSeconds(2);
        hub.stallAfter(WEIGHTS, 100_000);

        download();

        assertGoesOnNear(100_000);
        assertThat(messages).anyMatch(line -> line.contains(WEIGHTS + ": no data for 2 s"));
        assertSameAsHub();
    }

    @Test
    void aFileThatChangedSinceItsPartWasFetchedBeginsAnew() throws Exception {
        for (int i = 0; i < 5; i++) {
            hub.next(WEIGHTS, hub.cutAfter(WEIGHTS, i == 0 ? 100_000 : 0));
        }
        refused(WEIGHTS, "5 attempts");
        hub.files.put(WEIGHTS, bytes(3));
        hub.commit = "beef" + "0".repeat(36);
        int before = hub.served(WEIGHTS).size();

        download();

        assertThat(ranges(WEIGHTS).subList(before, before + 1)).containsExactly((String) null);
        assertSameAsHub();
        assertNoPartialFiles();
    }

    @Test
    void aFileThatChangesUnderASparseHubBeginsAnew() throws Exception {
        hub.sparse = true;
        hub.next(WEIGHTS, exchange -> {
            hub.begin(exchange, WEIGHTS, 100_000);
            hub.files.put(WEIGHTS, Arrays.copyOf(bytes(4), LENGTH - 5));
            exchange.close(); // only then, or the next request may find the old file
            return true;
        });

        download();

        assertThat(ranges(WEIGHTS)).containsExactly(null, null);
        assertSameAsHub();
        assertNoPartialFiles();
    }

    @Test
    void contentOfAnotherHashThanTheListedOneIsNotBegun() {
        hub.next("list", exchange -> {
            hub.sendListing(exchange);
            hub.files.put(WEIGHTS, bytes(5));
            return true;
        });

        refused(WEIGHTS, "the file changed on the hub", "5 attempts");

        assertThat(out.resolve(WEIGHTS)).doesNotExist();
        assertThat(out.resolve("model_index.json")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({WEIGHTS + ", SHA-256", CONFIG + ", SHA-1"})
    void wrongContentIsRefusedAndRemoved(String file, String algorithm) {
        byte[] wrong = hub.files.get(file).clone();
        wrong[wrong.length / 2] ^= 1;
        hub.next(file, exchange -> {
            exchange.sendResponseHeaders(200, wrong.length);
            exchange.getResponseBody().write(wrong);
            exchange.close();
            return true;
        });

        refused(file, algorithm, "removed", "same command again");

        assertThat(out.resolve(file)).doesNotExist();
        assertThat(out.resolve("model_index.json")).doesNotExist();
        assertThat(partialFiles(file)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"-1", "1", "1000"})
    void aWrongSizeIsRefusedAndRemoved(int more) {
        byte[] wrong = Arrays.copyOf(hub.files.get(WEIGHTS), LENGTH + more);
        hub.next(WEIGHTS, exchange -> {
            exchange.sendResponseHeaders(200, wrong.length);
            exchange.getResponseBody().write(wrong);
            exchange.close();
            return true;
        });

        refused(WEIGHTS, "has " + wrong.length + " bytes where the hub promised " + LENGTH);

        assertThat(partialFiles(WEIGHTS)).isEmpty();
    }

    @Test
    void aBodyWithoutALengthThatNeverEndsIsRefused() {
        hub.next(WEIGHTS, exchange -> {
            exchange.sendResponseHeaders(200, 0);
            for (int i = 0; i < 10; i++) {
                exchange.getResponseBody().write(new byte[LENGTH]);
            }
            exchange.close();
            return true;
        });

        refused(WEIGHTS, "more than the " + LENGTH + " bytes");

        assertThat(partialFiles(WEIGHTS)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "7, 7",
        "100000, 300",
        "'Thu, 01 Jan 2026 00:01:30 GMT', 90",
        "'Wed, 31 Dec 2025 00:00:00 GMT', 1",
        "soon, 1",
        "0, 1"
    })
    void tooManyRequestsWaitsAsLongAsToldWithinBounds(String retryAfter, long seconds) throws Exception {
        hub.next(CONFIG, FakeHub.status(429, "Retry-After", retryAfter));

        download();

        assertThat(pauses).containsExactly(Duration.ofSeconds(seconds));
        assertThat(messages).anyMatch(line -> line.contains(CONFIG) && line.contains("429 (too many requests)"));
    }

    @Test
    void failuresOfTheHubArePausedForLongerAndLonger() throws Exception {
        hub.next("list", FakeHub.status(500));
        hub.next("list", FakeHub.status(502));
        hub.next("list", FakeHub.status(503));
        hub.next("list", FakeHub.status(504));

        download();

        assertThat(pauses)
                .containsExactly(
                        Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(4), Duration.ofSeconds(8));
    }

    @Test
    void aFileThatAdvancesMayBeCutMoreOftenThanOneThatDoesNot() throws Exception {
        hub.files.put(WEIGHTS, Arrays.copyOf(bytes(1), 10 << 20));
        for (int i = 0; i < 8; i++) {
            hub.next(WEIGHTS, hub.cutAfter(WEIGHTS, (1 << 20) + (1 << 16)));
        }

        download();

        assertThat(ranges(WEIGHTS)).hasSize(9);
        assertThat(pauses).hasSize(8).containsOnly(Duration.ofSeconds(1));
        assertSameAsHub();
    }

    @ParameterizedTest
    @CsvSource({
        "401, accept the licence on",
        "403, accept the licence on",
        "404, not found (404)",
        "418, the hub answers 418"
    })
    void whatIsRefusedForGoodIsNotAskedAgain(int status, String line) {
        hub.next("list", FakeHub.status(status));

        refused("model=tiny/model@main", line);

        assertThat(hub.requests).hasSize(1);
        assertThat(pauses).isEmpty();
        assertThat(out).doesNotExist();
    }

    @Test
    void aModelWhoseLicenceWasNotAcceptedLeavesNothing() {
        hub.next("model_index.json", FakeHub.status(403, "X-Error-Code", "GatedRepo"));

        refused("model_index.json", "403", "set HF_TOKEN", hub.endpoint() + "/tiny/model");

        assertThat(out).doesNotExist();
    }

    @Test
    void aTokenThatIsNotEnoughIsNotToldToBeSet() {
        hub.next("list", FakeHub.status(401));
        HubSettings settings = new HubSettings(hub.endpoint(), "hf_secret", false);

        UserException refusal = refusal(() -> download(settings, Set.of()));

        assertThat(refusal)
                .hasMessageContaining("with the token's account")
                .hasMessageNotContaining("hf_secret")
                .hasMessageNotContaining("without a token");
    }

    @Test
    void anUnknownRevisionIsTold() {
        hub.next("list", FakeHub.status(404, "X-Error-Code", "RevisionNotFound"));

        refused("model=tiny/model@main", "has no revision main");
    }

    @Test
    void theTokenReachesTheHubAlone() throws Exception {
        download(new HubSettings(hub.endpoint(), "hf_secret", false), Set.of());

        assertThat(hub.requests).anyMatch(FakeHub.Request::toStorage);
        for (FakeHub.Request request : hub.requests) {
            assertThat(request.authorization())
                    .as("%s", request)
                    .isEqualTo(request.toStorage() ? null : "Bearer hf_secret");
        }
    }

    @Test
    void anAddressOfTheStorageThatRanOutIsAskedForAgain() throws Exception {
        hub.next(WEIGHTS, FakeHub.status(403));

        download();

        assertThat(pauses).hasSize(1);
        assertSameAsHub();
    }

    @ParameterizedTest
    @CsvSource({"file:///etc/passwd", "''", "http://[", "ftp://127.0.0.1/x"})
    void aRedirectToNoWebAddressIsRefused(String location) {
        hub.next(CONFIG, FakeHub.status(302, "Location", location));

        refused(CONFIG, "redirects to what is no web address");
    }

    @Test
    void redirectsInACircleEnd() {
        for (int i = 0; i < 20; i++) {
            hub.next("list", FakeHub.status(307, "Location", "/api/models/tiny/model/revision/main"));
        }

        refused("model=tiny/model@main", "redirects more than 5 times");
    }

    @Test
    void aModelThatMovedIsFollowed() throws Exception {
        hub.next("list", FakeHub.status(307, "Location", "/api/models/tiny/model/revision/main?blobs=true"));

        assertThat(download()).isTrue();
    }

    @Test
    void aHubThatIsNotThereIsTold() throws Exception {
        int port;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        HubSettings nowhere = new HubSettings(URI.create("http://127.0.0.1:" + port), null, false);

        assertThat(refusal(() -> download(nowhere, Set.of())))
                .hasMessageContaining("the hub cannot be reached")
                .hasMessageContaining("HF_ENDPOINT");
        assertThat(pauses).hasSize(4);
    }

    @Test
    void offlineNothingIsAsked() {
        HubSettings offline = new HubSettings(hub.endpoint(), null, true);

        assertThat(refusal(() -> download(offline, Set.of()))).hasMessageContaining("HF_HUB_OFFLINE is set");
        assertThat(hub.requests).isEmpty();
        assertThat(out).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({"../x", "/etc/x", "unet/../../x", "unet\\..\\x", "unet//x", "unet/./x"})
    void aNameThatLeadsOutOfTheFolderIsRefused(String name) {
        put(name, "{}");

        refused("lead out of the folder", "nothing was fetched");

        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aPickleIsRefusedBeforeAnythingIsFetched() {
        hub.files.remove(WEIGHTS);
        hub.files.put("unet/diffusion_pytorch_model.bin", bytes(1));

        refused("component unet", "only a pickle (unet/diffusion_pytorch_model.bin)", "nothing was fetched");

        assertThat(out).doesNotExist();
        assertThat(hub.served("unet/diffusion_pytorch_model.bin")).isEmpty();
    }

    @Test
    void aFileThatIsNotTheHubsIsNotReplaced() throws Exception {
        Files.createDirectories(out.resolve("unet"));
        Files.writeString(out.resolve(CONFIG), "mine");

        refused(out.resolve(CONFIG).toString(), "is not replaced", "choose another out=");

        assertThat(out.resolve(CONFIG)).hasContent("mine");
        assertThat(fetched()).containsExactly(CONFIG);
    }

    @Test
    void someComponentsAreNoPipelineUntilTheOthersFollow() throws Exception {
        assertThat(download(Set.of("scheduler"))).isFalse();
        assertThat(fetched()).containsExactly("scheduler/scheduler_config.json");

        assertThat(download()).isTrue();
        assertThat(hub.served("scheduler/scheduler_config.json")).hasSize(1);
    }

    @Test
    void aFolderThatCannotBeWrittenIsTold() throws IOException {
        Files.writeString(out, "a file");
        refused("out=" + out, "a file of that name is there");

        Files.delete(out);
        Files.createDirectories(out);
        Files.writeString(out.resolve("scheduler"), "a file");
        refused(out.resolve("scheduler/scheduler_config.json").toString(), "cannot be written");
    }

    @Test
    void twoDownloadsDoNotWriteOneFile() {
        HubFile file = new HubFile("x", 3, ContentHash.of("ab".repeat(32)));
        try (PartialFile first = PartialFile.open(folder.resolve("x"), file)) {
            assertThat(refusal(() -> PartialFile.open(folder.resolve("x"), file)))
                    .hasMessageContaining("another download is writing it");
            assertThat(first.length()).isZero();
        }
    }

    @Test
    void aSparseHubIsAskedForSizesAndHashes() throws Exception {
        hub.sparse = true;

        download();

        assertSameAsHub();
        assertThat(hub.requests)
                .filteredOn(request -> request.method().equals("HEAD"))
                .noneMatch(FakeHub.Request::toStorage)
                .hasSizeGreaterThanOrEqualTo(4);
    }

    @Test
    void aPageThatIsNoHubIsTold() {
        hub.next("list", exchange -> {
            byte[] page = "<html>".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, page.length);
            exchange.getResponseBody().write(page);
            exchange.close();
            return true;
        });

        refused("not valid JSON", "HF_ENDPOINT");
    }

    @Test
    void namesAndRevisionsAreEncoded() throws Exception {
        put("scheduler/a b+#?.json", "{}");

        new HubDownload(new HubSettings(hub.endpoint(), null, false), timing(), listener())
                .run(ModelRevision.parse("tiny/model@refs/pr/1", null), Set.of(), out);

        assertThat(hub.requests.get(0).path()).isEqualTo("/api/models/tiny/model/revision/refs/pr/1");
        assertSameAsHub();
    }

    private boolean download() throws InterruptedException {
        return download(Set.of());
    }

    private boolean download(Set<String> components) throws InterruptedException {
        return download(new HubSettings(hub.endpoint(), null, false), components);
    }

    private boolean download(HubSettings settings, Set<String> components) throws InterruptedException {
        return new HubDownload(settings, timing(), listener())
                .run(ModelRevision.parse("tiny/model", null), components, out);
    }

    private HubTiming timing() {
        return new HubTiming(Clock.fixed(NOW, ZoneOffset.UTC), pauses::add, Duration.ofSeconds(5), stall);
    }

    private DownloadListener listener() {
        return new DownloadListener() {
            @Override
            public void started(String what, int files, long bytes) {
                messages.add(what + ": " + files + " files");
            }

            @Override
            public void at(String path, long bytes) {}

            @Override
            public void fetched(String path, long bytes) {}

            @Override
            public void message(String line) {
                messages.add(line);
            }
        };
    }

    private void refused(String... parts) {
        assertThat(refusal(this::download).getMessage()).contains(parts).doesNotContain("\n");
    }

    private static UserException refusal(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        UserException refusal = catchThrowableOfType(UserException.class, call);
        assertThat(refusal).as("refusal").isNotNull();
        return refusal;
    }

    private List<String> ranges(String file) {
        return hub.served(file).stream().map(FakeHub.Request::range).toList();
    }

    /** The JDK's client may drop the last buffer before a cut. */
    private void assertGoesOnNear(int bytes) {
        assertThat(ranges(WEIGHTS)).hasSize(2).element(0).isNull();
        assertThat(ranges(WEIGHTS).get(1)).matches("bytes=\\d+-");
        assertThat(Integer.parseInt(ranges(WEIGHTS).get(1).replaceAll("\\D", "")))
                .isBetween(bytes - (1 << 15), bytes);
    }

    private List<String> fetched() throws IOException {
        try (Stream<Path> walk = Files.walk(out)) {
            return walk.filter(Files::isRegularFile)
                    .map(file -> out.relativize(file).toString().replace('\\', '/'))
                    .toList();
        }
    }

    private void assertSameAsHub() throws IOException {
        for (String file : fetched()) {
            assertThat(out.resolve(file)).hasBinaryContent(hub.files.get(file));
        }
        assertThat(fetched()).contains(WEIGHTS, CONFIG, "model_index.json");
    }

    private void assertNoPartialFiles() throws IOException {
        assertThat(fetched()).noneMatch(file -> file.endsWith(".incomplete"));
    }

    private List<String> partialFiles(String file) {
        try {
            return Files.exists(out)
                    ? fetched().stream()
                            .filter(name -> name.startsWith(file + "."))
                            .toList()
                    : List.of();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private void put(String name, String text) {
        hub.files.put(name, text.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] bytes(long seed) {
        byte[] bytes = new byte[LENGTH];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }
}
