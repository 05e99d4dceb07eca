package org.rekindle.data.filters;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.data.UserException;

class MetadataFilterTest {

    @ParameterizedTest
    @CsvSource({
        "<=0.5, 0.5, true",
        "<=0.5, 0.51, false",
        "<0.5, 0.5, false",
        ">=512, 512, true",
        ">512, 512, false",
        " > 512 , 513, true",
        "==1e3, 1000.0, true",
        "!=1, 1, false",
        "!=1, 2, true",
        ">-1, 0, true",
        ">=9007199254740993, 9007199254740992, false"
    })
    void comparesNumbers(String expression, String value, boolean accepted) throws IOException {
        assertThat(accepts(expression, "{\"x\": " + value + "}")).isEqualTo(accepted);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"x\": null}",
                "{\"x\": NaN}",
                "{\"x\": -Infinity}",
                "{\"x\": \"0.1\"}",
                "{\"x\": true}",
                "[]",
                "3"
            })
    void whatIsNoNumberIsRejected(String json) throws IOException {
        assertThat(accepts("<=0.5", json)).isFalse();
        assertThat(accepts("!=0.5", json)).isFalse();
    }

    @Test
    void anExampleWithoutMetadataIsRejected() {
        assertThat(MetadataFilter.parse("x", "<=0.5").accepts(null)).isFalse();
    }

    @Test
    void comparesTextsForEquality() throws IOException {
        assertThat(accepts("=='en'", "{\"x\": \"en\"}")).isTrue();
        assertThat(accepts("!=\"en\"", "{\"x\": \"en\"}")).isFalse();
        assertThat(accepts("!='en'", "{\"x\": 3}")).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "0.5", "<= half", "<=0.5; x", "=0.5", "<='a'", "__import__('os')", "<=0.5 or 1", "<=NaN"})
    void anythingElseIsRefusedByItsKey(String expression) {
        assertThatThrownBy(() -> MetadataFilter.parse("pwatermark", expression))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith("dataset.params.filters.pwatermark is '" + expression + "'")
                .hasMessageNotContaining("\n");
    }

    @Test
    void allFiltersMustHoldAndTheFirstThatRejectsIsTold() throws IOException {
        MetadataFilters filters = MetadataFilters.parse(Map.of("b", ">1", "a", "<1"));
        assertThat(filters.rejecting(MetadataFilters.metadata("{\"a\": 0, \"b\": 2}".getBytes())))
                .isEmpty();
        assertThat(filters.rejecting(MetadataFilters.metadata("{\"a\": 1, \"b\": 0}".getBytes())))
                .hasValueSatisfying(filter -> assertThat(filter.name()).isEqualTo("a<1"));
    }

    private static boolean accepts(String expression, String json) throws IOException {
        return MetadataFilter.parse("x", expression).accepts(MetadataFilters.metadata(json.getBytes()));
    }
}
