package org.rekindle.worker.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.LongConsumer;
import org.rekindle.coordinator.config.CommandOptions;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.formats.ShardFailure;
import org.rekindle.data.formats.ShardIndexes;
import org.rekindle.data.shards.Resharder;
import org.rekindle.data.shards.ShardMaker;
import org.rekindle.data.shards.ShardRecipe;
import org.rekindle.data.shards.ShardStatistics;
import org.rekindle.data.shards.ShardVerification;
import org.rekindle.data.stores.Shard;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle shards}: makes WebDataset shards and looks into them. */
@Command(name = "shards", description = "Makes WebDataset shards and looks into them.")
final class ShardsCommand {

    /** What the commands that read shards take. */
    record ReadOptions(String path, String type, Map<String, String> filters, Boolean decode, String indexFolder) {

        DataSet dataSet() {
            DatasetConfig.Params params = new DatasetConfig.Params(path, null, null, null, null, filters, null, null);
            return DataSet.open(new DatasetConfig(type, params, null), "path", path);
        }
    }

    record ReshardOptions(String path, String out, Map<String, String> filters, Integer examplesPerShard) {}

    @Command(
            name = "make",
            description =
                    "Makes shards: shards make source=shapes|colours|emoji|folder|csv|parquet [input=PATH] out='data/x-{000..007}.tar'"
                            + " [examples_per_shard=N|shard_bytes=N] [resolution=N] [resize=crop|shorter] [format=png|jpg] [quality=N]"
                            + " [workers=N] [examples=N] [seed=N]. With examples_per_shard or shard_bytes the same command goes on"
                            + " where it was stopped.")
    int make(@Mixin KeyValues keyValues) {
        String out = keyValues.required("shards make", "out");
        List<String> arguments = keyValues.without("out");
        ShardRecipe recipe = CommandOptions.read("shards make", arguments, ShardRecipe.class, "source");
        ShardMaker.Made made = withProgress(progress -> recipe.make(out, progress));
        System.out.printf(
                "%d examples in %d shards, %d skipped%n",
                made.examples(), made.shards().size(), made.skipped());
        return 0;
    }

    @Command(
            name = "stat",
            description =
                    "Tells what shards hold: shards stat path='data/x-{000..007}.tar' [type=Parquet] [filters.KEY=\"<=0.5\"...]")
    int stat(@Mixin KeyValues keyValues) {
        ReadOptions options = CommandOptions.read("shards stat", keyValues.list(), ReadOptions.class, "path");
        System.out.println(Json.pretty(ShardStatistics.of(options.dataSet())));
        return 0;
    }

    @Command(
            name = "index",
            description =
                    "Writes where the examples of tar shards begin, so that a resumed run goes there at once: shards index"
                            + " path='data/x-{000..007}.tar' [index_folder=DIR]")
    int index(@Mixin KeyValues keyValues) {
        ReadOptions options = CommandOptions.read("shards index", keyValues.list(), ReadOptions.class, "path");
        ShardIndexes indexes = new ShardIndexes(options.indexFolder() == null ? null : Path.of(options.indexFolder()));
        int made = 0;
        List<Shard> shards = options.dataSet().shards();
        for (Shard shard : shards) {
            try {
                if (!indexes.isThere(shard)) {
                    indexes.write(shard);
                    made++;
                }
            } catch (ShardFailure e) {
                throw new UserException(e.getMessage(), e);
            }
        }
        System.out.printf("%d indexes made, %d were there%n", made, shards.size() - made);
        return 0;
    }

    @Command(
            name = "verify",
            description =
                    "Reads every example and tells what a training would leave out: shards verify path='data/x-{000..007}.tar'"
                            + " [type=Parquet] [decode=false]. The exit code is 1 when there is anything.")
    int verify(@Mixin KeyValues keyValues) {
        ReadOptions options = CommandOptions.read("shards verify", keyValues.list(), ReadOptions.class, "path");
        boolean decode = options.decode() == null || options.decode();
        DataSet dataSet = options.dataSet();
        ShardVerification.Found found = withProgress(progress -> ShardVerification.verify(dataSet, decode, progress));
        found.problems().forEach(System.out::println);
        System.out.printf(
                "%d examples in %d shards, %d problems%n",
                found.examples(), dataSet.shards().size(), found.problems().size());
        return found.problems().isEmpty() ? 0 : 1;
    }

    @Command(
            name = "reshard",
            description =
                    "Copies what passes filters into new shards: shards reshard path='data/x-{000..007}.tar' filters.KEY=\"<=0.5\""
                            + " out='data/y-{0000..9999}.tar' [examples_per_shard=N]")
    int reshard(@Mixin KeyValues keyValues) {
        ReshardOptions options =
                CommandOptions.read("shards reshard", keyValues.list(), ReshardOptions.class, "path", "out", "filters");
        DataSet dataSet = new ReadOptions(options.path(), null, options.filters(), null, null).dataSet();
        int perShard = options.examplesPerShard() == null ? 10_000 : options.examplesPerShard();
        Resharder.Made made = withProgress(
                progress -> Resharder.reshard(dataSet.shards(), options.out(), perShard, options.filters(), progress));
        made.rejected().forEach((filter, count) -> System.out.printf("%d rejected by %s%n", count, filter));
        System.out.printf("%d of %d examples in %d shards%n", made.examples(), made.read(), made.shards());
        return 0;
    }

    private static <T> T withProgress(Function<LongConsumer, T> work) {
        try (CountProgress progress = CountProgress.ofExamples()) {
            return work.apply(progress::done);
        }
    }
}
