package org.rekindle.worker.trust;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.coordinator.config.TlsConfig;

/** Against the cluster's own remoting. */
class HandshakeTest {

    @TempDir
    static Path folder;

    private static TestCertificates certificates;
    private static NodeCredentials first;
    private static NodeCredentials second;
    private static NodeCredentials stranger;
    private static ActorSystem<Void> secured;
    private static ActorSystem<Void> plain;

    @BeforeAll
    static void startNodes() throws Exception {
        certificates = new TestCertificates(folder, "ca");
        first = NodeCredentials.read(certificates.node("first"), Instant.now());
        second = NodeCredentials.read(certificates.node("second"), Instant.now());
        stranger = NodeCredentials.read(new TestCertificates(folder, "other").node("stranger"), Instant.now());
        secured = start(first.settings());
        plain = start(Map.of());
    }

    @AfterAll
    static void stopNodes() throws Exception {
        for (ActorSystem<Void> system : List.of(secured, plain)) {
            system.terminate();
            system.getWhenTerminated().toCompletableFuture().get(60, TimeUnit.SECONDS);
        }
    }

    private static ActorSystem<Void> start(Map<String, String> tls) {
        Map<String, Object> settings = new HashMap<>(tls);
        settings.put("pekko.actor.provider", "cluster");
        return ActorSystem.create(
                Behaviors.empty(), "rekindle", ConfigFactory.parseMap(settings).withFallback(ConfigFactory.load()));
    }

    private static Handshake of(NodeCredentials credentials) {
        return new Handshake(Optional.of(credentials));
    }

    private static List<String> at(ActorSystem<Void> node) {
        return List.of("127.0.0.1:" + node.address().getPort().get());
    }

    @Test
    void nodesOfOneCaAcceptEachOther() {
        assertThat(of(second).problem(at(secured))).isEmpty();
        assertThat(of(first).problem(at(secured))).isEmpty();
    }

    @Test
    void nodesWithoutTlsHaveNothingToTell() {
        assertThat(new Handshake(Optional.empty()).problem(at(plain))).isEmpty();
    }

    @Test
    void aNodeWithoutACertificateIsTold() {
        assertThat(new Handshake(Optional.empty()).problem(at(secured)).orElseThrow())
                .startsWith("the node at " + at(secured).get(0) + " speaks TLS, and this one has no certificate");
    }

    @Test
    void aNodeThatAloneHasACertificateIsTold() {
        assertThat(of(second).problem(at(plain)).orElseThrow())
                .startsWith("the node at " + at(plain).get(0) + " does not speak TLS");
    }

    @Test
    void aNodeThatDoesNotKnowTheOthersCaIsTold() {
        assertThat(of(stranger).problem(at(secured)).orElseThrow())
                .startsWith("the node at " + at(secured).get(0) + ": its certificate is not accepted here")
                .contains("distributed.tls.ca=" + folder.resolve("other.pem"));
    }

    @Test
    void aNodeThatTheOthersDoNotAcceptIsTold() throws Exception {
        TlsConfig named = certificates.nodeNamed("named", "another");
        assertThat(of(NodeCredentials.read(named, Instant.now()))
                        .problem(at(secured))
                        .orElseThrow())
                .startsWith("the node at " + at(secured).get(0) + " does not accept distributed.tls.certificate=")
                .contains("a name in common");
    }

    @Test
    void nobodyThereIsNoQuestionOfTls() {
        assertThat(of(second).problem(List.of("127.0.0.1:1"))).isEmpty();
    }

    @Test
    void oneThatFitsIsEnough() {
        assertThat(of(second).problem(List.of(at(plain).get(0), at(secured).get(0))))
                .isEmpty();
    }
}
