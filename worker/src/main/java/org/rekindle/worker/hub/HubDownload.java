package org.rekindle.worker.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.rekindle.data.UserException;

/**
 * Fetches the pipeline of a model from a hub into a folder. Each file gets its name when it is whole, and {@code model_index.json}
 * comes last, so that what was cut short is no pipeline. The same call goes on from there: what is whole is not fetched again. Files
 * that are not the hub's are never replaced.
 */
public final class HubDownload {

    private static final int AT_ONCE = 3;

    private final HubSettings settings;
    private final HubTiming timing;
    private final DownloadListener listener;

    HubDownload(HubSettings settings, HubTiming timing, DownloadListener listener) {
        this.settings = settings;
        this.timing = timing;
        this.listener = listener;
    }

    public static HubDownload from(HubSettings settings, DownloadListener listener) {
        return new HubDownload(settings, HubTiming.standard(), listener);
    }

    /**
     * @param components those that are wanted, or an empty set for all of the pipeline's
     * @param out the folder; it may hold what an earlier call fetched
     * @return whether {@code out} is a pipeline now, and not only some components of one
     * @throws UserException in one line, when it cannot be done
     */
    public boolean run(ModelRevision model, Set<String> components, Path out) throws InterruptedException {
        if (settings.offline()) {
            throw new UserException(
                    model
                            + ": HF_HUB_OFFLINE is set, so nothing is fetched or compared with the hub; unset it, or use the folder of an earlier download as it is");
        }
        if (Files.exists(out) && !Files.isDirectory(out)) {
            throw new UserException("out=" + out + ": a file of that name is there; name a folder");
        }
        HubClient client = new HubClient(settings, timing, model, listener::message);
        HubSnapshot snapshot = client.list();
        PipelineFiles pipeline = PipelineFiles.select(snapshot, components, file -> client.readJson(snapshot, file));
        List<HubFile> absent = new ArrayList<>();
        long bytes = 0;
        for (HubFile listed : pipeline.all()) {
            HubFile file = client.describe(snapshot, listed);
            if (!isThere(out.resolve(file.path()), file)) {
                absent.add(listed);
                bytes += file.size();
            }
        }
        listener.started(
                model.id() + " at " + model.revision() + ", commit " + snapshot.commit(), absent.size(), bytes);
        FileFetch fetch = new FileFetch(client, snapshot, out, listener::at);
        fetchAll(
                absent.stream()
                        .filter(file -> !file.equals(pipeline.index()))
                        .sorted(Comparator.comparingLong(HubFile::size))
                        .toList(),
                fetch);
        if (pipeline.index() != null && absent.contains(pipeline.index())) {
            fetchAll(List.of(pipeline.index()), fetch);
        }
        return pipeline.index() != null;
    }

    private static boolean isThere(Path path, HubFile file) {
        if (!Files.exists(path)) {
            return false;
        }
        try {
            if (Files.size(path) == file.size() && file.hash().matches(path)) {
                return true;
            }
        } catch (IOException e) {
            throw new UserException(path + ": cannot be read (" + UserException.reason(e) + "); correct that", e);
        }
        throw new UserException(
                path + ": is not the hub's file of that name, and is not replaced; remove it, or choose another out=");
    }

    /** Several at once; the first that fails ends them all. */
    private void fetchAll(List<HubFile> files, FileFetch fetch) throws InterruptedException {
        ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE, task -> {
            Thread thread = new Thread(task, "hub-download");
            thread.setDaemon(true);
            return thread;
        });
        try {
            ExecutorCompletionService<Void> fetches = new ExecutorCompletionService<>(threads);
            for (HubFile file : files) {
                fetches.submit(() -> {
                    listener.fetched(file.path(), fetch.run(file));
                    return null;
                });
            }
            for (int i = 0; i < files.size(); i++) {
                fetches.take().get();
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UserException told) {
                throw told;
            }
            throw new IllegalStateException(e.getCause());
        } finally {
            threads.shutdownNow();
        }
    }
}
