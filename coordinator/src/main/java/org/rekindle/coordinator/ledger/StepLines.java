package org.rekindle.coordinator.ledger;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.Predicate;
import org.rekindle.data.UserException;

/**
 * A file of JSON objects, one line per step, each with its {@code step}: what {@code ledger.jsonl} and {@code metrics.jsonl} have in
 * common.
 *
 * <p>Threads: one at a time; the methods lock.
 */
public final class StepLines implements AppendedLines {

    private static final ObjectMapper JSON = JsonMapper.builder().build();

    private static final int TAIL = 1 << 16;

    private final Path file;
    private FileChannel channel;

    private StepLines(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Opens the file for appending, creating it where needed.
     *
     * @throws UserException when it cannot be written
     */
    public static StepLines open(Path file) {
        try {
            return new StepLines(file, append(file));
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    /**
     * Appends one line in a single write and hands it to the operating system, so that it survives a kill of this process.
     *
     * @param entry becomes a JSON object that holds {@code step}
     */
    @Override
    public synchronized void append(Object entry) {
        try {
            write(line(entry));
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    /** The line that an entry is written as, with its end. */
    static byte[] line(Object entry) throws JsonProcessingException {
        return (JSON.writeValueAsString(entry) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    synchronized void write(byte[] bytes) throws IOException {
        ByteBuffer line = ByteBuffer.wrap(bytes);
        while (line.hasRemaining()) {
            channel.write(line);
        }
    }

    /** Forces what was appended to disk. */
    @Override
    public synchronized void sync() {
        try {
            channel.force(true);
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    /**
     * Removes every line of a later step, and a last line that a kill cut off. The file is replaced as a whole, so a kill leaves either
     * the old one or the new one.
     *
     * @param step the last step that stays
     * @throws UserException when another line than the last is not a JSON object with a {@code step}
     */
    @Override
    public synchronized void truncate(long step) {
        Path shorter = file.resolveSibling(file.getFileName() + ".tmp");
        try {
            try (FileChannel kept = FileChannel.open(
                            shorter,
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE,
                            StandardOpenOption.TRUNCATE_EXISTING);
                    BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1);
                    Writer out = Channels.newWriter(kept, StandardCharsets.ISO_8859_1)) {
                copy(lines, out, step);
                out.flush();
                kept.force(true);
            }
            channel.close();
            Files.move(shorter, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            channel = append(file);
            forceFolder();
        } catch (IOException e) {
            throw unwritable(file, e);
        } finally {
            shorter.toFile().delete();
        }
    }

    /** The replacement must not be undone by a power cut once lines were appended to it. */
    private void forceFolder() throws IOException {
        try (FileChannel folder = FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
            folder.force(true);
        }
    }

    /** Copies bytes one to one (hence ISO 8859-1): a line cut off inside of a character must not fail to decode. */
    private void copy(BufferedReader lines, Writer out, long step) throws IOException {
        int number = 1;
        String line = lines.readLine();
        while (line != null) {
            String following = lines.readLine();
            Long stepOfLine = stepOf(line);
            if (stepOfLine == null && following != null) {
                throw new UserException(
                        file + " line " + number + ": not a JSON object with a step; repair or remove that line");
            } else if (stepOfLine != null && stepOfLine <= step) {
                out.write(line);
                out.write('\n');
            }
            line = following;
            number++;
        }
    }

    /**
     * Returns the last whole lines, in order: at least from the last one on that {@code from} accepts, or all there are.
     *
     * @param from told line by line
     */
    @Override
    public synchronized List<String> tail(Predicate<String> from) {
        try (FileChannel reader = FileChannel.open(file, StandardOpenOption.READ)) {
            for (long window = TAIL; ; window *= 4) {
                long start = Math.max(0, reader.size() - window);
                ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(reader.size() - start));
                while (bytes.hasRemaining() && reader.read(bytes, start + bytes.position()) >= 0) {}
                String text = new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
                int first = start == 0 ? 0 : text.indexOf('\n') + 1;
                List<String> lines = text.substring(first, text.lastIndexOf('\n') + 1)
                        .lines()
                        .toList();
                if (start == 0 || lines.stream().anyMatch(from)) {
                    return lines;
                }
            }
        } catch (IOException e) {
            throw new UserException(file + ": cannot be read (" + UserException.reason(e) + ")", e);
        }
    }

    /** Bytes before the first line of a later step, or of all lines. */
    synchronized long lengthUpTo(long step) throws IOException {
        long length = 0;
        try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                Long stepOfLine = stepOf(line);
                if (stepOfLine == null) {
                    throw new UserException(file + " at byte " + length
                            + ": not a JSON object with a step; repair or remove that line");
                } else if (stepOfLine > step) {
                    break;
                }
                length += line.length() + 1L;
            }
        }
        return length;
    }

    /** Removes all behind a length in bytes. A kill may undo it: for copies of what is kept elsewhere. */
    synchronized void cut(long length) throws IOException {
        channel.truncate(length);
    }

    private static Long stepOf(String line) {
        try {
            JsonNode step = JSON.readTree(line).path("step");
            return step.isIntegralNumber() ? step.longValue() : null;
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    @Override
    public synchronized void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw unwritable(file, e);
        }
    }

    private static FileChannel append(Path file) throws IOException {
        return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
    }

    private static UserException unwritable(Path file, IOException e) {
        return new UserException(
                file + ": cannot be written (" + e.getMessage()
                        + "); free space there or choose another experiment.log_dir",
                e);
    }
}
