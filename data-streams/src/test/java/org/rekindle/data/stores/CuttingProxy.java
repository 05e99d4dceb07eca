package org.rekindle.data.stores;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** Forwards TCP to a server, counts the bytes of its answers and cuts each connection after so many of them. */
final class CuttingProxy implements AutoCloseable {

    private final ServerSocket listener;
    private final int target;
    private final long cutAfter;
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicInteger cuts = new AtomicInteger();
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private volatile boolean frozen;

    CuttingProxy(int target, long cutAfter) throws IOException {
        this.target = target;
        this.cutAfter = cutAfter;
        listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start(this::accept);
    }

    int port() {
        return listener.getLocalPort();
    }

    /** Bytes of answers so far. */
    long bytes() {
        return bytes.get();
    }

    int cuts() {
        return cuts.get();
    }

    /** Nothing more goes through, and nothing is closed. */
    void freeze() {
        frozen = true;
    }

    private void accept() throws IOException {
        while (true) {
            Socket client = listener.accept();
            client.setSendBufferSize(1 << 16);
            Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
            server.setReceiveBufferSize(1 << 16);
            sockets.add(client);
            sockets.add(server);
            start(() -> copy(client, server, false));
            start(() -> copy(server, client, true));
        }
    }

    private void copy(Socket from, Socket to, boolean answer) throws IOException {
        try (from;
                to) {
            byte[] buffer = new byte[1 << 14];
            long copied = 0;
            InputStream in = from.getInputStream();
            OutputStream out = to.getOutputStream();
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                while (frozen) {
                    Thread.onSpinWait();
                    Thread.yield();
                    if (listener.isClosed()) {
                        return;
                    }
                }
                if (answer && copied + read > cutAfter) {
                    cuts.incrementAndGet();
                    return;
                }
                out.write(buffer, 0, read);
                copied += read;
                if (answer) {
                    bytes.addAndGet(read);
                }
            }
        }
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                // The other side went, as it may.
                return;
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
