package org.rekindle.worker.collectives;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.rekindle.data.UserException;

/** Calls the successor until it answers: it may not have been told of the generation yet. */
final class RingCall {

    private static final String STRANGER = "what listens there is no worker of this version";
    private static final Duration PAUSE = Duration.ofMillis(20);

    /** How long one attempt may take, lest a lost packet or a hanging peer use up all the time. */
    private static final Duration ATTEMPT = Duration.ofSeconds(3);

    private final InetSocketAddress peer;
    private final RingHello hello;
    private final Selector selector;
    private final BooleanSupplier over;
    private final long deadline;
    private String lastRefusal = "no answer";

    /**
     * @param selector woken up when it may be over before the deadline
     * @param over whether it is
     * @param deadline in {@link System#nanoTime}
     */
    RingCall(InetSocketAddress peer, RingHello hello, Selector selector, BooleanSupplier over, long deadline) {
        this.peer = peer;
        this.hello = hello;
        this.selector = selector;
        this.over = over;
        this.deadline = deadline;
    }

    /** Why the last attempt failed. */
    String lastRefusal() {
        return lastRefusal;
    }

    /** @return non-blocking, registered with the selector; null when it is over */
    SocketChannel connect() throws IOException {
        while (goesOn(deadline)) {
            SocketChannel channel = SocketChannel.open();
            try {
                lastRefusal = attempt(channel);
                if (lastRefusal == null) {
                    return channel;
                }
            } catch (IOException | UnresolvedAddressException e) {
                lastRefusal = UserException.reason(e);
            }
            channel.close();
            await(Math.min(deadline, System.nanoTime() + PAUSE.toNanos()));
        }
        return null;
    }

    /** @return why there is no connection; null when there is one */
    private String attempt(SocketChannel channel) throws IOException {
        long until = Math.min(deadline, System.nanoTime() + ATTEMPT.toNanos());
        channel.configureBlocking(false);
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        SelectionKey key = channel.register(selector, SelectionKey.OP_CONNECT);
        // resolved anew each time: a peer that moved may keep its name
        channel.connect(new InetSocketAddress(peer.getHostString(), peer.getPort()));
        while (!channel.finishConnect()) {
            if (!goesOn(until)) {
                return "no answer";
            }
            await(until);
        }
        channel.write(hello.encode());
        key.interestOps(SelectionKey.OP_READ);
        ByteBuffer reply = ByteBuffer.allocate(RingHello.Reply.BYTES).order(ByteOrder.nativeOrder());
        while (reply.hasRemaining()) {
            int read = channel.read(reply);
            if (read < 0) {
                return STRANGER;
            } else if (reply.hasRemaining() && !goesOn(until)) {
                return "it does not answer";
            } else if (reply.hasRemaining()) {
                await(until);
            }
        }
        RingHello.Reply answer = RingHello.Reply.decode(reply.flip());
        return answer == RingHello.Reply.WELCOME ? null : answer == null ? STRANGER : answer.line;
    }

    private boolean goesOn(long until) {
        return !over.getAsBoolean() && until - System.nanoTime() > 0;
    }

    private void await(long until) throws IOException {
        selector.select(Math.max(1, Duration.ofNanos(until - System.nanoTime()).toMillis()));
        selector.selectedKeys().clear();
    }
}
