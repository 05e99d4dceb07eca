package org.rekindle.worker.collectives;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Sums of parts, and their gathering: parts of any sizes, none among them. */
class RingPartsTest {

    private static List<List<ByteBuffer>> parts(List<Integer> sizes, long seed, int rank) {
        Random random = new Random(31 * seed + rank);
        List<List<ByteBuffer>> parts = new ArrayList<>();
        for (int size : sizes) {
            ByteBuffer part = ByteBuffer.allocateDirect(size * Float.BYTES).order(ByteOrder.nativeOrder());
            while (part.hasRemaining()) {
                part.putFloat(random.nextInt(2000) - 1000); // sums of these are exact
            }
            part.flip();
            int cut = size / 3 * Float.BYTES;
            parts.add(List.of(
                    part.slice(0, cut).order(part.order()),
                    part.slice(cut, part.limit() - cut).order(part.order())));
        }
        return parts;
    }

    private static float[] floats(List<ByteBuffer> part) {
        int size = part.stream().mapToInt(ByteBuffer::remaining).sum() / Float.BYTES;
        float[] all = new float[size];
        int at = 0;
        for (ByteBuffer buffer : part) {
            int count = buffer.remaining() / Float.BYTES;
            buffer.duplicate().order(buffer.order()).asFloatBuffer().get(all, at, count);
            at += count;
        }
        return all;
    }

    @Property(tries = 40)
    void everyRankGetsTheSumOfItsPartAndAllGetAllPartsOfTheirOwners(
            @ForAll @Size(min = 1, max = 5) List<@IntRange(max = 60_000) Integer> sizes, @ForAll long seed)
            throws Exception {
        int worldSize = sizes.size();
        try (Ranks ranks = new Ranks(worldSize)) {
            List<List<List<ByteBuffer>>> results = ranks.all(1, RingSettings.DEFAULT, ring -> {
                List<List<ByteBuffer>> parts = parts(sizes, seed, ring.rank());
                ring.reduceScatter(parts);
                List<float[]> sum = List.of(floats(parts.get(ring.rank())));
                assertThat(sum.get(0)).isEqualTo(expected(sizes, seed, ring.rank()));
                ring.allGather(parts);
                return parts;
            });
            for (List<List<ByteBuffer>> parts : results) {
                for (int rank = 0; rank < worldSize; rank++) {
                    assertThat(floats(parts.get(rank))).isEqualTo(expected(sizes, seed, rank));
                }
            }
        }
    }

    private static float[] expected(List<Integer> sizes, long seed, int part) {
        float[] sum = new float[sizes.get(part)];
        for (int rank = 0; rank < sizes.size(); rank++) {
            float[] values = floats(parts(sizes, seed, rank).get(part));
            for (int i = 0; i < sum.length; i++) {
                sum[i] += values[i];
            }
        }
        return sum;
    }
}
