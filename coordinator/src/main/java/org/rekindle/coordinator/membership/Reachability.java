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

    private enum Answer {
        ACCEPTED,
        REFUSED,
        NONE
    }

    /**
     * Whether a process has ended that listened at an address for as long as it lived.
     *
     * @param address host and port; where there is none, nothing is proved
     */
    public static CompletionStage<Boolean> isGone(String address) {
        return call(address).thenApply(answer -> answer == Answer.REFUSED);
    }

    /** Whether somebody listens at an address, host and port. */
    public static CompletionStage<Boolean> answers(String address) {
        return call(address).thenApply(answer -> answer == Answer.ACCEPTED);
    }

    private static CompletionStage<Answer> call(String address) {
        return address.indexOf(':') < 0
                ? CompletableFuture.completedFuture(Answer.NONE)
                : CompletableFuture.supplyAsync(() -> call(HostPort.parse(address)));
    }

    private static Answer call(InetSocketAddress address) {
        try (Socket socket = new Socket()) {
            socket.connect(address, (int) TIMEOUT.toMillis());
            return Answer.ACCEPTED;
        } catch (ConnectException e) {
            return Answer.REFUSED;
        } catch (IOException e) {
            return Answer.NONE;
        }
    }

    /** Takes another node out of the cluster if its process is gone; without this two nodes could not tell a crash from a partition. */
    public static void downIfGone(ActorSystem<?> system, Address node) {
        if (node.hasGlobalScope()) {
            isGone(node.getHost().get() + ":" + node.getPort().get()).thenAccept(gone -> {
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
