package org.rekindle.worker.hub;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Fetches one file into a folder, as often as it takes, each attempt from where the one before was cut.
 *
 * @param progress told how much of a file is there
 */
record FileFetch(HubClient client, HubSnapshot snapshot, Path folder, Progress progress) {

    private static final int BUFFER = 1 << 16;

    /** An attempt that brought less than this counts as one that brought nothing. */
    private static final long ENOUGH = 1 << 20;

    interface Progress {
        void at(String path, long bytes);
    }

    /** @return its bytes */
    long run(HubFile listed) throws InterruptedException {
        Backoff backoff = client.backoff(listed.path());
        long[] furthest = {0};
        return backoff.retry(() -> {
            HubFile file = client.describe(snapshot, listed);
            try (PartialFile partial = PartialFile.open(folder.resolve(listed.path()), file)) {
                try {
                    fetch(file, partial);
                } finally {
                    if (partial.length() >= furthest[0] + ENOUGH) {
                        furthest[0] = partial.length();
                        backoff.progressed();
                    }
                }
                partial.complete();
            }
            return file.size();
        });
    }

    private void fetch(HubFile file, PartialFile partial) throws IOException, InterruptedException {
        if (partial.length() > file.size()) {
            partial.clear();
        }
        progress.at(file.path(), partial.length());
        if (partial.length() == file.size()) {
            return;
        }
        try (HubContent content = client.open(snapshot, file, partial.length())) {
            check(file, content, partial);
            if (content.offset() < partial.length()) {
                partial.clear();
            }
            byte[] buffer = new byte[BUFFER];
            for (int count = content.body().read(buffer);
                    count >= 0;
                    count = content.body().read(buffer)) {
                if (partial.length() + count > file.size()) {
                    throw partial.refused("has more than the " + file.size() + " bytes that the hub promised");
                }
                partial.append(ByteBuffer.wrap(buffer, 0, count));
                progress.at(file.path(), partial.length());
            }
        }
        if (partial.length() < file.size()) {
            throw new IOException("cut after " + partial.length() + " of " + file.size() + " bytes");
        }
    }

    private static void check(HubFile file, HubContent content, PartialFile partial) throws IOException {
        boolean otherHash = content.hash() != null
                && content.hash().algorithm().equals(file.hash().algorithm())
                && !content.hash().equals(file.hash());
        if (otherHash) {
            throw new IOException("the file changed on the hub");
        }
        if (content.size() >= 0 && content.size() != file.size()) {
            throw partial.refused("has " + content.size() + " bytes where the hub promised " + file.size());
        }
    }
}
