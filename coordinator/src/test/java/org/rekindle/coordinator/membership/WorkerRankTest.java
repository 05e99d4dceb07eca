package org.rekindle.coordinator.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.UserException;

class WorkerRankTest {

    @ParameterizedTest
    @CsvSource({
        "HOME=x, 0, 1",
        "RANK=2 WORLD_SIZE=4, 2, 4",
        "PMI_RANK=1 PMI_SIZE=3, 1, 3",
        "SLURM_PROCID=5 SLURM_NTASKS=6, 5, 6",
        "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2, 1, 2",
        "SLURM_PROCID=5 SLURM_NTASKS=6 RANK=0 WORLD_SIZE=2, 0, 2",
        "SLURM_PROCID=0, 0, 1",
        "SLURM_PROCID=0 OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2, 1, 2"
    })
    void theFirstPairCounts(String environment, int rank, int workers) {
        WorkerRank worker = WorkerRank.of(map(environment));
        assertThat(worker.rank()).isEqualTo(rank);
        assertThat(worker.workers()).isEqualTo(workers);
    }

    @ParameterizedTest
    @CsvSource({
        "RANK=1, RANK=1 without WORLD_SIZE",
        "RANK=one WORLD_SIZE=2, RANK=one is no whole number",
        "RANK=-1 WORLD_SIZE=2, RANK=-1 is no whole number",
        "RANK=2 WORLD_SIZE=2, RANK=2 is not less than WORLD_SIZE=2",
        "RANK=0 WORLD_SIZE=, WORLD_SIZE= is no whole number"
    })
    void whatIsNoRankIsTold(String environment, String message) {
        assertThatThrownBy(() -> WorkerRank.of(map(environment)))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(message);
    }

    private static Map<String, String> map(String environment) {
        return Arrays.stream(environment.split(" "))
                .map(variable -> variable.split("=", 2))
                .collect(Collectors.toMap(variable -> variable[0], variable -> variable[1]));
    }
}
