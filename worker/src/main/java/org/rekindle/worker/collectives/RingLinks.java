package org.rekindle.worker.collectives;

import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A rank's two connections, non-blocking, both registered with one selector.
 *
 * @param control what the successor says
 */
record RingLinks(Selector selector, SocketChannel predecessor, SocketChannel successor, ControlReader control) {

    private static final Logger LOG = LoggerFactory.getLogger(RingLinks.class);

    void close() {
        closeAll(selector);
    }

    /** Closes a selector and all connections that are registered with it. */
    static void closeAll(Selector selector) {
        for (SelectionKey key : selector.keys()) {
            close(key.channel());
        }
        close(selector);
    }

    static void close(AutoCloseable resource) {
        try {
            resource.close();
        } catch (Exception e) {
            LOG.debug("ring: closing {}", resource, e);
        }
    }
}
