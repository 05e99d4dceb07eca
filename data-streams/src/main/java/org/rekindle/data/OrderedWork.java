package org.rekindle.data;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/**
 * Work on the elements of an iterator by several threads, whose results come in the iterator's order; a bounded number is worked on ahead.
 * One thread takes, and it is also the one that asks the iterator.
 */
public final class OrderedWork<A, B> implements Iterator<B>, AutoCloseable {

    private final Iterator<A> source;
    private final Function<A, B> work;
    private final int workers;
    private final ExecutorService threads;
    private final Deque<Future<B>> ahead = new ArrayDeque<>();

    /** @param workers threads, daemons */
    public OrderedWork(Iterator<A> source, int workers, Function<A, B> work) {
        this.source = source;
        this.work = work;
        this.workers = workers;
        this.threads = Executors.newFixedThreadPool(workers, task -> {
            Thread thread = new Thread(task, "ordered-work");
            thread.setDaemon(true);
            return thread;
        });
    }

    @Override
    public boolean hasNext() {
        while (ahead.size() < 2 * workers && source.hasNext()) {
            A element = source.next();
            ahead.add(threads.submit(() -> work.apply(element)));
        }
        return !ahead.isEmpty();
    }

    /** Returns the next result; what the work threw is thrown here. */
    @Override
    public B next() {
        try {
            return ahead.remove().get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UserException("interrupted", e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
