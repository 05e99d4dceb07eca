package org.rekindle.worker.collectives;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.rekindle.data.Sha256;
import org.rekindle.data.UserException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where this worker's predecessors knock, one generation after the other. It lives as long as the worker, has one thread, and gives a
 * connection to the generation that awaits exactly this caller; all others are told why not, or nothing, and closed.
 */
public final class RingListener implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(RingListener.class);

    /** How long a caller may take for its first bytes. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    /** How many callers may be silent at a time; the one that waits longest makes room. */
    private static final int MAX_CALLERS = 64;

    private final ServerSocketChannel server;
    private final Selector selector;
    private final long run;
    private final Map<RingHello, CompletableFuture<SocketChannel>> awaited = new ConcurrentHashMap<>();
    private final Deque<Caller> callers = new ArrayDeque<>();
    private final Thread thread;

    private record Caller(SocketChannel channel, ByteBuffer hello, long since) {}

    private RingListener(ServerSocketChannel server, Selector selector, String runId) {
        this.server = server;
        this.selector = selector;
        this.run = Long.parseUnsignedLong(Sha256.of(runId).substring(0, 16), 16);
        this.thread = new Thread(this::listen, "ring-listener");
        thread.setDaemon(true);
    }

    /**
     * Binds and listens.
     *
     * @param host name or address of this machine
     * @param port 0 for any that is free
     * @param runId what tells this run's workers from others
     * @throws UserException when the address is not this machine's or the port is in use
     */
    public static RingListener bind(String host, int port, String runId) {
        try {
            ServerSocketChannel server = ServerSocketChannel.open();
            try {
                server.setOption(StandardSocketOptions.SO_REUSEADDR, true);
                server.bind(new InetSocketAddress(host, port), MAX_CALLERS);
                server.configureBlocking(false);
                Selector selector = Selector.open();
                server.register(selector, SelectionKey.OP_ACCEPT);
                RingListener listener = new RingListener(server, selector, runId);
                listener.thread.start();
                return listener;
            } catch (IOException | RuntimeException e) {
                server.close();
                throw e;
            }
        } catch (IOException | IllegalArgumentException e) {
            throw new UserException(
                    "ring: cannot listen on port " + port + " of " + host + ": " + UserException.reason(e)
                            + "; give an address of this machine and a free port, or port 0",
                    e);
        }
    }

    /** Where it listens, with the port that was chosen. */
    public InetSocketAddress address() {
        return (InetSocketAddress) server.socket().getLocalSocketAddress();
    }

    /** The hash that a hello names this run by. */
    long run() {
        return run;
    }

    /** The connection of the caller with this hello, once it is there: non-blocking and welcomed. {@link #forget} ends the wait. */
    CompletableFuture<SocketChannel> await(RingHello hello) {
        CompletableFuture<SocketChannel> connection = new CompletableFuture<>();
        awaited.put(hello, connection);
        return connection;
    }

    /** From now on this hello is refused; a connection that is there, but was not taken over, is closed. */
    void forget(RingHello hello, CompletableFuture<SocketChannel> connection) {
        awaited.remove(hello, connection);
        if (!connection.cancel(false)) {
            connection.thenAccept(RingLinks::close);
        }
    }

    private void listen() {
        while (server.isOpen()) {
            try {
                selector.select(callers.isEmpty() ? 0 : PATIENCE.toMillis() / 10);
                answer();
            } catch (ClosedChannelException e) {
                LOG.debug("ring: the listener is closed", e);
            } catch (IOException e) {
                LOG.warn("ring: {}", UserException.reason(e));
                pause();
            }
        }
        RingLinks.closeAll(selector);
    }

    private void answer() throws IOException {
        List<SelectionKey> ready = List.copyOf(selector.selectedKeys());
        selector.selectedKeys().clear();
        for (SelectionKey key : ready) {
            if (key.isValid() && key.attachment() instanceof Caller caller) {
                hear(caller, key);
            }
        }
        long now = System.nanoTime();
        while (!callers.isEmpty() && now - callers.peek().since() > PATIENCE.toNanos()) {
            RingLinks.close(callers.poll().channel());
        }
        for (SocketChannel channel = server.accept(); channel != null; channel = server.accept()) {
            if (callers.size() == MAX_CALLERS) {
                RingLinks.close(callers.poll().channel());
            }
            admit(channel, now);
        }
    }

    private void admit(SocketChannel channel, long now) {
        try {
            Caller caller =
                    new Caller(channel, ByteBuffer.allocate(RingHello.BYTES).order(ByteOrder.nativeOrder()), now);
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.register(selector, SelectionKey.OP_READ, caller);
            callers.add(caller);
        } catch (IOException e) {
            RingLinks.close(channel);
        }
    }

    private void hear(Caller caller, SelectionKey key) {
        try {
            int read = caller.channel().read(caller.hello());
            if (read >= 0 && caller.hello().hasRemaining()) {
                return;
            }
            callers.remove(caller);
            RingHello hello = read < 0 ? null : RingHello.decode(caller.hello().flip());
            if (hello == null) {
                RingLinks.close(caller.channel());
                return;
            }
            CompletableFuture<SocketChannel> connection = awaited.remove(hello);
            if (connection == null) {
                RingHello.Reply reply = hello.run() == run ? RingHello.Reply.NOT_AWAITED : RingHello.Reply.OTHER_RUN;
                caller.channel().write(reply.encode());
                RingLinks.close(caller.channel());
                return;
            }
            key.cancel();
            selector.selectNow();
            caller.channel().write(RingHello.Reply.WELCOME.encode());
            if (!connection.complete(caller.channel())) {
                RingLinks.close(caller.channel());
            }
        } catch (IOException e) {
            callers.remove(caller);
            RingLinks.close(caller.channel());
        }
    }

    @Override
    public void close() {
        RingLinks.close(server);
        selector.wakeup();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
