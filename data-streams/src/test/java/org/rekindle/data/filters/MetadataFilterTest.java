package org.rekindle.data.filters;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.io.InputStream;
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
            strings = {
                "",
                "0.5",
                "<= half",
                "<=0.5; x",
                "=0.5",
                "<='a'",
                "__import__('os')",
                "<=0.5 or 1",
                "<=NaN",
                "in []",
                "in [1",
                "not 3",
                "0.1..",
                "<=0.5 and",
                "=='a"
            })
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

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "in [1, 512]              | 512    | true",
                "in [1, 512]              | 5      | false",
                "in ['en', \"de\", 3]   | \"de\" | true",
                "in ('en', 3)             | 3.0    | true",
                "not in ['en']            | \"de\" | true",
                "not in ['en']            | \"en\" | false",
                "not in ['en']            | 3      | false",
                "not in ['en']            | null   | false",
                "0.2..0.8                 | 0.2    | true",
                "0.2 .. 0.8               | 0.81   | false",
                "1..3                     | 2      | true",
                ">=512 and <1024          | 512    | true",
                ">=512 <1024              | 1024   | false",
                ">0.1 != 0.5 <= 1         | 0.5    | false",
                "==true                   | true   | true",
                "==True                   | false  | false",
                "==true                   | 1      | false",
                "<=inf                    | 1e300  | true",
                ">-inf                    | 123456789012345678901234567890 | true",
                "==0.3                    | 0.30000000000000004 | false",
                "!=9007199254740993       | 9007199254740992    | true"
            })
    void listsRangesAndConjunctions(String expression, String value, boolean accepted) throws IOException {
        assertThat(accepts(expression, "{\"x\": " + value + "}")).isEqualTo(accepted);
    }

    @ParameterizedTest
    @CsvSource({"exif.width, true", "a.b.c, true", "a.b, false", "tags.1.score, true", "tags.x, false", "exif., false"})
    void keysLeadIntoObjectsAndLists(String key, boolean found) throws IOException {
        JsonNode metadata = MetadataFilters.metadata(
                "{\"exif.width\": 5, \"a\": {\"b\": {\"c\": 5}}, \"tags\": [0, {\"score\": 5}]}".getBytes());
        assertThat(MetadataFilter.parse(key, "==5").accepts(metadata)).isEqualTo(found);
    }

    /** The verdicts of Python's eval, which the original handed its filters to. */
    @Test
    void agreesWithTheOriginal() throws IOException {
        try (InputStream in = getClass().getResourceAsStream("/filters/original.json")) {
            JsonNode lines = new ObjectMapper().readTree(in);
            assertThat(lines).hasSizeGreaterThan(200);
            for (JsonNode line : lines) {
                JsonNode metadata = JsonNodeFactory.instance.objectNode().set("x", line.get(0));
                assertThat(MetadataFilter.parse("x", line.get(1).textValue()).accepts(metadata))
                        .as(line.toString())
                        .isEqualTo(line.get(2).booleanValue());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "<=0.5",
                ">= 1_000",
                "=='it\\'s'",
                "in ['a', 3, true]",
                "not in (1)",
                "0.1..0.9",
                ">1 and <2 !=1.5",
                "==-inf"
            })
    void theNameIsTheFilterAgain(String expression) {
        MetadataFilter filter = MetadataFilter.parse("x", expression);
        assertThat(MetadataFilter.parse("x", filter.name().substring(1))).isEqualTo(filter);
    }

    @Test
    void aHugeExpressionIsRefusedAtOnce() {
        assertThatThrownBy(() -> MetadataFilter.parse("x", "(".repeat(100_000))).isInstanceOf(UserException.class);
        assertThatThrownBy(() -> MetadataFilter.parse("x", "=='" + "\\'".repeat(100_000)))
                .isInstanceOf(UserException.class);
    }

    private static boolean accepts(String expression, String json) throws IOException {
        return MetadataFilter.parse("x", expression).accepts(MetadataFilters.metadata(json.getBytes()));
    }
}
