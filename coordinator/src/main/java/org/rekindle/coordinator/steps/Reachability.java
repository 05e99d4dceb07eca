package org.rekindle.coordinator.steps;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Whether a worker's process is gone. */
final class Reachability {

    private static final Duration TIMEOUT = Duration.ofSeconds(1);

    private Reachability() {}

    /**
     * Calls the address that a worker listens at for as long as it lives. Only a refusal proves that it does not: its machine answers, and
     * its process does not.
     *
     * @param address host and port
     */
    static CompletionStage<Boolean> isGone(String address) {
        int colon = address.lastIndexOf(':');
        if (colon < 0) {
            return CompletableFuture.completedFuture(false);
        }
        String host = address.substring(0, colon);
        int port = Integer.parseInt(address.substring(colon + 1));
        return CompletableFuture.supplyAsync(() -> refuses(new InetSocketAddress(host, port)));
    }

    private static boolean refuses(InetSocketAddress address) {
        try (Socket socket = new Socket()) {
            socket.connect(address, (int) TIMEOUT.toMillis());
            return false;
        } catch (ConnectException e) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
