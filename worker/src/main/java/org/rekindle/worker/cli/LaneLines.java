package org.rekindle.worker.cli;

import java.util.OptionalInt;
import org.rekindle.coordinator.config.SystemConfig;
import org.rekindle.coordinator.membership.LaneShares;

/**
 * What a dry run says of lanes: who computes them, and what the loss of a worker costs.
 *
 * @param lanes of the run
 * @param nodes workers that are there at the start
 */
record LaneLines(SystemConfig system, int lanes, int nodes) {

    /** Those who compute, once there are as many as the run waits for. */
    LaneShares shares() {
        return LaneShares.of(lanes, Math.max(nodes, system.minWorkers()), system.maxWorkers());
    }

    /** @param shards of the data set; empty where only their store knows */
    void write(Table table, OptionalInt shards) {
        LaneShares shares = shares();
        table.row("lanes", "%,d, each of %,d examples a step", lanes, system.batchSize());
        if (nodes < system.minWorkers()) {
            table.more(
                    "%s not enough: the run waits for %s (system.min_workers)",
                    nodes == 1 ? "1 worker is" : Table.text("%,d workers are", nodes), workers(system.minWorkers()));
        }
        String turns = shares.rounds() == 1 ? "" : ", one after the other";
        if (shares.workers() == 1) {
            table.more("1 worker computes all of them%s", turns);
        } else {
            String each = shares.least() == shares.rounds() ? "" : shares.least() + " or ";
            table.more("%,d workers compute %s%d each%s", shares.workers(), each, shares.rounds(), turns);
        }
        int spares = nodes - shares.workers();
        if (spares > 0) {
            table.more(
                    "%,d more %s, and the loss of a worker costs nothing",
                    spares, spares == 1 ? "waits as a spare" : "wait as spares");
        } else {
            loss(table, shares);
        }
        if (shards.isPresent() && shards.getAsInt() < lanes) {
            int split = (lanes + shards.getAsInt() - 1) / shards.getAsInt();
            table.more("fewer shards than lanes: %d lanes read each of them; make as many shards as lanes", split);
        }
    }

    private void loss(Table table, LaneShares shares) {
        if (shares.workers() == 1) {
            return;
        } else if (shares.workers() - 1 < system.minWorkers()) {
            table.more(
                    "without one of them the run waits until there are %s again (system.min_workers)",
                    workers(system.minWorkers()));
            return;
        }
        int after = shares.roundsWithoutOne();
        if (after == shares.rounds()) {
            table.more("without one of them a step takes no longer");
            return;
        }
        table.more(
                "without one of them a step takes %d rounds in place of %d, as long as with %s",
                after, shares.rounds(), workers(shares.asSlowAs()));
        if (shares.isLossDear()) {
            advice(table, shares);
        }
    }

    private void advice(Table table, LaneShares shares) {
        int cheaper = shares.cheaper(system.batchSize());
        if (cheaper == 0) {
            table.more("more lanes, of a smaller batch each, make a loss cheaper");
        } else {
            int smaller = system.batchSize() / (cheaper / shares.lanes());
            table.more(
                    "system.lanes=%d system.batch_size=%d make a loss cheaper, of as many examples", cheaper, smaller);
        }
    }

    private static String workers(int number) {
        return number == 1 ? "1 worker" : Table.text("%,d workers", number);
    }
}
