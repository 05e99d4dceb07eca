package org.rekindle.worker.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rekindle.data.UserException;

/** What is read before a hub is asked: the environment, a model's name, a hash. */
class HubSettingsTest {

    @TempDir
    Path home;

    @ParameterizedTest
    @CsvSource({
        "'', https://huggingface.co",
        "https://mirror.example/, https://mirror.example",
        "http://127.0.0.1:8080/hub//, http://127.0.0.1:8080/hub"
    })
    void theEndpointIsTheEnvironments(String variable, String endpoint) {
        assertThat(settings("HF_ENDPOINT", variable).endpoint()).hasToString(endpoint);
    }

    @ParameterizedTest
    @ValueSource(strings = {"mirror.example", "ftp://mirror.example", "https://", "https://a b", "https://a?b"})
    void whatIsNoAddressIsRefused(String variable) {
        assertThatThrownBy(() -> settings("HF_ENDPOINT", variable))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith("HF_ENDPOINT=" + variable + " is no address");
    }

    @ParameterizedTest
    @CsvSource({"1, true", "true, true", "YES, true", "on, true", "0, false", "'', false", "no, false"})
    void offlineIsWhatHuggingfaceHubTakesForIt(String variable, boolean offline) {
        assertThat(settings("HF_HUB_OFFLINE", variable).offline()).isEqualTo(offline);
    }

    @Test
    void theTokenOfTheEnvironmentGoesBeforeTheFiles() throws IOException {
        assertThat(settings("HF_TOKEN", " ").token()).isNull();
        Files.writeString(home.resolve("token"), "hf_file\n");
        assertThat(settings("HF_TOKEN", "").token()).isEqualTo("hf_file");
        assertThat(settings("HF_TOKEN", "hf_variable\n").token()).isEqualTo("hf_variable");
        assertThat(settings("HF_TOKEN", "hf_variable")).asString().doesNotContain("hf_variable");
    }

    @Test
    void aTokenThatIsNoneIsRefusedWithoutItsText() {
        assertThatThrownBy(() -> settings("HF_TOKEN", "hf_a\nX-Header: b"))
                .isInstanceOf(UserException.class)
                .hasMessageStartingWith("HF_TOKEN: ")
                .hasMessageNotContaining("hf_a");
    }

    @ParameterizedTest
    @CsvSource({
        "org/name, , org/name, main",
        "org/name, v1, org/name, v1",
        "org/name@refs/pr/1, , org/name, refs/pr/1",
        "gpt2, , gpt2, main",
        "stable-diffusion-v1-5/stable_diffusion.v1-5, , stable-diffusion-v1-5/stable_diffusion.v1-5, main"
    })
    void aModelIsNamedWithOrWithoutItsRevision(String model, String revision, String id, String expected) {
        assertThat(ModelRevision.parse(model, revision)).isEqualTo(new ModelRevision(id, expected));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a/b/c", "../a", "a/..", "a/b@", "a b/c", "/a", "https://a/b", "a/b?c"})
    void whatIsNoNameOfAModelIsRefused(String model) {
        assertThatThrownBy(() -> ModelRevision.parse(model, null))
                .isInstanceOf(UserException.class)
                .hasMessageContaining("expected ORG/NAME");
    }

    @Test
    void twoRevisionsAreOneTooMany() {
        assertThatThrownBy(() -> ModelRevision.parse("a/b@c", "d")).hasMessageContaining("leave one of them out");
    }

    /** The digests are those of {@code git hash-object} and {@code sha256sum}. */
    @ParameterizedTest
    @CsvSource({
        "'', e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
        "hello, b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0",
        "'', e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "hello, 2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
    })
    void aHashIsGitsOrSha256(String text, String hex) throws IOException {
        byte[] content = text.getBytes(StandardCharsets.UTF_8);
        Path file = Files.write(home.resolve("file"), content);
        byte[] other = "hello!".getBytes(StandardCharsets.UTF_8);

        for (String etag : new String[] {hex, "\"" + hex + "\"", "W/\"" + hex + "\""}) {
            assertThat(ContentHash.of(etag).matches(content)).isTrue();
            assertThat(ContentHash.of(etag).matches(file)).isTrue();
            assertThat(ContentHash.of(etag).matches(other)).isFalse();
        }
        assertThat(ContentHash.of(hex.substring(1))).isNull();
        assertThat(ContentHash.of(null)).isNull();
    }

    private HubSettings settings(String variable, String value) {
        return HubSettings.of(Map.of("HF_HOME", home.toString(), variable, value));
    }
}
