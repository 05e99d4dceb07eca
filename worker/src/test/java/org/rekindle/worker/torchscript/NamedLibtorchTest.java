package org.rekindle.worker.torchscript;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.engine.EngineException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rekindle.data.UserException;

class NamedLibtorchTest {

    @TempDir
    Path folder;

    @Test
    void aFolderWithoutLibtorchIsRefused() {
        assertThatThrownBy(() -> require(folder.toString()))
                .isInstanceOf(UserException.class)
                .hasMessage("environment: PYTORCH_LIBRARY_PATH=" + folder + ": expected is a folder with "
                        + System.mapLibraryName("torch") + " in it, such as the lib folder of a libtorch; set "
                        + NamedLibtorch.SETTINGS + ", or none of the three for CPUs");
        assertThatThrownBy(() -> require("")).isInstanceOf(UserException.class);
    }

    @Test
    void whereDjlFindsALibtorchSoDoesRekindle() throws IOException {
        Path library = Files.createFile(folder.resolve(System.mapLibraryName("torch")));
        assertThatCode(() -> require(folder.toString())).doesNotThrowAnyException();
        assertThatCode(() -> require(library.toString())).doesNotThrowAnyException();
        assertThatCode(() -> require("nowhere" + File.pathSeparator + folder)).doesNotThrowAnyException();
        assertThatCode(() -> NamedLibtorch.require(Map.of())).doesNotThrowAnyException();
    }

    @Test
    void oneThatCannotBeLoadedIsTheEnvironmentsFault() {
        EngineException thrown = new EngineException(
                "Failed to load PyTorch native library",
                new UnsatisfiedLinkError("libcudnn.so.9: no such file\nand more"));
        assertThat(NamedLibtorch.unloadable(
                        thrown, Map.of("PYTORCH_LIBRARY_PATH", "/torch", "PYTORCH_FLAVOR", "cu128")))
                .isInstanceOf(UserException.class)
                .hasMessage(
                        "environment: the libtorch of PYTORCH_LIBRARY_PATH=/torch PYTORCH_FLAVOR=cu128 cannot be loaded"
                                + " (libcudnn.so.9: no such file); set all of " + NamedLibtorch.SETTINGS
                                + " for that version of it, or none for CPUs");
        assertThat(NamedLibtorch.unloadable(thrown, Map.of())).isSameAs(thrown);
    }

    private static void require(String named) {
        NamedLibtorch.require(Map.of("PYTORCH_LIBRARY_PATH", named));
    }
}
