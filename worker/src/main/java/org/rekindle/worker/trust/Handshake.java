package org.rekindle.worker.trust;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.rekindle.coordinator.membership.HostPort;

/**
 * Why a node cannot join: the cluster tries for ever and leaves a failed handshake to the log. A connection like the cluster's tells whether
 * both sides speak TLS and accept each other's certificate, or neither does.
 *
 * @param credentials this node's
 */
public record Handshake(Optional<NodeCredentials> credentials) {

    private static final Duration CONNECT = Duration.ofSeconds(1);

    /** How long the other side may take to answer, and to refuse what it was shown, which TLS 1.3 does after the handshake. */
    private static final Duration ANSWER = Duration.ofSeconds(2);

    /**
     * Tries all nodes.
     *
     * @param addresses hosts and ports
     * @return what is wrong, in one line; empty when one of them would take this node, or none can be reached
     */
    public Optional<String> problem(List<String> addresses) {
        Optional<String> problem = Optional.empty();
        for (String address : addresses) {
            try (Socket socket = new Socket()) {
                socket.connect(HostPort.parse(address), (int) CONNECT.toMillis());
                socket.setSoTimeout((int) ANSWER.toMillis());
                problem = credentials.isPresent()
                        ? problemWith(socket, address, credentials.get())
                        : problemWithout(socket, address);
                if (problem.isEmpty()) {
                    return problem;
                }
            } catch (IOException e) {
                // not there: no question of TLS
            }
        }
        return problem;
    }

    private static Optional<String> problemWith(Socket socket, String address, NodeCredentials own) {
        boolean shaken = false;
        try {
            SSLSocket secured = over(socket, own.context());
            secured.startHandshake();
            shaken = true;
            return secured.getInputStream().read() < 0
                    ? Optional.of(refusal(address, own, "it hung up"))
                    : Optional.empty();
        } catch (SocketTimeoutException e) {
            return Optional.empty(); // it waits for what the cluster says next, or is too busy to answer
        } catch (IOException e) {
            if (e.getCause() instanceof CertificateException) {
                return Optional.of("the node at %s: its certificate is not accepted here (%s); it must be signed by"
                                .formatted(address, root(e))
                        + " distributed.tls.ca=%s and be valid at %s, as this machine's clock says"
                                .formatted(own.files().ca(), Instant.now()));
            }
            return Optional.of(shaken || isAlert(e) ? refusal(address, own, e.getMessage()) : speaksNoTls(address));
        }
    }

    /** JSSE tells what the peer says, and what it cannot read, by the same exception. */
    private static boolean isAlert(IOException e) {
        return String.valueOf(e.getMessage()).contains("alert");
    }

    private static String refusal(String address, NodeCredentials own, String why) {
        return "the node at %s does not accept distributed.tls.certificate=%s (%s): it must be signed by the CA of that node, be valid by the clock there and have a name in common with its certificate"
                .formatted(address, own.files().certificate(), why);
    }

    private static String speaksNoTls(String address) {
        return "the node at %s does not speak TLS, and this one has distributed.tls: start all nodes of a run with it, or none"
                .formatted(address);
    }

    private static Optional<String> problemWithout(Socket socket, String address) {
        Stranger stranger = new Stranger();
        try {
            SSLContext context = SSLContext.getInstance("TLSv1.3");
            context.init(null, new TrustManager[] {stranger}, null);
            over(socket, context).startHandshake();
        } catch (IOException e) {
            // expected either way
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
        return stranger.shown
                ? Optional.of(
                        "the node at %s speaks TLS, and this one has no certificate: set distributed.tls.certificate, .key and .ca"
                                .formatted(address))
                : Optional.empty();
    }

    private static SSLSocket over(Socket socket, SSLContext context) throws IOException {
        SSLSocket secured = (SSLSocket) context.getSocketFactory()
                .createSocket(socket, socket.getInetAddress().getHostAddress(), socket.getPort(), true);
        secured.setUseClientMode(true);
        return secured;
    }

    private static String root(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
    }

    /** Trusts nobody, and sees whether there was a certificate. */
    private static final class Stranger implements X509TrustManager {

        private boolean shown;

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            shown = true;
            throw new CertificateException("none is trusted");
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
            throw new CertificateException("none is trusted");
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
