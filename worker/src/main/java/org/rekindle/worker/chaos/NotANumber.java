package org.rekindle.worker.chaos;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import org.rekindle.worker.training.TrainingSession;
import org.rekindle.worker.training.TrainingSession.StepResult;

/** The fault that {@code chaos scenario=nan} injects into a worker: at one step its loss and its gradients are no numbers. */
public final class NotANumber {

    /** System property of a worker: the step. */
    static final String STEP = "rekindle.chaos.nan";

    private NotANumber() {}

    /** The session itself, unless {@code chaos} started this process for such a fault. */
    public static TrainingSession in(TrainingSession session) {
        Long step = Long.getLong(STEP);
        if (step == null) {
            return session;
        }
        return (TrainingSession) Proxy.newProxyInstance(
                TrainingSession.class.getClassLoader(),
                new Class<?>[] {TrainingSession.class},
                (proxy, method, arguments) -> {
                    try {
                        Object result = method.invoke(session, arguments);
                        return result instanceof StepResult && arguments[0].equals(step)
                                ? new StepResult(Double.NaN, Double.NaN, false)
                                : result;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }
}
