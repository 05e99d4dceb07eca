package org.rekindle.coordinator.ledger;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;

/** A line of {@code ledger.jsonl}. */
sealed interface LedgerLine permits LedgerEntry, LedgerEvent {

    ObjectMapper JSON = JsonMapper.builder().build();

    /** Quotes within a text are escaped, so no reason can look like this. */
    String EVENT = "\"event\":";

    static boolean isEvent(String line) {
        return line.contains(EVENT);
    }

    /** @throws JsonProcessingException when it is none */
    static LedgerLine parse(String line) throws JsonProcessingException {
        return isEvent(line) ? JSON.readValue(line, LedgerEvent.class) : JSON.readValue(line, LedgerEntry.class);
    }
}
