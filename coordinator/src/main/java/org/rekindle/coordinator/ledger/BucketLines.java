package org.rekindle.coordinator.ledger;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.rekindle.data.UserException;
import org.rekindle.data.stores.Bucket;
import org.rekindle.data.stores.Bucket.Content;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lines in a bucket, for one writer at a time, with a copy in a local file, which is what is read.
 *
 * <p>The object {@code head.jsonl} says what counts: its first line names the segments, objects of many lines that are never changed, and
 * how much of each; the lines behind it are the newest ones. Every change is one replacement of the head as this writer knows it.
 * Opening is such a change, too: who opened before finds another head at its next line, and stops. When the head has grown, its
 * lines go into a segment, together with segments before that are no longer, so that there are few of them.
 *
 * <p>Threads: one at a time; the methods lock.
 */
final class BucketLines implements AppendedLines {

    private static final Logger LOG = LoggerFactory.getLogger(BucketLines.class);
    private static final ObjectMapper JSON = JsonMapper.builder().build();

    static final String HEAD = "head.jsonl";

    /** Bytes of lines in the head: each is sent again with every line that follows. */
    static final int LONGEST_TAIL = 1 << 16;

    /** Bytes of a segment that is made of others: it is sent while the run waits. */
    private static final long LONGEST_SEGMENT = 16L << 20;

    private static final int ATTEMPTS = 5;

    private final Bucket bucket;
    private final StepLines local;
    private final Path file;
    private final int longestTail;
    private Head head;
    private String version;

    /** @param bytes how many of its bytes count, from its first on */
    private record Segment(String name, long bytes) {}

    /** @param writer who wrote it, so that no two heads of different writers are alike */
    private record Header(String writer, List<Segment> segments) {}

    private record Head(Header header, byte[] tail) {

        static final Head NONE = new Head(new Header("", List.of()), new byte[0]);

        static Head of(Optional<Content> content) throws JsonProcessingException {
            return content.isEmpty() ? NONE : parse(content.get().bytes());
        }

        private static Head parse(byte[] bytes) throws JsonProcessingException {
            int end = 0;
            while (end < bytes.length && bytes[end] != '\n') {
                end++;
            }
            Header header = JSON.readValue(new String(bytes, 0, end, StandardCharsets.UTF_8), Header.class);
            return new Head(header, Arrays.copyOfRange(bytes, Math.min(end + 1, bytes.length), bytes.length));
        }

        byte[] bytes() throws JsonProcessingException {
            return joined((JSON.writeValueAsString(header) + "\n").getBytes(StandardCharsets.UTF_8), tail);
        }

        List<Segment> segments() {
            return header.segments();
        }

        Head with(List<Segment> segments, byte[] tail) {
            return new Head(new Header(header.writer(), List.copyOf(segments)), tail);
        }
    }

    private BucketLines(Bucket bucket, Path file, int longestTail) {
        this.bucket = bucket;
        this.file = file;
        this.longestTail = longestTail;
        try {
            // what is not there yet before the claim may be of a writer that comes after
            List<Bucket.Entry> before = bucket.list("");
            claim();
            copy();
            removeUnnamed(before);
        } catch (IOException e) {
            throw unwritable(e);
        }
        local = StepLines.open(file);
    }

    /**
     * Becomes the writer of the lines, so that whoever was it cannot append any more, and fetches them.
     *
     * @param bucket where they are, and nothing else
     * @param file local copy, which is overwritten
     */
    static BucketLines open(Bucket bucket, Path file) {
        return new BucketLines(bucket, file, LONGEST_TAIL);
    }

    /** @param longestTail bytes of lines in the head, from which on they go into a segment */
    static BucketLines open(Bucket bucket, Path file, int longestTail) {
        return new BucketLines(bucket, file, longestTail);
    }

    /** Whoever is appending is faster than a copy of it all, so that comes later. */
    private void claim() throws IOException {
        Head claimed;
        do {
            Optional<Content> old = bucket.read(HEAD);
            Head found = Head.of(old);
            version = old.map(Content::version).orElse(null);
            claimed = new Head(new Header(UUID.randomUUID().toString(), found.segments()), found.tail());
        } while (!isReplaced(claimed));
    }

    private void copy() throws IOException {
        try {
            copy(bucket, head, new ArrayList<>(), file);
        } catch (IOException e) {
            if (!bucket.read(HEAD).map(Content::version).equals(Optional.of(version))) {
                throw overtaken();
            }
            throw e;
        }
    }

    /**
     * Copies the lines into a local file and changes nothing in the bucket; another process may be appending.
     */
    static void fetch(Bucket bucket, Path file) throws IOException {
        List<Segment> copied = new ArrayList<>();
        for (int attempt = 1; ; attempt++) {
            Optional<Content> content = bucket.read(HEAD);
            try {
                copy(bucket, Head.of(content), copied, file);
                return;
            } catch (IOException e) {
                Optional<Content> now = bucket.read(HEAD);
                boolean unchanged = now.map(Content::version).equals(content.map(Content::version));
                if (unchanged || attempt == ATTEMPTS) { // else segments were joined meanwhile
                    throw e;
                }
            }
        }
    }

    /** @param copied segments that the file has already; those that still count stay */
    private static void copy(Bucket bucket, Head head, List<Segment> copied, Path file) throws IOException {
        int same = 0;
        while (same < Math.min(copied.size(), head.segments().size())
                && copied.get(same).equals(head.segments().get(same))) {
            same++;
        }
        copied.subList(same, copied.size()).clear();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.truncate(bytes(copied));
            channel.position(bytes(copied));
            OutputStream out = Channels.newOutputStream(channel);
            for (Segment segment : head.segments().subList(same, head.segments().size())) {
                copy(bucket, segment, out);
                copied.add(segment);
            }
            out.write(head.tail());
        }
    }

    private static long bytes(List<Segment> segments) {
        return segments.stream().mapToLong(Segment::bytes).sum();
    }

    private static void copy(Bucket bucket, Segment segment, OutputStream out) throws IOException {
        try (InputStream in = bucket.open(segment.name())) {
            byte[] buffer = new byte[1 << 16];
            for (long left = segment.bytes(); left > 0; ) {
                int read = in.read(buffer, 0, (int) Math.min(buffer.length, left));
                if (read < 0) {
                    throw new IOException(segment.name() + " is too short");
                }
                out.write(buffer, 0, read);
                left -= read;
            }
        }
    }

    @Override
    public synchronized void append(Object entry) {
        try {
            byte[] line = StepLines.line(entry);
            if (head.tail().length > 0 && head.tail().length + line.length > longestTail) {
                appendBehindSegment(line);
            } else {
                replace(head.with(head.segments(), joined(head.tail(), line)));
            }
            local.write(line);
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    private void appendBehindSegment(byte[] line) throws IOException {
        List<Segment> segments = new ArrayList<>(head.segments());
        List<Segment> joined = new ArrayList<>();
        long bytes = head.tail().length;
        while (!segments.isEmpty()) {
            Segment last = segments.get(segments.size() - 1);
            if (last.bytes() > bytes || last.bytes() + bytes > LONGEST_SEGMENT) {
                break;
            }
            joined.add(segments.remove(segments.size() - 1));
            bytes += last.bytes();
        }
        long start = bytes(segments);
        // a name that nobody else uses: who no longer is the writer must not write over what counts
        String name = String.format(Locale.ROOT, "%020d-%s.jsonl", start, UUID.randomUUID());
        bucket.write(name, localBytes(start, Math.toIntExact(bytes)));
        segments.add(new Segment(name, bytes));
        replace(head.with(segments, line));
        remove(joined.stream().map(Segment::name).toList());
    }

    private byte[] localBytes(long start, int count) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(count);
        try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
            while (bytes.hasRemaining()) {
                if (in.read(bytes, start + bytes.position()) < 0) {
                    throw new IOException(file + " was changed by somebody else");
                }
            }
        }
        return bytes.array();
    }

    /** Lines are in the order of their steps, so what is removed is what follows the first later one. */
    @Override
    public synchronized void truncate(long step) {
        try {
            long length = local.lengthUpTo(step);
            List<Segment> kept = new ArrayList<>();
            List<String> dropped = new ArrayList<>();
            long start = 0;
            for (Segment segment : head.segments()) {
                if (start < length) {
                    kept.add(new Segment(segment.name(), Math.min(segment.bytes(), length - start)));
                } else {
                    dropped.add(segment.name());
                }
                start += segment.bytes();
            }
            int tail = (int) Math.max(0, length - start);
            replace(head.with(kept, Arrays.copyOf(head.tail(), tail)));
            local.cut(length);
            remove(dropped);
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    private void replace(Head next) throws IOException {
        if (!isReplaced(next)) {
            throw overtaken();
        }
    }

    private boolean isReplaced(Head next) throws IOException {
        byte[] bytes = next.bytes();
        Optional<String> written = version == null ? bucket.create(HEAD, bytes) : bucket.replace(HEAD, bytes, version);
        if (written.isPresent()) {
            version = written.get();
            head = next;
        }
        return written.isPresent();
    }

    private UserException overtaken() {
        return new UserException(
                bucket.location() + ": another process leads this run now and writes its ledger; this one stops");
    }

    /** What writers that were killed have left. Those who still live cannot make it count any more. */
    private void removeUnnamed(List<Bucket.Entry> found) {
        List<String> named =
                head.segments().stream().map(Segment::name).collect(Collectors.toCollection(ArrayList::new));
        named.add(HEAD);
        remove(found.stream()
                .map(Bucket.Entry::key)
                .filter(key -> !named.contains(key))
                .toList());
    }

    private void remove(List<String> names) {
        try {
            bucket.delete(names);
        } catch (IOException e) {
            LOG.warn("{}: {}; the next start removes what is not needed", bucket.location(), e.getMessage());
        }
    }

    private static byte[] joined(byte[] first, byte[] second) {
        ByteArrayOutputStream both = new ByteArrayOutputStream(first.length + second.length);
        both.writeBytes(first);
        both.writeBytes(second);
        return both.toByteArray();
    }

    private UserException unwritable(IOException e) {
        return new UserException(
                bucket.location() + ": cannot be written (" + UserException.reason(e) + "); check experiment.log_dir",
                e);
    }

    /** Nothing is to be done: what was appended is in the bucket. */
    @Override
    public void sync() {}

    @Override
    public List<String> tail(Predicate<String> from) {
        return local.tail(from);
    }

    @Override
    public void close() {
        local.close();
    }
}
