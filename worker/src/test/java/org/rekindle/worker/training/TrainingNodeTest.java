package org.rekindle.worker.training;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rekindle.coordinator.membership.NodePlace;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.Outcome;

/** A node that is alone in its cluster, before it is let in. */
@Timeout(60)
class TrainingNodeTest {

    private static ActorTestKit kit;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create(ConfigFactory.parseString(
                        "pekko.actor.provider = cluster\n" + "pekko.actor.testkit.typed.single-expect-default = 20s")
                .withFallback(ConfigFactory.load()));
    }

    @AfterAll
    static void stop() {
        kit.shutdownTestKit();
    }

    @Test
    void aDrainIsToldUntilTheRunHasEndedWithTheTimeThatIsLeft() {
        TestProbe<CoordinatorCommand.Drain> drains = kit.createTestProbe();
        Behavior<CoordinatorCommand> coordinator = Behaviors.receive(CoordinatorCommand.class)
                .onMessage(CoordinatorCommand.Drain.class, drain -> {
                    drains.getRef().tell(drain);
                    return Behaviors.same();
                })
                .onAnyMessage(other -> Behaviors.same())
                .build();
        CompletableFuture<Outcome> ended = new CompletableFuture<>();
        ActorRef<TrainingNode.Command> node = kit.spawn(TrainingNode.create(
                NodePlace.ALONE, Map.of(), coordinator, welcome -> null, (system, proxy) -> {}, ended));

        node.tell(new TrainingNode.Drain("SIGUSR1", 3));
        node.tell(new TrainingNode.Drain("SIGUSR1", 600));
        assertThat(drains.receiveMessage().notice()).isBetween(2.5, 3.0);
        assertThat(drains.receiveMessage().notice()).isBetween(0.1, 1.0);
        assertThat(drains.receiveMessage().notice()).as("over").isBetween(0.0001, 0.01);
        ended.complete(Outcome.drained(1));
        drains.expectNoMessage(Duration.ofSeconds(3));
    }
}
