package org.rekindle.worker.training;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.worker.trust.Handshake;

/**
 * Ends the wait of a node that cannot join the others because only one side has TLS, or one does not accept the other's certificate. A node
 * that joins at once is never looked at.
 *
 * @param seeds where the node goes to
 * @param joined whether it is in the cluster
 */
record JoinWatch(List<String> seeds, Handshake handshake, BooleanSupplier joined) {

    private static final Duration LOOK = Duration.ofSeconds(5);

    /** Looks now and then until the node has joined or ended. What is seen once may be a node that is about to end. */
    void start(CompletableFuture<Outcome> ended) {
        Thread thread = new Thread(() -> watch(ended), "join-watch");
        thread.setDaemon(true);
        thread.start();
    }

    private void watch(CompletableFuture<Outcome> ended) {
        boolean seen = false;
        try {
            Thread.sleep(LOOK.toMillis());
            while (!ended.isDone() && !joined.getAsBoolean()) {
                Optional<String> problem = handshake.problem(seeds);
                if (seen && problem.isPresent()) {
                    ended.complete(Outcome.failed(problem.get()));
                }
                seen = problem.isPresent();
                Thread.sleep(LOOK.toMillis());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
