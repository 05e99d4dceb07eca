package org.rekindle.worker.training;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jline.utils.Signals;

/**
 * SIGINT, SIGTERM and SIGUSR1 ask the run to drain while this is open. A second SIGINT stops the process at once, as people at a
 * terminal expect. A signal that the platform does not have (Windows has no USR1) is left out.
 */
final class DrainSignals implements AutoCloseable {

    private final Map<String, Object> before = new HashMap<>();

    /** @param drain told the signal's name, on a thread of the JVM's: it must only send a message */
    DrainSignals(Consumer<String> drain) {
        for (String name : List.of("INT", "TERM", "USR1")) {
            before.put(name, Signals.register(name, () -> {
                drain.accept("SIG" + name);
                if (name.equals("INT")) {
                    Signals.registerDefault(name);
                }
            }));
        }
    }

    @Override
    public void close() {
        before.forEach(Signals::unregister);
    }
}
