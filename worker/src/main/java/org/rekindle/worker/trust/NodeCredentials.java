package org.rekindle.worker.trust;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAKey;
import java.time.Instant;
import java.util.Collection;
import java.util.Date;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.apache.pekko.pki.pem.DERPrivateKeyLoader;
import org.apache.pekko.pki.pem.PEMDecoder;
import org.rekindle.coordinator.config.TlsConfig;
import org.rekindle.data.UserException;

/**
 * What a node shows to the others, and by whom it knows them: read and checked before the cluster needs them, since a handshake that fails
 * says little. Pekko reads the files itself, and again every few minutes, so that renewed ones take effect without a restart.
 */
public final class NodeCredentials {

    private static final String SECTION = "distributed.tls.";
    private static final String BEGIN_CERTIFICATE = "-----BEGIN CERTIFICATE-----";
    private static final char[] IN_MEMORY = "in memory".toCharArray(); // a key store wants a password

    private final TlsConfig files;
    private final X509Certificate certificate;
    private final PrivateKey key;
    private final X509Certificate ca;

    private NodeCredentials(TlsConfig files, X509Certificate certificate, PrivateKey key, X509Certificate ca) {
        this.files = files;
        this.certificate = certificate;
        this.key = key;
        this.ca = ca;
    }

    /**
     * Reads what a run is told.
     *
     * @param files null for none
     * @throws UserException as {@link #read}
     */
    public static Optional<NodeCredentials> of(TlsConfig files) {
        return Optional.ofNullable(files).map(given -> read(given, Instant.now()));
    }

    /**
     * Reads the files and checks that they belong together.
     *
     * @param files all three are set
     * @param now this machine's time
     * @throws UserException in one line, when another node could not accept them
     */
    static NodeCredentials read(TlsConfig files, Instant now) {
        X509Certificate ca = certificate("ca", files.ca());
        X509Certificate certificate = certificate("certificate", files.certificate());
        PrivateKey key = key(files.key());
        requireValid("ca", files.ca(), ca, now);
        requireValid("certificate", files.certificate(), certificate, now);
        requireOf(files, certificate, key);
        NodeCredentials credentials = new NodeCredentials(files, certificate, key, ca);
        credentials.requireAccepted();
        return credentials;
    }

    private static String text(String name, String file) {
        try {
            return Files.readString(Path.of(file), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new UserException(
                    SECTION + name + "=" + file + ": cannot be read (" + UserException.reason(e)
                            + "); give the path of a PEM file",
                    e);
        }
    }

    private static X509Certificate certificate(String name, String file) {
        String text = text(name, file);
        try {
            if (!text.contains(BEGIN_CERTIFICATE)) {
                throw new CertificateException("no " + BEGIN_CERTIFICATE);
            }
            Collection<? extends Certificate> found = CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(text.getBytes(StandardCharsets.ISO_8859_1)));
            if (name.equals("ca") && found.size() > 1) {
                throw new UserException(SECTION + name + "=" + file + ": holds " + found.size()
                        + " certificates; give a file with that of the CA which signs the nodes' alone");
            }
            return (X509Certificate) found.iterator().next();
        } catch (CertificateException e) {
            throw new UserException(
                    SECTION + name + "=" + file + ": is no certificate in PEM (" + reason(e)
                            + "); openssl x509 -in FILE -out FILE.pem makes one",
                    e);
        }
    }

    private static PrivateKey key(String file) {
        String text = text("key", file);
        try {
            return DERPrivateKeyLoader.load(PEMDecoder.decode(text));
        } catch (Exception e) { // Scala declares none of them
            // what was found is not said: it may be part of a key
            throw new UserException(
                    SECTION + "key=" + file
                            + ": is no RSA key in PEM, PKCS#8 or PKCS#1 without a password; openssl pkcs8 -topk8 -nocrypt -in FILE"
                            + " -out FILE.pem makes one",
                    e);
        }
    }

    private static void requireValid(String name, String file, X509Certificate certificate, Instant now) {
        Instant from = certificate.getNotBefore().toInstant();
        Instant to = certificate.getNotAfter().toInstant();
        try {
            certificate.checkValidity(Date.from(now));
        } catch (CertificateException e) {
            throw new UserException(
                    "%s%s=%s: is valid from %s to %s, and this machine's clock says %s: set the clock, or make a new certificate"
                            .formatted(SECTION, name, file, from, to, now),
                    e);
        }
    }

    private static void requireOf(TlsConfig files, X509Certificate certificate, PrivateKey key) {
        if (!(certificate.getPublicKey() instanceof RSAKey certified)) {
            throw new UserException(SECTION + "certificate=" + files.certificate() + ": is of a key of type "
                    + certificate.getPublicKey().getAlgorithm() + "; make one of an RSA key");
        } else if (!(key instanceof RSAKey own) || !own.getModulus().equals(certified.getModulus())) {
            throw new UserException(SECTION + "key=" + files.key() + " is not the key of " + SECTION + "certificate="
                    + files.certificate() + "; give the two that were made together");
        }
    }

    /** As the nodes at the other end will see it, whoever called whom. */
    private void requireAccepted() {
        try {
            certificate.verify(ca.getPublicKey());
        } catch (GeneralSecurityException e) {
            throw new UserException(
                    SECTION + "certificate=" + files.certificate() + " is not signed by " + SECTION + "ca=" + files.ca()
                            + "; give the CA that signed it, without any between",
                    e);
        }
        try {
            X509TrustManager others = (X509TrustManager) trust().getTrustManagers()[0];
            X509Certificate[] shown = {certificate};
            others.checkServerTrusted(shown, "UNKNOWN"); // TLS 1.3 has no name for the key exchange
            others.checkClientTrusted(shown, "UNKNOWN");
        } catch (GeneralSecurityException e) {
            throw new UserException(
                    SECTION + "certificate=" + files.certificate() + ": is of no use between nodes (" + reason(e)
                            + "); the CA must be one, and what the certificate says of its use allow serverAuth and"
                            + " clientAuth",
                    e);
        }
    }

    private TrustManagerFactory trust() throws GeneralSecurityException {
        KeyStore known = empty();
        known.setCertificateEntry("ca", ca);
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(known);
        return factory;
    }

    /** For a connection such as the cluster's. */
    SSLContext context() {
        try {
            KeyStore own = empty();
            own.setKeyEntry("node", key, IN_MEMORY, new Certificate[] {certificate, ca});
            KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(own, IN_MEMORY);
            SSLContext context = SSLContext.getInstance("TLSv1.3");
            context.init(keys.getKeyManagers(), trust().getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static KeyStore empty() throws GeneralSecurityException {
        try {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            return store;
        } catch (IOException e) {
            throw new IllegalStateException("nothing is read", e);
        }
    }

    private static String reason(Exception e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    TlsConfig files() {
        return files;
    }

    /**
     * Settings of the actor system that speaks with them. Pekko closes a connection, too, whose two certificates share no name.
     *
     * @see org.apache.pekko.remote.artery.tcp.ssl.RotatingKeysSSLEngineProvider
     */
    public Map<String, String> settings() {
        String engine = "pekko.remote.artery.ssl.rotating-keys-engine.";
        return Map.of(
                "pekko.remote.artery.transport",
                "tls-tcp",
                "pekko.remote.artery.ssl.ssl-engine-provider",
                "org.apache.pekko.remote.artery.tcp.ssl.RotatingKeysSSLEngineProvider",
                engine + "key-file",
                files.key(),
                engine + "cert-file",
                files.certificate(),
                engine + "ca-cert-file",
                files.ca());
    }
}
