package org.rekindle.worker.cli;

import java.util.List;
import java.util.Map;
import org.rekindle.coordinator.config.CommandOptions;
import org.rekindle.data.DatasetConfig;
import org.rekindle.data.formats.DataSet;
import org.rekindle.data.shards.ShardMaker;
import org.rekindle.data.shards.ShardRecipe;
import org.rekindle.data.shards.ShardStatistics;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rekindle shards}: makes WebDataset shards and looks into them. */
@Command(name = "shards", description = "Makes WebDataset shards and looks into them.")
final class ShardsCommand {

    record StatOptions(String path, Map<String, String> filters) {}

    @Command(
            name = "make",
            description =
                    "Makes shards: shards make source=shapes|emoji|folder|csv [input=PATH] out='data/x-{000..007}.tar'"
                            + " [examples=N] [seed=N] [examples_per_shard=N] [resolution=N] [format=png|jpg]")
    int make(@Mixin KeyValues keyValues) {
        String out = keyValues.required("shards make", "out");
        List<String> arguments = keyValues.without("out");
        ShardRecipe recipe = CommandOptions.read("shards make", arguments, ShardRecipe.class, "source");
        ShardMaker.Made made = recipe.make(out);
        System.out.printf(
                "%d examples in %d shards, %d skipped%n",
                made.examples(), made.shards().size(), made.skipped());
        return 0;
    }

    @Command(
            name = "stat",
            description = "Tells what shards hold: shards stat path='data/x-{000..007}.tar' [filters.KEY=\"<=0.5\"...]")
    int stat(@Mixin KeyValues keyValues) {
        StatOptions options = CommandOptions.read("shards stat", keyValues.list(), StatOptions.class, "path");
        DatasetConfig.Params params =
                new DatasetConfig.Params(options.path(), null, null, null, null, options.filters(), null, null);
        DatasetConfig dataset = new DatasetConfig(null, params, null);
        ShardStatistics statistics = ShardStatistics.of(DataSet.open(dataset));
        System.out.println(Json.pretty(statistics));
        return 0;
    }
}
