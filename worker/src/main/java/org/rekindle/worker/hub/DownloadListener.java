package org.rekindle.worker.hub;

/** Told how a download goes, by several threads at once. */
public interface DownloadListener {

    /**
     * @param what model, revision and commit
     * @param files how many are to be fetched
     * @param bytes of these files together
     */
    void started(String what, int files, long bytes);

    /** So many bytes of a file are there; fewer than before when it begins anew. */
    void at(String path, long bytes);

    void fetched(String path, long bytes);

    /** What goes wrong for now, in a line. */
    void message(String line);
}
