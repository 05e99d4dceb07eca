package org.rekindle.worker.training;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * SIGINT, SIGTERM and SIGUSR1 ask the run to drain while this is open. A second SIGINT stops the process at once, as people at a
 * terminal expect. A signal that the JVM or the platform keeps for itself (Windows has no USR1) is left alone.
 */
final class DrainSignals implements AutoCloseable {

    private final Map<Signal, SignalHandler> before = new HashMap<>();

    /** @param drain told the signal's name, on the JVM's signal thread: it must only send a message */
    DrainSignals(Consumer<String> drain) {
        for (String name : List.of("INT", "TERM", "USR1")) {
            try {
                Signal signal = new Signal(name);
                before.put(signal, Signal.handle(signal, raised -> {
                    drain.accept("SIG" + name);
                    if (name.equals("INT")) {
                        restore(raised);
                    }
                }));
            } catch (IllegalArgumentException unknownOrTaken) {
                // the others still work
            }
        }
    }

    private void restore(Signal signal) {
        Signal.handle(signal, before.getOrDefault(signal, SignalHandler.SIG_DFL));
    }

    @Override
    public void close() {
        before.forEach(Signal::handle);
    }
}
