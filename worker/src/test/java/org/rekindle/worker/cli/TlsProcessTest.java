package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.config.TlsConfig;
import org.rekindle.worker.trust.TestCertificates;

/** Workers that prove who they are: those of one CA train together, others do not get in and say why. */
class TlsProcessTest {

    private static final int STEPS = 20;

    @TempDir
    Path folder;

    private static String[] settings(TlsConfig tls) {
        return new String[] {
            "distributed.tls.certificate=" + tls.certificate(),
            "distributed.tls.key=" + tls.key(),
            "distributed.tls.ca=" + tls.ca()
        };
    }

    @Test
    void strangersStayOutsideAndThoseOfOneCaTrainTogether() throws Exception {
        TestCertificates certificates = new TestCertificates(folder, "ca");
        RunningWorkers run = new RunningWorkers(folder, "run", STEPS);
        RekindleProcess first = run.start(0, 2, settings(certificates.node("first")));

        RekindleProcess without = run.start(1, 2);
        RekindleProcess ofAnother = run.start(1, 2, settings(new TestCertificates(folder, "other").node("stranger")));
        assertOneLine(without, "speaks TLS, and this one has no certificate: set distributed.tls.certificate");
        assertOneLine(ofAnother, "its certificate is not accepted here", "distributed.tls.ca=");

        RekindleProcess second = run.start(1, 2, settings(certificates.node("second")));
        first.awaitSuccess();
        second.awaitSuccess();
        assertThat(run.files().metrics()).hasSize(STEPS);
        assertThat(run.files().events("generation"))
                .extracting(event -> event.get("workers").size())
                .containsExactly(2);
        run.verify();
        assertThat(first.output()).doesNotContain("\tat ", "Exception");
    }

    private static void assertOneLine(RekindleProcess process, String... parts) throws Exception {
        assertThat(process.await()).isNotZero();
        assertThat(List.of(process.output().split("\n")).stream().filter(line -> line.startsWith("rekindle: ")))
                .singleElement()
                .asString()
                .contains(parts);
        assertThat(process.output()).doesNotContain("\tat ", "Exception");
    }
}
