package org.rekindle.worker.launch;

import java.io.IOException;
import java.net.ServerSocket;
import java.util.Map;
import org.rekindle.coordinator.membership.WorkerRank;
import org.rekindle.data.UserException;

/**
 * Which worker of a run a process is, and where it finds the others: what torchrun puts into the environment.
 *
 * @param rank of the worker, from 0
 * @param localRank among those of its machine: the number of its GPU
 * @param localWorkers of its machine, which share its memory
 * @param workers of the run
 * @param masterAddress where worker 0 is
 * @param masterPort where it listens
 */
public record WorkerPlace(
        int rank, int localRank, int localWorkers, int workers, String masterAddress, int masterPort) {

    /**
     * The first of the workers that a launcher starts on its machine. A launcher that is one of several, as srun and torchrun tell, gives its
     * workers the ranks of its turn.
     *
     * @param local workers of this machine
     */
    public static WorkerPlace first(int local, Map<String, String> environment) {
        WorkerRank machine = WorkerRank.of(environment);
        String address = environment.get("MASTER_ADDR");
        String port = environment.get("MASTER_PORT");
        if (machine.workers() > 1 && (address == null || port == null)) {
            throw new UserException("environment: " + machine.variable() + "=" + machine.rank() + " of "
                    + machine.workers() + " machines, but MASTER_ADDR=" + address + " and MASTER_PORT=" + port
                    + " do not say where worker 0 is: set both, as torchrun does");
        }
        return new WorkerPlace(
                machine.rank() * local,
                0,
                local,
                machine.workers() * local,
                address == null ? "127.0.0.1" : address.strip(),
                port == null ? freePort() : number(port.strip()));
    }

    private static int number(String port) {
        if (!port.matches("\\d{1,5}")) {
            throw new UserException(
                    "environment: MASTER_PORT=" + port + " is no port: give a number, as torchrun does");
        }
        return Integer.parseInt(port);
    }

    private static int freePort() {
        try (ServerSocket free = new ServerSocket(0)) {
            return free.getLocalPort();
        } catch (IOException e) {
            throw new UserException("no port is free (" + UserException.reason(e) + ")", e);
        }
    }

    /** The place of another worker of the same machine; it may come to those that the run starts with. */
    public WorkerPlace next(int by) {
        return new WorkerPlace(
                rank + by,
                localRank + by,
                Math.max(localWorkers, localRank + by + 1),
                Math.max(workers, rank + by + 1),
                masterAddress,
                masterPort);
    }

    Map<String, String> environment() {
        return Map.of(
                "RANK", Integer.toString(rank),
                "LOCAL_RANK", Integer.toString(localRank),
                "LOCAL_WORLD_SIZE", Integer.toString(localWorkers),
                "WORLD_SIZE", Integer.toString(workers),
                "MASTER_ADDR", masterAddress,
                "MASTER_PORT", Integer.toString(masterPort));
    }
}
