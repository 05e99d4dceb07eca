package org.rekindle.worker.training;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jline.utils.Signals;
import org.rekindle.data.UserException;

/**
 * SIGINT and SIGUSR1 ask the run to drain while this is open, SIGTERM asks this node to leave it; in an elastic run SIGUSR1 does so too, for
 * it tells of the end of one member's time. A second SIGINT stops the process at
 * once, as people at a terminal expect. A signal that the platform does not have (Windows has no USR1) is left out.
 */
public final class DrainSignals implements AutoCloseable {

    private static final String NOTICE = "REKINDLE_NOTICE_SECONDS";

    private final Map<String, Object> before = new HashMap<>();

    /** The consumers are told the signal's name, on a thread of the JVM's: they must only send a message. */
    public DrainSignals(boolean elastic, Consumer<String> drain, Consumer<String> leave) {
        for (String name : List.of("INT", "TERM", "USR1")) {
            before.put(name, Signals.register(name, () -> {
                boolean leaves = name.equals("TERM") || elastic && name.equals("USR1");
                (leaves ? leave : drain).accept("SIG" + name);
                if (name.equals("INT")) {
                    Signals.registerDefault(name);
                }
            }));
        }
    }

    /**
     * Seconds from a signal until the machine ends, as whoever sends it has promised: the lead time of SLURM's {@code --signal}, the grace
     * period of Kubernetes, the notice of a spot market. 0 where nobody has.
     *
     * @throws UserException when it is no number
     */
    static double notice(Map<String, String> environment) {
        String text = environment.getOrDefault(NOTICE, "0").strip();
        if (!text.matches("\\d{1,6}")) {
            throw new UserException("environment: " + NOTICE + "=" + text
                    + " is no whole number of seconds: give those from the signal until the machine ends");
        }
        return Double.parseDouble(text);
    }

    @Override
    public void close() {
        before.forEach(Signals::unregister);
    }
}
