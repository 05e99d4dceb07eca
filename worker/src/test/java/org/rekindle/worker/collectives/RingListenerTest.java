package org.rekindle.worker.collectives;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.rekindle.data.UserException;

@Timeout(60)
class RingListenerTest {

    @Test
    void aPortInUseIsToldInOneLine() {
        try (RingListener first = RingListener.bind("127.0.0.1", 0, "run")) {
            assertThatThrownBy(
                            () -> RingListener.bind("127.0.0.1", first.address().getPort(), "run"))
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("port " + first.address().getPort() + " of 127.0.0.1")
                    .hasMessageContaining("in use");
        }
    }

    @Test
    void anUnknownHostIsToldInOneLine() {
        assertThatThrownBy(() -> RingListener.bind("no-such-host.invalid", 0, "run"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("no-such-host.invalid");
    }

    @Test
    void callersOfOtherGenerationsRunsAndRanksAreRefusedAndDisturbNobody() throws Exception {
        try (Ranks ranks = new Ranks(2)) {
            InetSocketAddress address = ranks.peers().get(0);
            long run = ranks.listener(0).run();
            List<RingHello.Reply> replies = ranks.all(7, RingSettings.DEFAULT, ring -> {
                        List<RingHello.Reply> seen = new ArrayList<>();
                        if (ring.rank() == 1) {
                            seen.add(call(address, new RingHello(run, 6, 1, 2, 0, false)));
                            seen.add(call(address, new RingHello(run, 7, 1, 3, 0, false)));
                            seen.add(call(address, new RingHello(run, 7, 1, 2, 0, false)));
                            seen.add(call(address, new RingHello(run + 1, 7, 1, 2, 0, false)));
                        }
                        ByteBuffer data = Ranks.direct(1f, 2f);
                        ring.allReduceSum(List.of(data));
                        assertThat(Ranks.values(List.of(data))).containsExactly(2, 4);
                        return seen;
                    })
                    .get(1);
            assertThat(replies)
                    .containsExactly(
                            RingHello.Reply.NOT_AWAITED,
                            RingHello.Reply.NOT_AWAITED,
                            RingHello.Reply.NOT_AWAITED,
                            RingHello.Reply.OTHER_RUN);
        }
    }

    @Test
    void aCallerWithoutTheSecretOfTheGenerationIsRefused() throws Exception {
        try (RingListener listener = RingListener.bind("127.0.0.1", 0, "run")) {
            RingHello awaited = new RingHello(listener.run(), 7, 1, 2, 5, false);
            CompletableFuture<SocketChannel> connection = listener.await(awaited);

            assertThat(call(listener.address(), new RingHello(listener.run(), 7, 1, 2, 6, false)))
                    .isEqualTo(RingHello.Reply.NOT_AWAITED);
            assertThat(connection).isNotDone();
            assertThat(call(listener.address(), awaited)).isEqualTo(RingHello.Reply.WELCOME);
            connection.get(10, TimeUnit.SECONDS).close();
        }
    }

    @Test
    void strangersNeitherHangNorDisturb() throws Exception {
        List<Socket> strangers = new ArrayList<>();
        Random random = new Random(3);
        try (Ranks ranks = new Ranks(3)) {
            for (InetSocketAddress address : ranks.peers()) {
                for (int i = 0; i < 100; i++) {
                    Socket stranger = new Socket(address.getHostString(), address.getPort());
                    strangers.add(stranger);
                    byte[] bytes = new byte[random.nextInt(200)];
                    random.nextBytes(bytes);
                    switch (i % 4) {
                        case 0 -> {} // silent
                        case 1 -> send(stranger, bytes);
                        case 2 -> send(stranger, new byte[] {-1, -1, -1, 127, -1, -1, -1, 127});
                        default -> {
                            ByteBuffer hello = new RingHello(
                                            random.nextLong(), Long.MAX_VALUE, Integer.MAX_VALUE, -1, 0, true)
                                    .encode();
                            send(stranger, hello.array());
                        }
                    }
                }
            }
            for (int generation = 0; generation < 5; generation++) {
                ranks.all(generation, RingSettings.DEFAULT, ring -> {
                    ByteBuffer data = Ranks.direct(1f);
                    ring.allReduceSum(List.of(data));
                    assertThat(data.getFloat(0)).isEqualTo(3);
                    return null;
                });
            }
        } finally {
            for (Socket stranger : strangers) {
                stranger.close();
            }
        }
    }

    @Test
    void aSilentCallerIsClosedAfterAWhile() throws Exception {
        try (Ranks ranks = new Ranks(1);
                Socket silent = new Socket("127.0.0.1", ranks.peers().get(0).getPort())) {
            silent.setSoTimeout(15_000);
            assertThat(silent.getInputStream().read()).isEqualTo(-1);
        }
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void generationsLeaveNoSocketAndNoThread() throws Exception {
        try (Ranks ranks = new Ranks(3)) {
            generation(ranks, 0);
            long files = openFiles();
            long threads = ringThreads();
            for (int generation = 1; generation <= 200; generation++) {
                generation(ranks, generation);
            }
            assertThat(ringThreads()).isEqualTo(threads);
            assertThat(openFiles()).isLessThanOrEqualTo(files);
        }
    }

    /** Every fourth ends by an abort, which others may meet before their own sum is done. */
    private static void generation(Ranks ranks, int number) throws Exception {
        boolean aborted = number % 4 == 3;
        ranks.all(number, RingSettings.DEFAULT, ring -> {
            try {
                ring.allReduceSum(List.of(Ranks.direct(1f)));
            } catch (CollectiveAbortedException e) {
                assertThat(aborted).as(e.getMessage()).isTrue();
            }
            if (aborted && ring.rank() == 0) {
                ring.abort();
            }
            return null;
        });
    }

    private static long openFiles() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
            return files.count();
        }
    }

    private static long ringThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("ring-"))
                .count();
    }

    private static RingHello.Reply call(InetSocketAddress address, RingHello hello) throws IOException {
        try (Socket socket = new Socket(address.getHostString(), address.getPort())) {
            send(socket, hello.encode().array());
            byte[] reply = socket.getInputStream().readNBytes(RingHello.Reply.BYTES);
            return RingHello.Reply.decode(ByteBuffer.wrap(reply).order(ByteOrder.nativeOrder()));
        }
    }

    private static void send(Socket socket, byte[] bytes) throws IOException {
        try {
            socket.getOutputStream().write(bytes);
        } catch (SocketException e) {
            // closed on it already: so it should be
        }
    }
}
