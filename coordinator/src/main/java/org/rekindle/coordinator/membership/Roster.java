package org.rekindle.coordinator.membership;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The workers of a run, in the order of their nodes; those of one node in the order they came.
 *
 * <p>Threads: one at a time.
 *
 * @param <W> what identifies a worker
 */
public final class Roster<W> {

    /** Weights of a worker that has none, or none that are whole. */
    public static final long NO_WEIGHTS = -1;

    private final List<Entry<W>> entries = new ArrayList<>();
    private final Map<W, Entry<W>> byWorker = new HashMap<>();

    private static final class Entry<W> {
        final W worker;
        final int node;
        final String address;
        long weights;
        boolean leaving;

        Entry(W worker, int node, String address, long weights) {
            this.worker = worker;
            this.node = node;
            this.address = address;
            this.weights = weights;
        }
    }

    /**
     * @param address where the others reach it
     * @param weights the step whose weights it holds
     * @return false for one that is there already
     */
    public boolean add(W worker, int node, String address, long weights) {
        if (contains(worker)) {
            return false;
        }
        Entry<W> entry = new Entry<>(worker, node, address, weights);
        byWorker.put(worker, entry);
        entries.add(entry);
        entries.sort(Comparator.comparingInt(each -> each.node));
        return true;
    }

    /** @return false for one that is not there */
    public boolean remove(W worker) {
        Entry<W> entry = byWorker.remove(worker);
        return entry != null && entries.remove(entry);
    }

    public boolean contains(W worker) {
        return byWorker.containsKey(worker);
    }

    public boolean isEmpty() {
        return entries.isEmpty();
    }

    public int size() {
        return entries.size();
    }

    public List<W> all() {
        return entries.stream().map(entry -> entry.worker).toList();
    }

    /** Those who are not about to leave. */
    public List<W> staying() {
        return entries.stream()
                .filter(entry -> !entry.leaving)
                .map(entry -> entry.worker)
                .toList();
    }

    public List<W> leaving() {
        return entries.stream()
                .filter(entry -> entry.leaving)
                .map(entry -> entry.worker)
                .toList();
    }

    /** Returns whether that is new. */
    public boolean leaves(W worker) {
        Entry<W> entry = of(worker);
        boolean isNew = !entry.leaving;
        entry.leaving = true;
        return isNew;
    }

    public int node(W worker) {
        return of(worker).node;
    }

    public String address(W worker) {
        return of(worker).address;
    }

    /** The step whose weights a worker holds, or {@link #NO_WEIGHTS}. */
    public long weights(W worker) {
        return of(worker).weights;
    }

    public void holds(W worker, long step) {
        of(worker).weights = step;
    }

    private Entry<W> of(W worker) {
        Entry<W> entry = byWorker.get(worker);
        if (entry == null) {
            throw new IllegalArgumentException("no such worker: " + worker);
        }
        return entry;
    }
}
