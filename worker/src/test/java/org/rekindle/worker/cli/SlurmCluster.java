package org.rekindle.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A real SLURM of three nodes on this machine, and a checkout whose sbatch files are those of the repository and whose {@code rekindle} runs
 * the classes under test.
 */
final class SlurmCluster implements AutoCloseable {

    private static final Path REPOSITORY = Path.of("").toAbsolutePath().getParent();
    private static final long TIMEOUT_SECONDS = 240;

    private final Path folder;
    private final Path checkout;

    private SlurmCluster(Path folder, Path checkout) {
        this.folder = folder;
        this.checkout = checkout;
    }

    static SlurmCluster start(Path folder) throws IOException, InterruptedException {
        Path checkout =
                Files.createDirectories(folder.resolve("checkout/slurm")).getParent();
        for (String file :
                List.of("train.sh", "single-node.sbatch", "multinode-template.sbatch", "elastic-array.sbatch")) {
            Files.copy(
                    REPOSITORY.resolve("slurm").resolve(file),
                    checkout.resolve("slurm").resolve(file));
        }
        Path launcher = checkout.resolve("rekindle");
        Files.writeString(
                launcher,
                "#!/bin/bash\ntrap '' USR1\nexec '%s' \"$@\"\n".formatted(String.join("' '", RekindleProcess.COMMAND)));
        assertThat(launcher.toFile().setExecutable(true)).isTrue();
        assertThat(checkout.resolve("slurm/train.sh").toFile().setExecutable(true))
                .isTrue();
        SlurmCluster cluster = new SlurmCluster(folder.resolve("slurm"), checkout);
        cluster.script("up");
        return cluster;
    }

    private void script(String command, String... more) throws IOException, InterruptedException {
        List<String> line = new ArrayList<>(
                List.of(REPOSITORY.resolve("slurm/proofs/cluster.sh").toString(), command, folder.toString()));
        line.addAll(List.of(more));
        run(Map.of(), line);
    }

    /** Runs a client command of SLURM's and returns what it printed. */
    String client(String... command) throws IOException, InterruptedException {
        return run(Map.of("SLURM_CONF", folder.resolve("slurm.conf").toString()), List.of(command));
    }

    private String run(Map<String, String> environment, List<String> command) throws IOException, InterruptedException {
        Path output = Files.createTempFile("slurm", ".txt");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(checkout.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("%s ends", command).isTrue();
        String text = Files.readString(output, StandardCharsets.UTF_8).strip();
        Files.delete(output);
        assertThat(process.exitValue()).as("%s: %s", command, text).isZero();
        return text;
    }

    /**
     * Submits one of the sbatch files as its first lines say.
     *
     * @param options of sbatch, which go before those in the file
     * @param settings key=value
     */
    Job submit(String file, List<String> options, List<String> settings) throws IOException, InterruptedException {
        return submit(file, Map.of(), options, settings);
    }

    Job submit(String file, Map<String, String> environment, List<String> options, List<String> settings)
            throws IOException, InterruptedException {
        Path log = Files.createTempFile(folder.getParent(), "job", ".log");
        List<String> command = new ArrayList<>(List.of("sbatch", "--parsable", "--gres=none", "--output=" + log));
        command.addAll(options);
        command.add("slurm/" + file);
        command.addAll(settings);
        Map<String, String> variables =
                new HashMap<>(Map.of("SLURM_CONF", folder.resolve("slurm.conf").toString()));
        variables.putAll(environment);
        return new Job(run(variables, command), log);
    }

    /** A job, or a task of an array. */
    Job job(String id) {
        return new Job(id, null);
    }

    @Override
    public void close() throws IOException, InterruptedException {
        script("down");
    }

    /** A job that was submitted. */
    final class Job {
        private final String id;
        private final Path log;

        private Job(String id, Path log) {
            this.id = id;
            this.log = log;
        }

        String id() {
            return id;
        }

        String output() throws IOException {
            return Files.readString(log);
        }

        /** What {@code scontrol show job} says of it. */
        private String field(String name) throws IOException, InterruptedException {
            for (String word : client("scontrol", "show", "job", id).split("\\s+")) {
                if (word.startsWith(name + "=")) {
                    return word.substring(name.length() + 1);
                }
            }
            throw new AssertionError("no " + name + " of job " + id);
        }

        int restarts() throws IOException, InterruptedException {
            return Integer.parseInt(field("Restarts"));
        }

        void await(String what, RekindleProcess.Condition condition) throws IOException, InterruptedException {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(TIMEOUT_SECONDS);
            while (!condition.holds()) {
                if (System.nanoTime() > deadline) {
                    throw new AssertionError("ran out of time before " + what + ":\n"
                            + client("scontrol", "show", "job", id) + "\n" + output());
                }
                Thread.sleep(50);
            }
        }

        void awaitLines(Path file, int lines) throws IOException, InterruptedException {
            await(
                    file + " has " + lines + " lines",
                    () -> Files.exists(file) && Files.readString(file).lines().count() >= lines);
        }

        /** Waits until it is in a state for good. */
        String end() throws IOException, InterruptedException {
            List<String> seen = new ArrayList<>(List.of(""));
            await("its end", () -> {
                try {
                    seen.set(0, field("JobState"));
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                return !List.of("PENDING", "RUNNING", "COMPLETING", "REQUEUED").contains(seen.get(0));
            });
            return seen.get(0);
        }
    }
}
