package org.rekindle.data.stores;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PipeShardTest {

    private static final Patience QUICK = new Patience(Duration.ofMillis(1), Duration.ofSeconds(5));

    @TempDir
    Path folder;

    private static byte[] read(String command) throws IOException {
        try (InputStream bytes = new PipeShard(command, QUICK).open(0)) {
            return bytes.readAllBytes();
        }
    }

    @Test
    void givesWhatTheCommandWrites() throws IOException {
        byte[] file = new byte[1 << 20];
        new Random(3).nextBytes(file);
        Path path = Files.write(folder.resolve("x"), file);
        assertThat(read("cat " + path)).isEqualTo(file);
        try (InputStream bytes = new PipeShard("cat " + path, QUICK).open(file.length - 7)) {
            assertThat(bytes.readAllBytes()).hasSize(7);
        }
    }

    @Test
    void aCommandThatFailsAfterMostOfTheDataIsRunAgainAndThenToldWithItsWords() throws IOException {
        Path runs = folder.resolve("runs");
        String command = "echo run >> " + runs + "; head -c 900000 /dev/zero; echo 'no route' >&2; exit 3";
        assertThatThrownBy(() -> read(command))
                .isInstanceOf(IOException.class)
                .hasMessage("the command ended with exit status 3 and said: no route, at the last of 5 attempts too");
        assertThat(Files.readAllLines(runs)).hasSize(5);
    }

    @Test
    void aCommandThatFailsOnceIsRunAgainAndNoByteComesTwice() throws IOException {
        Path flag = folder.resolve("flag");
        byte[] file = new byte[1 << 20];
        new Random(4).nextBytes(file);
        Path path = Files.write(folder.resolve("x"), file);
        String command = "if [ -e %s ]; then cat %s; else touch %s; head -c 900000 %s; exit 1; fi"
                .formatted(flag, path, flag, path);
        assertThat(read(command)).isEqualTo(file);
    }

    @Test
    void aCommandThatHangsIsEndedAndRunAgain() throws IOException {
        Path flag = folder.resolve("flag");
        String hangsOnce = "if [ -e %s ]; then echo ab; else touch %s; printf a; sleep 1000; fi".formatted(flag, flag);
        Patience impatient = new Patience(Duration.ofMillis(1), Duration.ofMillis(300));
        try (InputStream bytes = new PipeShard(hangsOnce, impatient).open(0)) {
            assertThat(bytes.readAllBytes()).asString().isEqualTo("ab\n");
        }
        assertThatThrownBy(() -> {
                    try (InputStream bytes =
                            new PipeShard("trap '' TERM; while :; do sleep 1; done", impatient).open(0)) {
                        bytes.read();
                    }
                })
                .hasMessage("no data for 0 s, at the last of 5 attempts too");
    }

    @Test
    void closingEndsTheProcessesOfTheCommand() throws Exception {
        Path pid = folder.resolve("pid");
        InputStream bytes = new PipeShard("sleep 1000 & echo $! > " + pid + "; echo x; wait", QUICK).open(0);
        assertThat(bytes.read()).isEqualTo('x');
        long sleep = Long.parseLong(Files.readString(pid).strip());
        CompletableFuture<Integer> reader = CompletableFuture.supplyAsync(() -> {
            try {
                return bytes.readAllBytes().length;
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        });
        TimeUnit.MILLISECONDS.sleep(200);
        bytes.close();
        assertThat(reader).failsWithin(5, TimeUnit.SECONDS);
        for (int i = 0;
                i < 100 && ProcessHandle.of(sleep).map(ProcessHandle::isAlive).orElse(false);
                i++) {
            TimeUnit.MILLISECONDS.sleep(50);
        }
        assertThat(ProcessHandle.of(sleep).map(ProcessHandle::isAlive).orElse(false))
                .isFalse();
    }

    @Test
    void secretsStayOutOfMessages() {
        PipeShard shard = new PipeShard("AWS_SECRET_ACCESS_KEY=abc curl --token xyz https://h/x.tar", QUICK);
        assertThat(shard.location()).doesNotContain("abc", "xyz").contains("curl", "x.tar");
        assertThatThrownBy(() -> read("exit 7"))
                .hasMessageContaining("exit status 7")
                .hasMessageNotContaining("\n");
    }
}
