package org.rekindle.worker.chaos;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.rekindle.data.UserException;

/** What is done to a run. */
public enum Scenario {
    /** {@code kill -9} of a worker, and another one in its place. */
    KILL {
        @Override
        void inject(DisturbedRun run, int rank) throws InterruptedException {
            run.worker(rank).kill();
            run.start(rank);
        }
    },

    /** SIGTERM to a worker; when it has left, another one joins. */
    LEAVE {
        @Override
        void inject(DisturbedRun run, int rank) throws InterruptedException {
            run.worker(rank).signal("TERM");
            run.expectEnd(rank, 0);
            run.start(rank);
        }
    },

    /** One more worker comes. */
    JOIN {
        @Override
        void inject(DisturbedRun run, int rank) {
            run.start(run.workers());
        }
    },

    /** A machine that is frozen for longer than the cluster waits, and comes back. Its worker then ends, and another one joins. */
    PARTITION {
        @Override
        void inject(DisturbedRun run, int rank) throws InterruptedException {
            run.worker(rank).signal("STOP");
            long next = run.committed() + 2;
            run.await("steps of the others", () -> run.committed() >= next);
            Thread.sleep(FROZEN.toMillis());
            run.worker(rank).signal("CONT");
            run.expectEnd(rank, 1);
            run.start(rank);
        }
    },

    /** A worker that has half a processor for a while; nobody gives it up. */
    SLOW {
        @Override
        void inject(DisturbedRun run, int rank) throws InterruptedException {
            long generation = run.generation();
            for (int i = 0; i < 50 && run.worker(rank).isAlive(); i++) {
                run.worker(rank).signal("STOP");
                Thread.sleep(50);
                run.worker(rank).signal("CONT");
                Thread.sleep(50);
            }
            run.check(run.generation() == generation, "a slow worker was given up, which only a lost one may be");
        }
    },

    /** {@code kill -9} of the node with the coordinator, and another one in its place. */
    COORDINATOR {
        @Override
        void inject(DisturbedRun run, int rank) throws InterruptedException {
            KILL.inject(run, run.coordinator());
        }
    },

    /** No file can grow any more when the next checkpoint is due: the run ends with a line, and goes on when there is room again. */
    DISK_FULL {
        @Override
        void inject(DisturbedRun run, int rank) throws InterruptedException {
            for (int each = 0; each < run.workers(); each++) {
                run.worker(each).limitFiles(LITTLE_ROOM);
            }
            for (int each = 0; each < run.workers(); each++) {
                run.expectEnd(each, 1);
            }
            for (int each = run.workers() - 1; each >= 0; each--) {
                run.start(each);
            }
        }
    },

    /** One worker's gradients are no numbers at one step, which all skip; the run that it is compared with skips it, too. */
    NAN {
        @Override
        List<String> options(long step) {
            return List.of("-D" + NotANumber.STEP + "=" + step);
        }

        @Override
        void inject(DisturbedRun run, int rank) {
            run.check(run.skipped() == 1, "the step with gradients that are no numbers was not skipped");
        }
    };

    private static final Duration FROZEN = Duration.ofSeconds(2);
    private static final long LITTLE_ROOM = 4096;

    /**
     * Does it, once.
     *
     * @param rank of a worker that takes part
     */
    abstract void inject(DisturbedRun run, int rank) throws InterruptedException;

    /** Options of the JVMs of all workers of both runs, where something is to happen before {@code step}. */
    List<String> options(long step) {
        return List.of();
    }

    /** @throws UserException when there is none of that name */
    public static Scenario of(String name) {
        return Arrays.stream(values())
                .filter(scenario -> scenario.toString().equals(name))
                .findFirst()
                .orElseThrow(() -> new UserException("chaos: scenario=" + name + ", allowed are "
                        + Arrays.stream(values()).map(Scenario::toString).collect(Collectors.joining(", "))));
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
