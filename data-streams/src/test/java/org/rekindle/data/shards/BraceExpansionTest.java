package org.rekindle.data.shards;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.data.UserException;

class BraceExpansionTest {

    @Test
    void keepsTheWidthOfPaddedNumbers() {
        assertThat(BraceExpansion.expand("a-{008..011}.tar"))
                .containsExactly("a-008.tar", "a-009.tar", "a-010.tar", "a-011.tar");
        assertThat(BraceExpansion.expand("{8..10}")).containsExactly("8", "9", "10");
        assertThat(BraceExpansion.expand("{00..2}")).containsExactly("00", "01", "02");
    }

    @Test
    void countsDownWhenTheFirstBoundIsLarger() {
        assertThat(BraceExpansion.expand("{2..0}")).containsExactly("2", "1", "0");
    }

    @Test
    void expandsListsAndInnerGroupsLeftmostSlowest() {
        assertThat(BraceExpansion.expand("{train,val-{0..1}}/{a,}x"))
                .containsExactly("train/ax", "train/x", "val-0/ax", "val-0/x", "val-1/ax", "val-1/x");
    }

    @Test
    void aNameWithoutBracesIsItself() {
        assertThat(BraceExpansion.expand("data/one.tar")).containsExactly("data/one.tar");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a{0..1", "a}0", "{x}", "{a..b}", "{0..99999999999}", "{0..999999999}", "{}", "{0..1}}"})
    void malformedPatternsAreNamed(String pattern) {
        assertThatThrownBy(() -> BraceExpansion.expand(pattern))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("valid brace notation")
                .hasMessageNotContaining("\n");
    }
}
