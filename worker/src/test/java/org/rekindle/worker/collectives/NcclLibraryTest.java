package org.rekindle.worker.collectives;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.sun.jna.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.UserException;
import org.rekindle.worker.torchscript.CudaDriver;

class NcclLibraryTest {

    @TempDir
    private static Path folder;

    @Test
    void aFileThatIsNotThereIsToldWithWhatToDo() {
        Path missing = folder.resolve("libnccl.so.2");
        assertThatThrownBy(() -> NcclLibrary.load(Map.of("NCCL_LIBRARY_PATH", missing.toString())))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith(
                        "distributed.dist_backend nccl: NCCL_LIBRARY_PATH=" + missing + " cannot be loaded (")
                .hasMessageEndingWith("); install NCCL 2.14 or newer for this machine's CUDA,"
                        + " or set NCCL_LIBRARY_PATH to the file libnccl.so.2")
                .message()
                .hasLineCount(1);
    }

    @Test
    void aFileThatIsNoLibraryIsRefused() throws IOException {
        Path text = Files.writeString(folder.resolve("text.so"), "no library");
        assertThatThrownBy(() -> NcclLibrary.load(Map.of("NCCL_LIBRARY_PATH", text.toString())))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("cannot be loaded");
    }

    @Test
    void aFileThatIsMissingIsToldWithoutTheClassPath() {
        assertThatThrownBy(() -> NcclLibrary.load(Map.of("NCCL_LIBRARY_PATH", "/none/libnccl.so.2")))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("/none/libnccl.so.2")
                .hasMessageNotContaining(".jar");
    }

    @Test
    void aLibraryThatIsNotNcclIsRefused() {
        assumeThat(Platform.isLinux()).isTrue();
        String other = "libc.so.6";
        assertThatThrownBy(() -> NcclLibrary.load(Map.of("NCCL_LIBRARY_PATH", other)))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("cannot be loaded")
                .hasMessageContaining("ncclGetVersion");
    }

    @Test
    void withoutADriverThereIsALine() {
        assertThatThrownBy(() -> CudaDriver.load(folder.resolve("libcuda.so.1").toString()))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("install NVIDIA's driver");
    }

    @ParameterizedTest
    @CsvSource({"2803, 2.8.3", "21403, 2.14.3", "22602, 2.26.2", "23100, 2.31.0"})
    void versionsAreWrittenAsUsual(int code, String text) {
        assertThat(NcclLibrary.text(code)).isEqualTo(text);
    }

    @Nested
    class OfAFake {

        private static FakeNccl fake;

        @BeforeAll
        static void compile() throws InterruptedException {
            fake = FakeNccl.compile(folder);
        }

        @BeforeEach
        void reset() {
            FakeNccl.required(fake).reset();
        }

        @Test
        void oneThatIsTooOldIsRefused() {
            fake.reset(21212);
            assertThatThrownBy(fake::library)
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining(" is NCCL 2.12.12, which cannot start without blocking; install NCCL 2.14");
        }

        @Test
        void anIdIsAllOfItsBytes() {
            byte[] id = fake.library().uniqueId();
            assertThat(id).hasSize(128);
            for (int i = 0; i < id.length; i++) {
                assertThat(id[i]).isEqualTo((byte) (1 + 37 * i));
            }
        }

        @Test
        void noIdIsNoLostPeer() {
            fake.answers("ncclGetUniqueId", -1, Nccl.SYSTEM_ERROR);
            NcclLibrary library = fake.library();
            assertThatThrownBy(library::uniqueId)
                    .isInstanceOf(UserException.class)
                    .hasMessageStartingWith("NCCL 2.26.2: ncclGetUniqueId failed with result 2, some other error");
        }

        @ParameterizedTest
        @CsvSource({"1, false", "2, true", "3, false", "4, false", "5, false", "6, true", "8, false"})
        void aBrokenConnectionIsALostPeerAndTheRestIsTold(int result, boolean lost) {
            RuntimeException seen = fake.library().failure("ncclAllReduce", result);
            assertThat(seen).isInstanceOf(lost ? PeerLostException.class : UserException.class);
            if (seen instanceof PeerLostException peer) {
                assertThat(peer.rank()).isEqualTo(-1);
            }
        }

        @Test
        void aFailureHasNcclsOwnWordsInOneLine() {
            NcclLibrary library = fake.saysMore().library();
            assertThat(library.failure("ncclCommInitRankConfig", 5))
                    .hasMessage("NCCL 2.26.2: ncclCommInitRankConfig failed with result 5, invalid usage:"
                            + " socket 7: connection reset; NCCL_DEBUG=WARN makes NCCL say more");
        }
    }
}
