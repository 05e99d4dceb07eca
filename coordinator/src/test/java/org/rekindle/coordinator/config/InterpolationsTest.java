package org.rekindle.coordinator.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.UserException;

class InterpolationsTest {

    private static final String TREE = """
            a: {number: 4, rate: 0.0001, tiny: 0.00000001, flag: true, nothing: null, list: [x, y], text: name,
                link: '${b}', open: '???'}
            b: {inner: deep, sibling: '${.inner}', up: '${..a.number}', which: text}
            """;

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            ${a.number}                   | 4
            ${a.flag}                     | true
            ${a.nothing}                  | null
            ${a.list}                     | ["x","y"]
            ${a.list.1}                   | "y"
            ${a[list][0]}                 | "x"
            ${b}                          | {"inner":"deep","sibling":"deep","up":4,"which":"text"}
            ${a.link.inner}               | "deep"
            ${a.link.up}                  | 4
            pre-${a.text}-${a.number}-post | "pre-name-4-post"
            lr${a.rate}                   | "lr0.0001"
            eps${a.tiny}                  | "eps1e-08"
            ${a.flag}/${a.nothing}        | "True/None"
            ${a.${b.which}}               | "name"
            ${oc.env:USER}                | "ada"
            runs/${oc.env:USER}           | "runs/ada"
            ${oc.env:NONE,stand in}       | "stand in"
            ${oc.env:NONE, 12}            | "12"
            ${oc.env:NONE,null}           | null
            ${oc.env:NONE,"a,b}"}         | "a,b}"
            ${oc.env:NONE,${a.text}x}     | "namex"
            ${oc.env:NONE,}               | ""
            \\${a.text}                    | "${a.text}"
            \\\\${a.text}                  | "\\\\name"
            no $ and {} and }             | "no $ and {} and }"
            """)
    void resolvesAsOmegaConf(String text, String expected) {
        assertThat(resolve(text)).hasToString(expected);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            ${a.nmber}          | c.it: ${a.nmber} refers to a.nmber, which is not there; did you mean number?
            ${nowhere.at}       | refers to nowhere.at, which is not there
            ${a.number.x}       | refers to a.number.x, which is not there
            ${oc.env:NONE}      | c.it: the environment variable NONE is not set
            ${oc.decode:1}      | ${oc.decode:...} is not known
            ${a.number          | ${a.number lacks its closing }
            ${}                 | has an empty ${}
            ${....x}            | has more dots than there are levels
            x${a.list}          | c.it: ${a.list} is a section or a list and cannot stand inside of text
            ${c.it}             | c.it: its interpolation goes in a circle: c.it -> c.it
            ${c}                | c: its interpolation goes in a circle: c -> c.it -> c
            """)
    void saysWhatIsWrong(String text, String message) {
        assertThatThrownBy(() -> resolve(text))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(message);
    }

    @Test
    void circlesThroughOtherKeysAreNamed() {
        ObjectNode root = (ObjectNode)
                YamlText.parse("c: {x: '${d.y}-', y: '${c.x}'}\nd: {y: '${c.y}'}\ne: '${f.g}'\nf: '${e}'", "t");

        assertThatThrownBy(() -> new Interpolations(root, name -> null).section("c"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("c.x -> d.y -> c.y -> c.x");
        assertThatThrownBy(() -> new Interpolations(root, name -> null).section("e"))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("circle");
    }

    @Test
    void aReferenceToAnUnfilledValueIsUnfilledToo() {
        ObjectNode root =
                (ObjectNode) YamlText.parse(TREE + "c: {it: 'x-${a.open}', whole: '${a}', plain: '???', ok: 1}", "t");
        Interpolations interpolations = new Interpolations(root, name -> null);

        assertThat(interpolations.section("c")).hasToString("{\"ok\":1}");
        assertThat(interpolations.unfilled())
                .isEqualTo(Map.of("c.it", "a.open", "c.whole", "a.open", "c.plain", "c.plain"));
    }

    @Test
    void whatIsNotAskedForIsNotLookedAt() {
        ObjectNode root = (ObjectNode) YamlText.parse("good: {x: 1}\nbad: {x: '${nowhere}'}", "t");

        assertThat(new Interpolations(root, name -> null).section("good")).hasToString("{\"x\":1}");
    }

    private static JsonNode resolve(String text) {
        ObjectNode root = (ObjectNode) YamlText.parse(TREE, "t");
        root.putObject("c").put("it", text);
        return new Interpolations(root, Map.of("USER", "ada")::get).section("c").get("it");
    }
}
