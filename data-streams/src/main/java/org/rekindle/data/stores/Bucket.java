package org.rekindle.data.stores;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * The objects under a prefix of an S3 bucket, to be read and written: keys are relative to the prefix. Whoever asks for a condition
 * ({@link #create}, {@link #replace}) is the only one whose write counts, of all processes on all machines.
 *
 * <p>Threads: any number. What may pass is tried again, within bounds; an {@link IOException} from here is final, and its message says
 * what happened in words that follow the location. Whether a write that failed so took place, nobody knows.
 */
public final class Bucket {

    private static final int PRECONDITION_FAILED = 412;
    private static final int CONFLICT = 409;
    private static final int NOT_FOUND = 404;

    /** Tells apart who wrote an object: a repetition of a write that took place must not count as somebody else's. */
    private static final String WRITE = "write";

    private final S3Store store;
    private final String bucket;
    private final String prefix;
    private final int attempts;

    /**
     * A small object.
     *
     * @param version its ETag
     */
    public record Content(byte[] bytes, String version) {

        public String text() {
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }

    /** @param size bytes */
    public record Entry(String key, long size) {}

    Bucket(S3Store store, String bucket, String prefix) {
        this(store, bucket, prefix, Patience.ATTEMPTS);
    }

    private Bucket(S3Store store, String bucket, String prefix, int attempts) {
        this.store = store;
        this.bucket = bucket;
        this.prefix = prefix;
        this.attempts = attempts;
    }

    /** The same, for what a run cannot go on without: it waits for about ten minutes where the store does not answer. */
    public Bucket throughOutages() {
        return new Bucket(store, bucket, prefix, Patience.ATTEMPTS_IN_AN_OUTAGE);
    }

    /** What lies under a longer prefix. */
    public Bucket in(String folder) {
        return new Bucket(store, bucket, prefix + folder + "/", attempts);
    }

    /** {@code s3://bucket/prefix}, without a slash at its end. */
    public String location() {
        return prefix.isEmpty() ? "s3://" + bucket : location("").replaceAll("/$", "");
    }

    /** {@code s3://bucket/prefix/key}. */
    public String location(String key) {
        return "s3://" + bucket + "/" + prefix + key;
    }

    private S3AsyncClient client() {
        return store.writer(attempts);
    }

    /** Reads a small object that is not empty; empty where there is none. */
    public Optional<Content> read(String key) throws IOException {
        try {
            // with a range the SDK does not ask for parts, which not every store knows
            ResponseBytes<GetObjectResponse> answer = Transfers.join(client().getObject(
                            get -> get.bucket(bucket).key(prefix + key).range("bytes=0-"),
                            AsyncResponseTransformer.toBytes()));
            return Optional.of(
                    new Content(answer.asByteArrayUnsafe(), answer.response().eTag()));
        } catch (NoSuchKeyException e) {
            return Optional.empty();
        } catch (S3Exception e) {
            throw S3Shard.failure(e);
        }
    }

    /** Opens an object's bytes for one reader, which closes them; a transfer that breaks goes on where it was. */
    public InputStream open(String key) throws IOException {
        return shard(key).open(0);
    }

    private Shard shard(String key) {
        return new S3Shard(store, bucket, prefix + key);
    }

    /** Writes a small object, whatever was there. */
    public void write(String key, String text) throws IOException {
        write(key, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Writes a small object, whatever was there. */
    public void write(String key, byte[] bytes) throws IOException {
        put(key, bytes, unconditional -> {});
    }

    /**
     * Writes an object where there is none.
     *
     * @return its version; empty where somebody else has written it
     */
    public Optional<String> create(String key, byte[] bytes) throws IOException {
        return put(key, bytes, request -> request.ifNoneMatch("*"));
    }

    /**
     * Writes an object that is still of a version.
     *
     * @return its new version; empty where somebody else has written or removed it
     */
    public Optional<String> replace(String key, byte[] bytes, String version) throws IOException {
        return put(key, bytes, request -> request.ifMatch(version));
    }

    private Optional<String> put(String key, byte[] bytes, Consumer<PutObjectRequest.Builder> condition)
            throws IOException {
        String write = UUID.randomUUID().toString();
        PutObjectRequest.Builder request =
                PutObjectRequest.builder().bucket(bucket).key(prefix + key).metadata(Map.of(WRITE, write));
        condition.accept(request);
        for (int attempt = 1; ; attempt++) {
            try {
                return Optional.of(
                        Transfers.join(client().putObject(request.build(), AsyncRequestBody.fromBytes(bytes)))
                                .eTag());
            } catch (S3Exception e) {
                boolean isConditional =
                        request.build().ifMatch() != null || request.build().ifNoneMatch() != null;
                boolean gone = e.statusCode() == NOT_FOUND && e instanceof NoSuchKeyException;
                if (isConditional && (gone || e.statusCode() == PRECONDITION_FAILED)) {
                    return ofWrite(key, write);
                } else if (!isConditional || e.statusCode() != CONFLICT || attempt == Patience.ATTEMPTS) {
                    throw S3Shard.failure(e);
                }
                Transfers.pause(store.patience().pause(attempt)); // another write of this object was under way
            }
        }
    }

    /** The version of an object if it is of this write, which took place though its answer was lost. */
    private Optional<String> ofWrite(String key, String write) throws IOException {
        try {
            var head =
                    Transfers.join(client().headObject(of -> of.bucket(bucket).key(prefix + key)));
            return write.equals(head.metadata().get(WRITE)) ? Optional.of(head.eTag()) : Optional.empty();
        } catch (S3Exception e) {
            if (e.statusCode() == NOT_FOUND) {
                return Optional.empty();
            }
            throw S3Shard.failure(e);
        }
    }

    /**
     * Makes sure that the store holds to conditions: one that does not know them writes in any case. It is tried on an object that is
     * removed then.
     *
     * @throws IOException when it does not, or cannot be written at all
     */
    public void requireConditions() throws IOException {
        String key = "probe-" + UUID.randomUUID(); // others may be trying the same
        byte[] bytes = "a probe of Rekindle's\n".getBytes(StandardCharsets.UTF_8);
        write(key, bytes);
        boolean ignored = create(key, bytes).isPresent()
                || replace(key, bytes, "\"00000000000000000000000000000000\"").isPresent();
        delete(List.of(key));
        if (ignored) {
            throw new IOException("the store ignores If-None-Match or If-Match where objects are written, so two"
                    + " processes could not be kept apart");
        }
    }

    /** All objects whose keys begin so, in the order of their keys. */
    public List<Entry> list(String beginning) throws IOException {
        List<Entry> entries = new ArrayList<>();
        try {
            Transfers.join(client().listObjectsV2Paginator(
                            request -> request.bucket(bucket).prefix(prefix + beginning))
                    .contents()
                    .subscribe(
                            object -> entries.add(new Entry(object.key().substring(prefix.length()), object.size()))));
        } catch (S3Exception e) {
            throw S3Shard.failure(e);
        }
        return entries;
    }

    /** Removes objects; those that are not there are no error. */
    public void delete(Collection<String> keys) throws IOException {
        Transfers.all(keys, key -> client().deleteObject(
                        request -> request.bucket(bucket).key(prefix + key)));
    }

    /** Sends files, several at a time, large ones in parts. */
    public void upload(Map<String, Path> files) throws IOException {
        Transfers.all(files.entrySet(), file -> client().putObject(
                        request -> request.bucket(bucket).key(prefix + file.getKey()),
                        AsyncRequestBody.fromFile(file.getValue())));
    }

    /** Copies objects within the store, several at a time. */
    public void copy(Map<String, String> toByFrom) throws IOException {
        Transfers.all(toByFrom.entrySet(), copy -> client().copyObject(request -> request.sourceBucket(bucket)
                .sourceKey(prefix + copy.getKey())
                .destinationBucket(bucket)
                .destinationKey(prefix + copy.getValue())));
    }

    /**
     * Fetches objects into new files, large ones by several ranges at a time.
     *
     * @param files by key
     * @param sizes bytes of each, by key
     */
    public void download(Map<String, Path> files, Map<String, Long> sizes) throws IOException {
        Transfers.download(files, sizes, this::shard);
    }
}
