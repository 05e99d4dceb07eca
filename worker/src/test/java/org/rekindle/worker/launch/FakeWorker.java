package org.rekindle.worker.launch;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A worker process that says who it is and ends as it is told: {@code FOLDER RANK:CODE...}, each code once, then 0. */
final class FakeWorker {

    private FakeWorker() {}

    public static void main(String[] arguments) throws Exception {
        WorkerProcess.endWithLauncher();
        String rank = System.getenv("RANK");
        Path starts = Path.of(arguments[0]).resolve("starts-" + rank);
        Files.writeString(
                starts, ProcessHandle.current().pid() + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        int start = Files.readAllLines(starts).size();
        System.out.println("worker " + rank + " of " + System.getenv("WORLD_SIZE") + " at "
                + System.getenv("MASTER_ADDR") + ", start " + start);
        int seen = 0;
        for (int i = 1; i < arguments.length; i++) {
            String[] end = arguments[i].split(":");
            if (end[0].equals(rank) && ++seen == start) {
                if (end[1].equals("wait")) {
                    Thread.sleep(60_000);
                }
                System.exit(Integer.parseInt(end[1]));
            }
        }
        Thread.sleep(1500); // whoever ends well outlives those who do not
    }
}
