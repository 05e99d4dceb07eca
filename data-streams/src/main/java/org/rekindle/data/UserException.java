package org.rekindle.data;

import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;

/**
 * Bad input, told in one line: what, where (file, key, shard and member), what was expected, what to do. The command line prints
 * the message without a stack trace and exits with a code other than 0.
 */
public class UserException extends RuntimeException {

    public UserException(String line) {
        super(line);
    }

    public UserException(String line, Throwable cause) {
        super(line, cause);
    }

    /** Says in plain words why a file could not be read or written; Java's own messages often hold no more than the path. */
    public static String reason(Exception e) {
        if (e instanceof NoSuchFileException) {
            return "no such file or folder";
        } else if (e instanceof AccessDeniedException) {
            return "permission denied";
        } else if (e instanceof FileAlreadyExistsException) {
            return "a file of that name is there";
        } else if (e instanceof CharacterCodingException) {
            return "not a text in UTF-8";
        }
        String reason = e instanceof FileSystemException file ? file.getReason() : e.getMessage();
        return reason == null ? e.getClass().getSimpleName() : reason;
    }
}
