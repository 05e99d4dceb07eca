package org.rekindle.worker.trust;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.rekindle.coordinator.config.TlsConfig;

/** A CA and certificates of nodes, made by the JDK's keytool, as PEM files in a folder. */
public final class TestCertificates {

    private static final String PASSWORD = "password";

    private final Path folder;
    private final String ca;

    /** @param ca name of the CA and of its files */
    public TestCertificates(Path folder, String ca) throws IOException {
        this.folder = folder;
        this.ca = ca;
        make(ca, "RSA", "ca", "-ext", "bc:c=ca:true");
        export(ca);
    }

    /** Paths of a node's certificate, its key and the CA's certificate; a year valid. */
    public TlsConfig node(String name) throws IOException, GeneralSecurityException {
        return node(name, "RSA", "-validity", "365");
    }

    /** The same, of a subject of its own. */
    TlsConfig nodeNamed(String name, String subject) throws IOException, GeneralSecurityException {
        make(name, "RSA", subject);
        return signed(name, "-validity", "365");
    }

    /**
     * @param algorithm of the key
     * @param options of {@code keytool -gencert}
     */
    TlsConfig node(String name, String algorithm, String... options) throws IOException, GeneralSecurityException {
        make(name, algorithm, "rekindle");
        return signed(name, options);
    }

    private TlsConfig signed(String name, String... options) throws IOException, GeneralSecurityException {
        Path request = folder.resolve(name + ".csr");
        keytool(name, "-certreq", "-alias", name, "-file", request.toString());
        List<String> sign = new ArrayList<>(List.of(
                "-gencert",
                "-alias",
                ca,
                "-rfc",
                "-infile",
                request.toString(),
                "-outfile",
                pem(name).toString()));
        sign.addAll(List.of(options));
        keytool(ca, sign.toArray(String[]::new));
        Files.writeString(key(name), keyPem(name));
        return new TlsConfig(pem(name).toString(), key(name).toString(), pem(ca).toString());
    }

    private void make(String name, String algorithm, String subject, String... options) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                "-genkeypair", "-alias", name, "-keyalg", algorithm, "-dname", "CN=" + subject, "-validity", "365"));
        command.addAll(List.of(options));
        keytool(name, command.toArray(String[]::new));
    }

    private void export(String name) throws IOException {
        keytool(name, "-exportcert", "-alias", name, "-rfc", "-file", pem(name).toString());
    }

    private String keyPem(String name) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(folder.resolve(name + ".p12"))) {
            store.load(in, PASSWORD.toCharArray());
        }
        byte[] key = store.getKey(name, PASSWORD.toCharArray()).getEncoded();
        return "-----BEGIN PRIVATE KEY-----\n"
                + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(key) + "\n-----END PRIVATE KEY-----\n";
    }

    private Path pem(String name) {
        return folder.resolve(name + ".pem");
    }

    private Path key(String name) {
        return folder.resolve(name + ".key");
    }

    private void keytool(String store, String... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
        command.addAll(List.of(arguments));
        command.addAll(List.of(
                "-keystore",
                folder.resolve(store + ".p12").toString(),
                "-storetype",
                "PKCS12",
                "-storepass",
                PASSWORD));
        Path output = Files.createTempFile(folder, "keytool", ".txt");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
        assertThat(process.exitValue()).as(Files.readString(output)).isZero();
    }
}
