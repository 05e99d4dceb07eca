package org.rekindle.worker.training;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.FileAppender;
import java.nio.file.Path;
import java.util.List;
import org.slf4j.LoggerFactory;

/** The log file of one process in a run's folder: everything from INFO on, with stack traces. */
final class RunLog implements AutoCloseable {

    /** Pekko's is none of the root's children: what it warns of is for the file alone. */
    private static final List<String> LOGGERS = List.of(Logger.ROOT_LOGGER_NAME, "org.apache.pekko");

    private final LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    private final FileAppender<ILoggingEvent> appender = new FileAppender<>();

    /**
     * @param folder of the files, which are appended to: {@code train.log}, or {@code train-N.log} of the others than node 0
     * @param node rank of this node
     */
    RunLog(Path folder, int node) {
        PatternLayoutEncoder encoder = new PatternLayoutEncoder();
        encoder.setContext(context);
        encoder.setPattern("%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level [%thread] %logger{30} - %msg%n");
        encoder.start();
        appender.setContext(context);
        appender.setFile(folder.resolve(node == 0 ? "train.log" : "train-" + node + ".log")
                .toString());
        appender.setEncoder(encoder);
        appender.start();
        LOGGERS.forEach(logger -> context.getLogger(logger).addAppender(appender));
    }

    @Override
    public void close() {
        LOGGERS.forEach(logger -> context.getLogger(logger).detachAppender(appender));
        appender.stop();
    }
}
