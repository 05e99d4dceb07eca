package org.rekindle.coordinator.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.AlphaChars;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;

class NearestKeyTest {

    @Test
    void countsSwappedNeighboursAsOneSlip() {
        assertThat(NearestKey.distance("sytsem", "system")).isEqualTo(1);
        assertThat(NearestKey.distance("kitten", "sitting")).isEqualTo(3);
        assertThat(NearestKey.distance("", "abc")).isEqualTo(3);
        assertThat(NearestKey.distance("BatchSize", "batchsize")).isZero();
    }

    @Test
    void saysNothingWhereNothingIsNear() {
        assertThat(NearestKey.hint("zebra", List.of("system", "model"))).isEmpty();
        assertThat(NearestKey.hint("x", List.of())).isEmpty();
        assertThat(NearestKey.hint("modle", List.of("mode", "model"))).isEqualTo("; did you mean mode?");
    }

    @Property(tries = 200)
    void isSymmetricAndZeroForEqualWordsOnly(
            @ForAll @AlphaChars @StringLength(max = 8) String a, @ForAll @AlphaChars @StringLength(max = 8) String b) {
        assertThat(NearestKey.distance(a, b)).isEqualTo(NearestKey.distance(b, a));
        assertThat(NearestKey.distance(a, b) == 0).isEqualTo(a.equalsIgnoreCase(b));
    }
}
