package org.rekindle.worker.collectives;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** What the successor says. */
final class ControlReader {

    private final SocketChannel successor;
    private final ByteBuffer bytes =
            ByteBuffer.allocate(128 * ControlMessage.BYTES).order(ByteOrder.nativeOrder());
    private boolean ended;
    private long heard;

    /** @param patience how long it may be silent at first, while it connects to its own successor */
    ControlReader(SocketChannel successor, Duration patience) {
        this.successor = successor;
        this.heard = System.nanoTime() + patience.toNanos();
    }

    /** How long ago its last word came. */
    Duration silence() {
        return Duration.ofNanos(System.nanoTime() - heard);
    }

    /** Whether it has closed its end, or the connection broke. */
    boolean ended() {
        return ended;
    }

    /** What is there by now, oldest first. */
    List<ControlMessage> read() {
        try {
            ended |= successor.read(bytes) < 0;
        } catch (IOException e) {
            ended = true;
        }
        List<ControlMessage> messages = new ArrayList<>();
        bytes.flip();
        while (bytes.remaining() >= ControlMessage.BYTES) {
            messages.add(ControlMessage.decode(bytes));
            heard = System.nanoTime();
        }
        bytes.compact();
        return messages;
    }
}
