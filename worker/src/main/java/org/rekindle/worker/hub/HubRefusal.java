package org.rekindle.worker.hub;

import java.io.IOException;
import java.net.http.HttpHeaders;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import org.rekindle.data.UserException;

/** What a hub's answer other than success means, and what to do about it. */
record HubRefusal(HubSettings settings, ModelRevision model, Clock clock) {

    /**
     * @param what the model or the file that was asked for
     * @return the failure of an attempt that may be repeated
     * @throws UserException when repeating is of no use
     */
    IOException of(HubResponse response, String what) {
        int status = response.status();
        if (status == 408 || status == 429 || status >= 500) {
            return new HubUnavailableException(
                    "the hub answers " + status + (status == 429 ? " (too many requests)" : ""),
                    retryAfter(response.last().headers()));
        }
        if (!response.fromHub()) {
            // Its address is signed for minutes: the next attempt gets a new one.
            return new IOException("the hub's storage answers " + status);
        }
        throw new UserException(
                switch (status) {
                    case 401, 403 -> what + ": " + denied(response);
                    case 404 -> what + ": " + missing(response);
                    default ->
                        what + ": the hub answers " + status + "; expected 200: is HF_ENDPOINT=" + settings.endpoint()
                                + " the address of a hub?";
                });
    }

    private String denied(HubResponse response) {
        String page = settings.endpoint() + "/" + model.id();
        if (settings.token() == null) {
            return "the hub answers " + response.status() + " without a token: check the name, accept the licence on "
                    + page + " and set HF_TOKEN";
        }
        return "the hub answers " + response.status()
                + " to this token (HF_TOKEN, or the file token in HF_HOME): check the name," + " accept the licence on "
                + page + " with the token's account, or make a new token";
    }

    private String missing(HubResponse response) {
        return switch (response.last().headers().firstValue("X-Error-Code").orElse("")) {
            case "RevisionNotFound" ->
                "the model has no revision " + model.revision() + " (404): choose one of " + settings.endpoint() + "/"
                        + model.id() + "/tree/main";
            case "EntryNotFound" -> "the hub lists this file but does not have it (404): try again later";
            default ->
                "not found (404): check the model's name and revision at " + settings.endpoint()
                        + ", and HF_TOKEN if it is private";
        };
    }

    /** Seconds or a date (RFC 9110, 10.2.3); zero when it is absent or neither. */
    private Duration retryAfter(HttpHeaders headers) {
        String value = headers.firstValue("Retry-After").orElse("").strip();
        if (value.matches("\\d{1,9}")) {
            return Duration.ofSeconds(Long.parseLong(value));
        }
        try {
            return Duration.between(clock.instant(), ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME));
        } catch (DateTimeException e) {
            return Duration.ZERO;
        }
    }
}
