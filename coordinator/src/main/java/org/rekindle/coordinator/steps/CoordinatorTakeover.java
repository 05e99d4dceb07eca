package org.rekindle.coordinator.steps;

import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.rekindle.coordinator.checkpoints.TrainerState;
import org.rekindle.coordinator.ledger.Ledger;
import org.rekindle.coordinator.ledger.LedgerEvent;
import org.rekindle.coordinator.ledger.LedgerTail;
import org.rekindle.coordinator.membership.Roster;
import org.rekindle.coordinator.protocol.CoordinatorCommand;
import org.rekindle.coordinator.protocol.CoordinatorCommand.Drain;
import org.rekindle.coordinator.protocol.CoordinatorCommand.Join;
import org.rekindle.coordinator.protocol.CoordinatorCommand.Leave;
import org.rekindle.coordinator.protocol.EnterAnswer;
import org.rekindle.coordinator.protocol.Outcome;
import org.rekindle.coordinator.protocol.WorkerCommand;
import org.rekindle.coordinator.protocol.WorkerCommand.Stop;
import org.rekindle.data.UserException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A coordinator whose predecessor was lost, until it knows where the run stands: it asks nobody, since workers that see a coordinator go
 * join its successor and tell what they hold. When all nodes that are left have been heard, or after a while, it becomes a
 * {@link Coordinator}.
 */
public final class CoordinatorTakeover extends AbstractBehavior<CoordinatorCommand> {

    private static final Logger LOG = LoggerFactory.getLogger(CoordinatorTakeover.class);
    private static final Duration LOOK = Duration.ofMillis(200);
    private static final int LOOKS = 25;

    private final TimerScheduler<CoordinatorCommand> timers;
    private final Lead lead;
    private final IntSupplier nodes;
    private final Map<ActorRef<WorkerCommand>, Join> joined = new LinkedHashMap<>();
    private final Map<ActorRef<WorkerCommand>, Leave> leaving = new LinkedHashMap<>();
    private Drain drain; // null where nobody asked
    private final Set<Address> newcomers = new HashSet<>(); // nodes that have no part in the run yet
    private int looks;

    private record Look() implements CoordinatorCommand.Internal {}

    /**
     * @param lead takes the run folder over; waits for its holder to let go of it, and throws {@link UserException} when it does not
     */
    public static Behavior<CoordinatorCommand> create(Supplier<Lead> lead) {
        return Behaviors.setup(context -> create(lead, () -> nodesLeft(Cluster.get(context.getSystem()))));
    }

    private static int nodesLeft(Cluster cluster) {
        int members = 0;
        for (Member member : cluster.state().getMembers()) {
            if (!cluster.state().getUnreachable().contains(member)
                    && Set.of(MemberStatus.up(), MemberStatus.weaklyUp()).contains(member.status())) {
                members++;
            }
        }
        return members;
    }

    /** @param nodes how many nodes are left in the cluster */
    static Behavior<CoordinatorCommand> create(Supplier<Lead> lead, IntSupplier nodes) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            try {
                Lead taken = lead.get();
                timers.startTimerWithFixedDelay(new Look(), LOOK);
                return new CoordinatorTakeover(context, timers, taken, nodes);
            } catch (UserException e) {
                LOG.error(e.getMessage());
                return refusing(e.getMessage());
            }
        }));
    }

    private CoordinatorTakeover(
            ActorContext<CoordinatorCommand> context,
            TimerScheduler<CoordinatorCommand> timers,
            Lead lead,
            IntSupplier nodes) {
        super(context);
        this.timers = timers;
        this.lead = lead;
        this.nodes = nodes;
        LOG.info("node {} takes the coordinator over", lead.node());
    }

    private static Behavior<CoordinatorCommand> refusing(String line) {
        return Behaviors.receive(CoordinatorCommand.class)
                .onMessage(Join.class, join -> {
                    join.worker().tell(new Stop(Outcome.failed(line)));
                    return Behaviors.same();
                })
                .onMessage(CoordinatorCommand.Enter.class, enter -> {
                    enter.replyTo().tell(new EnterAnswer.Refused(line));
                    return Behaviors.same();
                })
                .onAnyMessage(ignored -> Behaviors.same())
                .build();
    }

    @Override
    public Receive<CoordinatorCommand> createReceive() {
        return newReceiveBuilder()
                .onMessage(Join.class, join -> {
                    getContext().watch(join.worker());
                    joined.put(join.worker(), join);
                    join.worker().tell(new WorkerCommand.Joined(getContext().getSelf()));
                    return this;
                })
                .onMessage(Leave.class, leave -> {
                    leaving.put(leave.worker(), leave);
                    return this;
                })
                .onMessage(Drain.class, asked -> {
                    drain = asked;
                    return this;
                })
                .onMessage(CoordinatorCommand.Enter.class, enter -> {
                    newcomers.add(enter.replyTo().path().address());
                    return this; // it asks again
                })
                .onMessage(Look.class, look -> look())
                .onSignal(Terminated.class, gone -> {
                    joined.remove(gone.getRef().<WorkerCommand>unsafeUpcast());
                    return this;
                })
                .onSignal(PostStop.class, stop -> {
                    lead.release().run();
                    return this;
                })
                .onAnyMessage(early -> this) // workers say it again
                .build();
    }

    private Behavior<CoordinatorCommand> look() {
        if (joined.isEmpty() && newcomers.isEmpty()) {
            return this;
        }
        looks++;
        if (joined.size() + newcomers.size() < nodes.getAsInt() && looks < LOOKS) {
            return this;
        }
        timers.cancelAll();
        try {
            return begin();
        } catch (UserException e) {
            LOG.error(e.getMessage());
            lead.release().run();
            joined.keySet().forEach(worker -> worker.tell(new Stop(Outcome.failed(e.getMessage()))));
            return refusing(e.getMessage());
        }
    }

    private Behavior<CoordinatorCommand> begin() {
        Ledger ledger = lead.ledger().get();
        LedgerTail tail = ledger.tail();
        TrainerState saved = lead.checkpoints().newestIntact();
        long lineage = lead.checkpoints().lineage();
        Takeover takeover = Takeover.of(
                tail,
                saved,
                joined.values().stream().map(Join::state).toList(),
                lead.checkpoints().fence(),
                lineage);
        RunStart start = takeover.start();
        if (start.committed() < tail.step() - 1) {
            leaveToOthers(ledger, start.committed(), tail.step());
        }
        if (takeover.missing()) {
            ledger.truncate(tail.step()); // its last line may be torn
            ledger.append(takeover.decided());
        } else {
            ledger.truncate(start.committed());
        }
        if (start.committed() == saved.step()) {
            start = start.with(ledger.tail().cursors(saved.step(), saved.cursors()));
        }
        lead.checkpoints().fence(start.generation() + 1);
        ledger.append(LedgerEvent.coordinator(start.committed(), start.generation() + 1, lead.node()));
        RunPlan plan = lead.plan().startingWith(Math.max(1, joined.size()));
        StepProtocol<ActorRef<WorkerCommand>> protocol = Coordinator.protocol(plan, start);
        Coordinator coordinator = new Coordinator(getContext(), timers, lead, ledger, protocol, start);
        for (Join join : joined.values()) {
            coordinator.join(join, weights(join, takeover, saved.step(), lineage));
        }
        if (drain != null) {
            coordinator.drain(drain);
        }
        leaving.values().forEach(leave -> coordinator.leave(leave));
        return coordinator.perform(protocol.patienceOver());
    }

    /** The step whose weights a worker holds, once it has applied what was decided. */
    private static long weights(Join join, Takeover takeover, long saved, long lineage) {
        if (!Takeover.isOfThisRun(join.state(), saved, lineage)) {
            return Roster.NO_WEIGHTS;
        } else if (takeover.isToApply(join.state())) {
            join.worker().tell(takeover.commit());
            return takeover.start().committed();
        }
        return join.state().committed();
    }

    /** Who would set the run back must know that nobody else is left who need not: it may have been cut off itself. */
    private void leaveToOthers(Ledger ledger, long step, long decided) {
        List<String> others = lead.nodes().living().stream()
                .filter(address -> !isMember(address))
                .toList();
        if (!others.isEmpty()) {
            ledger.close();
            throw new UserException("this node knows the run up to step " + step + " of " + decided
                    + " and others are alive at " + String.join(", ", others)
                    + ": it was cut off from them; start it again to join them");
        }
    }

    private boolean isMember(String address) {
        for (Member member : Cluster.get(getContext().getSystem()).state().getMembers()) {
            if (member.address().hostPort().endsWith("@" + address)) {
                return true;
            }
        }
        return false;
    }
}
