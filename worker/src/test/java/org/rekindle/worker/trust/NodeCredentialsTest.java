package org.rekindle.worker.trust;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.config.TlsConfig;
import org.rekindle.data.UserException;

class NodeCredentialsTest {

    @TempDir
    static Path folder;

    private static TestCertificates certificates;
    private static TlsConfig node;

    @BeforeAll
    static void makeCertificates() throws Exception {
        certificates = new TestCertificates(folder, "ca");
        node = certificates.node("node");
    }

    private static void assertRefused(TlsConfig files, Instant now, String... parts) {
        assertThatThrownBy(() -> NodeCredentials.read(files, now))
                .isInstanceOf(UserException.class)
                .hasMessageContainingAll(parts)
                .hasMessageNotContaining("\n");
    }

    private static void assertRefused(TlsConfig files, String... parts) {
        assertRefused(files, Instant.now(), parts);
    }

    @Test
    void thoseThatBelongTogetherAreTaken() {
        NodeCredentials credentials = NodeCredentials.read(node, Instant.now());

        assertThat(credentials.settings())
                .containsEntry("pekko.remote.artery.transport", "tls-tcp")
                .containsValues(node.certificate(), node.key(), node.ca());
    }

    @Test
    void aKeyInPkcs1IsTaken() throws IOException {
        byte[] pkcs8 = Base64.getMimeDecoder()
                .decode(Files.readString(Path.of(node.key())).replaceAll("-----[A-Z ]+-----", ""));
        // PKCS#8 wraps PKCS#1 behind a header of 26 bytes for a 2048 bit key or longer (RFC 5208)
        byte[] pkcs1 = Arrays.copyOfRange(pkcs8, 26, pkcs8.length);
        Path file = Files.writeString(
                folder.resolve("pkcs1.key"),
                "-----BEGIN RSA PRIVATE KEY-----\n"
                        + Base64.getMimeEncoder().encodeToString(pkcs1)
                        + "\n-----END RSA PRIVATE KEY-----\n");

        NodeCredentials.read(new TlsConfig(node.certificate(), file.toString(), node.ca()), Instant.now());
    }

    @Test
    void aMissingFileIsNamed() {
        String missing = folder.resolve("none.pem").toString();

        assertRefused(
                new TlsConfig(missing, node.key(), node.ca()),
                "distributed.tls.certificate=" + missing + ": cannot be read (no such file or folder)");
        assertRefused(new TlsConfig(node.certificate(), missing, node.ca()), "distributed.tls.key=" + missing);
        assertRefused(new TlsConfig(node.certificate(), node.key(), missing), "distributed.tls.ca=" + missing);
    }

    @Test
    void whatIsNoPemIsNamed() throws IOException {
        String text =
                Files.writeString(folder.resolve("text.pem"), "a certificate").toString();
        String torn = Files.writeString(
                        folder.resolve("torn.pem"),
                        Files.readString(Path.of(node.certificate())).substring(0, 200))
                .toString();
        String tornKey = Files.writeString(
                        folder.resolve("torn.key"),
                        Files.readString(Path.of(node.key())).substring(0, 200))
                .toString();

        assertRefused(new TlsConfig(text, node.key(), node.ca()), "certificate=" + text + ": is no certificate in PEM");
        assertRefused(new TlsConfig(torn, node.key(), node.ca()), "certificate=" + torn + ": is no certificate in PEM");
        assertRefused(new TlsConfig(node.certificate(), node.key(), node.key()), "ca=" + node.key() + ": is no cert");
        for (String key : new String[] {text, tornKey, node.certificate()}) {
            assertRefused(
                    new TlsConfig(node.certificate(), key, node.ca()),
                    "distributed.tls.key=" + key + ": is no RSA key in PEM, PKCS#8 or PKCS#1 without a password");
        }
    }

    @Test
    void anotherKindOfKeyIsNamed() throws Exception {
        TlsConfig elliptic = certificates.node("elliptic", "EC", "-validity", "10");

        assertRefused(elliptic, "key=" + elliptic.key() + ": is no RSA key");
        assertRefused(
                new TlsConfig(elliptic.certificate(), node.key(), node.ca()),
                "is of a key of type EC; make one of an RSA");
    }

    @Test
    void aKeyOfAnotherCertificateIsNamed() throws Exception {
        TlsConfig other = certificates.node("other");

        assertRefused(
                new TlsConfig(node.certificate(), other.key(), node.ca()),
                "distributed.tls.key=" + other.key() + " is not the key of distributed.tls.certificate="
                        + node.certificate());
    }

    @Test
    void aCertificateOfAnotherTimeIsToldWithBothClocks() throws Exception {
        Instant now = Instant.now();
        Instant later = now.plus(Duration.ofDays(366));
        Instant earlier = now.minus(Duration.ofDays(1));

        assertRefused(node, later, "is valid from ", " to ", "and this machine's clock says " + later, "set the clock");
        assertRefused(node, earlier, "and this machine's clock says " + earlier);
        TlsConfig expired = certificates.node("expired", "RSA", "-startdate", "-3d", "-validity", "2");
        assertRefused(expired, "distributed.tls.certificate=" + expired.certificate() + ": is valid from ");
    }

    @Test
    void aCertificateOfAnotherCaIsNamed() throws Exception {
        TlsConfig stranger = new TestCertificates(folder, "other-ca").node("stranger");

        assertRefused(
                new TlsConfig(stranger.certificate(), stranger.key(), node.ca()),
                "distributed.tls.certificate=" + stranger.certificate() + " is not signed by distributed.tls.ca="
                        + node.ca());
    }

    @Test
    void aCertificateOfAServerAloneIsNamed() throws Exception {
        TlsConfig server = certificates.node("server", "RSA", "-ext", "eku=serverAuth");

        assertRefused(server, "is of no use between nodes", "clientAuth");
    }

    @Test
    void severalCasAreNamed() throws IOException {
        String two = Files.writeString(
                        folder.resolve("two.pem"),
                        Files.readString(Path.of(node.ca())) + Files.readString(Path.of(node.certificate())))
                .toString();

        assertRefused(new TlsConfig(node.certificate(), node.key(), two), "ca=" + two + ": holds 2 certificates");
    }
}
