package org.rekindle.worker.collectives;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class RingCollectiveTest {

    private static final RingSettings BF16 = new RingSettings(RingSettings.DEFAULT.peerTimeout(), 0, true);

    /** Empty, one, fewer than ranks, small, and more than a chunk. */
    @Provide
    Arbitrary<Integer> sizes() {
        return Arbitraries.oneOf(
                Arbitraries.integers().between(0, 7),
                Arbitraries.integers().between(8, 3000),
                Arbitraries.integers().between(100_000, 700_000));
    }

    @Property(tries = 60)
    void theSumIsTakenInTheStatedOrderOnAllRanks(
            @ForAll @IntRange(min = 1, max = 5) int worldSize,
            @ForAll("sizes") int size,
            @ForAll @Size(min = 1, max = 6) List<@IntRange(min = 1, max = 50_000) Integer> parts,
            @ForAll long seed)
            throws Exception {
        List<Integer> cuts = new ArrayList<>(parts);
        cuts.add(0);
        float[][] values = draw(worldSize, size, seed);
        float[] expected = inOrder(values, Float::floatValue);
        for (float[] result : sums(values, cuts, RingSettings.DEFAULT)) {
            assertThat(result).isEqualTo(expected);
        }
        double[] exact = sum(values, value -> value);
        double[] magnitude = sum(values, Math::abs);
        for (int i = 0; i < size; i++) {
            assertThat((double) expected[i]).isCloseTo(exact[i], within(worldSize * magnitude[i] * 0x1p-24));
        }
    }

    @Property(tries = 40)
    void bf16SumsAreRoundedAtEachHopAndEqualOnAllRanks(
            @ForAll @IntRange(min = 2, max = 5) int worldSize,
            @ForAll("sizes") int size,
            @ForAll @Size(min = 1, max = 4) List<@IntRange(min = 1, max = 50_000) Integer> parts,
            @ForAll long seed)
            throws Exception {
        float[][] values = draw(worldSize, size, seed);
        float[] expected = inOrder(values, RingCollectiveTest::nearestBf16);
        for (float[] result : sums(values, parts, BF16)) {
            assertThat(result).isEqualTo(expected);
        }
        double[] exact = sum(values, value -> value);
        double[] magnitude = sum(values, Math::abs);
        for (int i = 0; i < size; i++) {
            // W roundings, each off by 2^-8 of a partial sum at most
            assertThat((double) expected[i]).isCloseTo(exact[i], within(worldSize * magnitude[i] / 250));
        }
    }

    @Property(tries = 40)
    void aBroadcastCopiesTheRootsBytes(
            @ForAll @IntRange(min = 1, max = 5) int worldSize,
            @ForAll @IntRange(max = 4) int place,
            @ForAll("sizes") int size,
            @ForAll boolean bf16,
            @ForAll long seed)
            throws Exception {
        int root = place % worldSize;
        byte[][] bytes = new byte[worldSize][size];
        for (int rank = 0; rank < worldSize; rank++) {
            new Random(seed + rank).nextBytes(bytes[rank]);
        }
        try (Ranks ranks = new Ranks(worldSize)) {
            List<byte[]> results = ranks.all(0, bf16 ? BF16 : RingSettings.DEFAULT, ring -> {
                ByteBuffer one = Ranks.direct(size / 3)
                        .put(bytes[ring.rank()], 0, size / 3)
                        .flip();
                ByteBuffer two = Ranks.direct(size - size / 3)
                        .put(bytes[ring.rank()], size / 3, size - size / 3)
                        .flip();
                ring.broadcast(root, List.of(one, two));
                byte[] result = new byte[size];
                one.get(result, 0, size / 3);
                two.get(result, size / 3, size - size / 3);
                return result;
            });
            assertThat(results).allSatisfy(result -> assertThat(result).isEqualTo(bytes[root]));
        }
    }

    @Test
    void operationsFollowEachOtherAndGiveTheSameBitsEachTime() throws Exception {
        float[][] values = draw(3, 10_000, 7);
        float[] sum = inOrder(values, Float::floatValue);
        try (Ranks ranks = new Ranks(3)) {
            ranks.all(1, RingSettings.DEFAULT, ring -> {
                for (int i = 0; i < 300; i++) {
                    List<ByteBuffer> data = Ranks.cut(values[ring.rank()], List.of(4_000));
                    ring.allReduceSum(data);
                    assertThat(Ranks.values(data)).isEqualTo(sum);
                    ByteBuffer weights = Ranks.direct(i, ring.rank());
                    ring.broadcast(i % 3, List.of(weights));
                    assertThat(weights.asFloatBuffer().get(1)).isEqualTo(i % 3);
                }
                return null;
            });
        }
    }

    @Test
    void whatIsNoNumberStaysNone() throws Exception {
        for (RingSettings settings : List.of(RingSettings.DEFAULT, BF16)) {
            float infinity = Float.POSITIVE_INFINITY;
            float[][] values = {{Float.NaN, infinity, infinity, 3e38f}, {1, 1, -infinity, 3e38f}};
            for (float[] result : sums(values, List.of(4), settings)) {
                assertThat(result).containsExactly(Float.NaN, infinity, Float.NaN, infinity);
            }
        }
    }

    @Test
    void theBuffersPositionsAndWhatLiesOutsideStay() throws Exception {
        try (Ranks ranks = new Ranks(2)) {
            ranks.all(1, RingSettings.DEFAULT, ring -> {
                ByteBuffer data = Ranks.direct(1, 2, 3, 4).position(4).limit(12);
                ring.allReduceSum(List.of(data));
                assertThat(data.position()).isEqualTo(4);
                assertThat(data.limit()).isEqualTo(12);
                assertThat(Ranks.values(List.of(data.clear()))).containsExactly(1, 4, 6, 4);
                return null;
            });
        }
    }

    @Test
    void heapBuffersForeignOrderAndHalfValuesAreRefused() throws Exception {
        try (Ranks ranks = new Ranks(1)) {
            ranks.all(1, RingSettings.DEFAULT, ring -> {
                assertThatThrownBy(() -> ring.allReduceSum(List.of(ByteBuffer.allocate(4))))
                        .isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> ring.allReduceSum(List.of(ByteBuffer.allocateDirect(4))))
                        .isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> ring.allReduceSum(List.of(Ranks.direct(1f), Ranks.direct(6))))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("buffer 1 of 2");
                assertThatThrownBy(() -> ring.broadcast(1, List.of())).hasMessageContaining("rank 1 of 1");
                return null;
            });
        }
    }

    /** Segment s is summed from rank s on. */
    private static float[] inOrder(float[][] values, UnaryOperator<Float> rounding) {
        int worldSize = values.length;
        int size = values[0].length;
        float[] sum = new float[size];
        int end = 0;
        for (int segment = 0; segment < worldSize; segment++) {
            int start = end;
            end += size / worldSize + (segment < size % worldSize ? 1 : 0);
            for (int i = start; i < end; i++) {
                sum[i] = rounding.apply(values[segment][i]);
                for (int k = 1; k < worldSize; k++) {
                    sum[i] = rounding.apply(sum[i] + values[(segment + k) % worldSize][i]);
                }
            }
        }
        return sum;
    }

    /** Of the two neighbours in bfloat16 the nearer one, of two as near the even one. */
    private static float nearestBf16(float value) {
        float towardsZero = Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xffff0000);
        float away = Float.intBitsToFloat((Float.floatToRawIntBits(value) & 0xffff0000) + 0x10000);
        double below = Math.abs((double) value - towardsZero);
        double above = Math.abs((double) away - value);
        boolean even = (Float.floatToRawIntBits(towardsZero) & 0x10000) == 0;
        return below < above || below == above && even ? towardsZero : away;
    }

    private static double[] sum(float[][] values, DoubleUnaryOperator of) {
        double[] sum = new double[values[0].length];
        for (float[] ofRank : values) {
            for (int i = 0; i < sum.length; i++) {
                sum[i] += of.applyAsDouble(ofRank[i]);
            }
        }
        return sum;
    }

    private static float[][] draw(int worldSize, int size, long seed) {
        Random random = new Random(seed);
        float[][] values = new float[worldSize][size];
        for (float[] of : values) {
            for (int i = 0; i < size; i++) {
                // a coarse one now and then, for ties in bfloat16
                of[i] = random.nextInt(4) == 0 ? random.nextInt(1025) / 512f : (float) random.nextGaussian();
            }
        }
        return values;
    }

    private static List<float[]> sums(float[][] values, List<Integer> parts, RingSettings settings) throws Exception {
        try (Ranks ranks = new Ranks(values.length)) {
            return ranks.all(0, settings, ring -> {
                List<ByteBuffer> data = Ranks.cut(values[ring.rank()], parts);
                ring.allReduceSum(data);
                return Ranks.values(data);
            });
        }
    }
}
