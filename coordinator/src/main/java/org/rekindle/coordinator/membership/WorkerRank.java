package org.rekindle.coordinator.membership;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.rekindle.data.UserException;

/**
 * Which of several workers this process is, as launchers tell it: torchrun ({@code RANK}), MPI's {@code PMI_RANK}, SLURM, Open MPI, in
 * this order.
 *
 * @param rank from 0
 * @param variable where it was read; null for a worker that is alone
 */
public record WorkerRank(int rank, int workers, String variable) {

    private record Pair(String rank, String workers) {}

    private static final List<Pair> LAUNCHERS = List.of(
            new Pair("RANK", "WORLD_SIZE"),
            new Pair("PMI_RANK", "PMI_SIZE"),
            new Pair("SLURM_PROCID", "SLURM_NTASKS"),
            new Pair("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"));

    /**
     * Reads the first pair of variables that is there.
     *
     * @throws UserException when a value is no rank, or a rank other than 0 has no number of workers beside it
     */
    public static WorkerRank of(Map<String, String> environment) {
        for (Pair pair : LAUNCHERS) {
            Optional<WorkerRank> found = read(environment, pair);
            if (found.isPresent()) {
                return found.get();
            }
        }
        return new WorkerRank(0, 1, null);
    }

    /** A rank of 0 alone is what sbatch gives the script itself, outside of srun. */
    private static Optional<WorkerRank> read(Map<String, String> environment, Pair pair) {
        String rankText = environment.get(pair.rank);
        String workersText = environment.get(pair.workers);
        if (rankText == null || workersText == null && rankText.equals("0")) {
            return Optional.empty();
        }
        if (workersText == null) {
            throw new UserException("environment: " + pair.rank + "=" + rankText + " without " + pair.workers
                    + "; set both or neither");
        }
        int rank = number(pair.rank, rankText);
        int workers = number(pair.workers, workersText);
        if (rank >= workers) {
            throw new UserException("environment: " + pair.rank + "=" + rank + " is not less than " + pair.workers + "="
                    + workers + "; ranks count from 0");
        }
        return Optional.of(new WorkerRank(rank, workers, pair.rank));
    }

    /** Rank of this process among those of its machine; 0 where no launcher says so. */
    public static int local(Map<String, String> environment) {
        return Stream.of("LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK")
                .filter(environment::containsKey)
                .findFirst()
                .map(variable -> number(variable, environment.get(variable)))
                .orElse(0);
    }

    private static int number(String variable, String text) {
        if (!text.strip().matches("\\d{1,9}")) {
            throw new UserException("environment: " + variable + "=" + text + " is no whole number");
        }
        return Integer.parseInt(text.strip());
    }
}
