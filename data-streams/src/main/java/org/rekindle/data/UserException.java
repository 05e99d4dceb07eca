package org.rekindle.data;

/**
 * Bad input, told in one line: what, where (file, key, shard and member), what was expected, what to do. The command line prints
 * the message without a stack trace and exits with a code other than 0.
 */
public final class UserException extends RuntimeException {

    public UserException(String line) {
        super(line);
    }

    public UserException(String line, Throwable cause) {
        super(line, cause);
    }
}
