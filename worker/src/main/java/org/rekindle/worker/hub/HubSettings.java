package org.rekindle.worker.hub;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.rekindle.data.UserException;

/**
 * Which hub to ask, and as whom; read from the environment variables that huggingface_hub reads.
 *
 * @param endpoint address of the hub, without a slash at its end
 * @param token access token, sent to the endpoint and to nobody else; null without one
 * @param offline whether {@code HF_HUB_OFFLINE} forbids to fetch anything
 */
public record HubSettings(URI endpoint, String token, boolean offline) {

    private static final String DEFAULT_ENDPOINT = "https://huggingface.co";
    private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");
    private static final Pattern TOKEN = Pattern.compile("[\\x21-\\x7e]+");

    /** @throws UserException naming the variable, or the token's file, that cannot be used */
    public static HubSettings of(Map<String, String> environment) {
        return new HubSettings(
                endpoint(environment.getOrDefault("HF_ENDPOINT", "").strip()),
                token(environment),
                TRUE.contains(
                        environment.getOrDefault("HF_HUB_OFFLINE", "").strip().toUpperCase(Locale.ROOT)));
    }

    private static URI endpoint(String text) {
        String address = text.isEmpty() ? DEFAULT_ENDPOINT : text.replaceFirst("/+$", "");
        try {
            URI uri = URI.create(address);
            if (address.matches("https?://.*") && uri.getHost() != null && uri.getQuery() == null) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            // Told below, with what is no address at all.
        }
        throw new UserException("HF_ENDPOINT=" + text + " is no address of a hub; expected one such as "
                + DEFAULT_ENDPOINT + ", or unset it");
    }

    private static String token(Map<String, String> environment) {
        String token = environment.getOrDefault("HF_TOKEN", "").strip();
        String source = "HF_TOKEN";
        if (token.isEmpty()) {
            Path file = home(environment).resolve("token");
            source = file.toString();
            token = read(file);
        }
        if (token.isEmpty()) {
            return null;
        }
        if (!TOKEN.matcher(token).matches()) {
            throw new UserException(source + ": holds characters that no token has; copy the token again");
        }
        return token;
    }

    private static Path home(Map<String, String> environment) {
        String home = environment.getOrDefault("HF_HOME", "").strip();
        return home.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache", "huggingface") : Path.of(home);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (NoSuchFileException e) {
            return "";
        } catch (IOException e) {
            throw new UserException(
                    file + ": the hub's token cannot be read (" + UserException.reason(e)
                            + "); correct the file, or set HF_TOKEN",
                    e);
        }
    }

    /** Without the token, which belongs in no log. */
    @Override
    public String toString() {
        return endpoint + (token == null ? "" : " (with a token)") + (offline ? " (offline)" : "");
    }
}
