package org.rekindle.worker.training;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which rank owns which parameters where the optimizer's state is shared out (ZeRO stage 1, Rajbhandari et al. 2020, arXiv 1910.02054):
 * whole parameters, the largest first, each to the rank that has least so far. So no rank has more than the mean and one parameter.
 *
 * @param rank this one
 * @param owned indices of each rank's parameters, ascending
 */
record ParameterShards(int rank, List<List<Integer>> owned) {

    /** All of it on one rank. */
    static ParameterShards whole(int parameters) {
        return new ParameterShards(
                0, List.of(IntStream.range(0, parameters).boxed().toList()));
    }

    /** @param sizes elements of each parameter; the same on all ranks */
    static ParameterShards of(List<Long> sizes, int rank, int worldSize) {
        List<List<Integer>> owned = new ArrayList<>();
        IntStream.range(0, worldSize).forEach(each -> owned.add(new ArrayList<>()));
        long[] loads = new long[worldSize];
        IntStream.range(0, sizes.size())
                .boxed()
                .sorted(Comparator.comparing((Integer index) -> -sizes.get(index)))
                .forEach(index -> {
                    int least = 0;
                    for (int each = 1; each < worldSize; each++) {
                        least = loads[each] < loads[least] ? each : least;
                    }
                    loads[least] += sizes.get(index);
                    owned.get(least).add(index);
                });
        owned.forEach(each -> each.sort(null));
        return new ParameterShards(rank, owned);
    }

    boolean isWhole() {
        return owned.size() == 1;
    }

    /** Parameters of this rank. */
    List<Integer> own() {
        return owned.get(rank);
    }

    /** The rank that owns a parameter. */
    int owner(int parameter) {
        for (int each = 0; each < owned.size(); each++) {
            if (owned.get(each).contains(parameter)) {
                return each;
            }
        }
        throw new IllegalArgumentException("no parameter " + parameter);
    }

    /** What belongs to each rank, of a list with an item for each parameter. */
    <T> List<List<T>> parts(List<T> items) {
        return owned.stream()
                .map(indices -> indices.stream().map(items::get).toList())
                .toList();
    }
}
