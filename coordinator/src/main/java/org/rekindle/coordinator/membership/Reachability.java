package org.rekindle.coordinator.membership;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Down;

/**
 * Whether a process is gone. The cluster's failure detector needs seconds to suspect it; a connection that is refused proves it at once: its
 * machine answers, and the process does not listen.
 */
public final class Reachability {

    private static final Duration TIMEOUT = Duration.ofSeconds(1);

    private Reachability() {}

    /**
     * Calls an address that a process listens at for as long as it lives.
     *
     * @param address host and port; where there is none, nothing is proved
     */
    public static CompletionStage<Boolean> isGone(String address) {
        int colon = address.lastIndexOf(':');
        return colon < 0
                ? CompletableFuture.completedFuture(false)
                : isGone(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
    }

    private static CompletionStage<Boolean> isGone(String host, int port) {
        return CompletableFuture.supplyAsync(() -> refuses(host, port));
    }

    private static boolean refuses(String host, int port) {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(host, port), (int) TIMEOUT.toMillis());
            return false;
        } catch (ConnectException e) {
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** Takes another node out of the cluster if its process is gone; without this two nodes could not tell a crash from a partition. */
    public static void downIfGone(ActorSystem<?> system, Address node) {
        if (node.hasGlobalScope()) {
            isGone(node.getHost().get(), node.getPort().get().intValue()).thenAccept(gone -> {
                if (gone) {
                    down(system, node);
                }
            });
        }
    }

    /** Takes another node out of the cluster. */
    public static void down(ActorSystem<?> system, Address node) {
        if (node.hasGlobalScope()) {
            Cluster.get(system).manager().tell(new Down(node));
        }
    }
}
