package org.rekindle.coordinator.protocol;

/** What a node hears that wants to take part in a run. */
public sealed interface EnterAnswer extends ControlMessage {

    /** Grows with every change of a message, so that versions that would misunderstand each other do not meet in one run. */
    int PROTOCOL = 3;

    /**
     * It may.
     *
     * @param checkpoint folder of the checkpoint that the run goes on from, on the file system that all nodes share
     */
    record Welcome(String checkpoint) implements EnterAnswer {}

    /** It may not. */
    record Refused(String line) implements EnterAnswer {}
}
