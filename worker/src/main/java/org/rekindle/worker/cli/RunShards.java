package org.rekindle.worker.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.shards.BraceExpansion;
import org.rekindle.data.shards.ShardMaker;

/** The shards of a run; where the configuration says how, they are made at the first start. */
final class RunShards {

    private RunShards() {}

    /** Opens the data set of {@code dataset.params.path}, made by {@code dataset.make} when none of them is there;
     * that makes images, so latents are not. */
    static DataSet prepare(DatasetConfig dataset, Consumer<String> messages) {
        String path = dataset.params().path();
        if (areToBeMade(dataset)) {
            messages.accept("making the data set " + path);
            ShardMaker.Made made = dataset.make().make(path);
            messages.accept(
                    "made " + made.examples() + " examples in " + made.shards().size() + " shards");
        }
        return DataSet.open(dataset);
    }

    /**
     * Whether {@link #prepare} would make the shards.
     *
     * @throws UserException when it could not, as where a recipe keeps its data in an {@code experiment.log_dir} that is a bucket
     */
    static boolean areToBeMade(DatasetConfig dataset) {
        String path = dataset.params().path();
        if (dataset.make() == null
                || dataset.type().equals(DatasetConfig.LATENTS)
                || BraceExpansion.expand(path).stream().map(Path::of).anyMatch(Files::exists)) {
            return false;
        } else if (path.contains("://")) {
            throw new UserException("dataset.make makes files, and dataset.params.path=" + path
                    + " names none: give a path such as data/shapes-{000..003}.tar, or remove dataset.make");
        }
        try {
            dataset.make().check();
        } catch (UserException e) {
            throw new UserException("dataset.make." + e.getMessage(), e);
        }
        return true;
    }
}
