package org.rekindle.data.formats;

import org.rekindle.data.UserException;

/**
 * A shard that cannot be opened or read on. The message is a sentence about the shard that names it, the member and the byte where there
 * are such.
 */
public final class ShardFailure extends UserException {

    private final boolean damage;

    private ShardFailure(String line, boolean damage, Throwable cause) {
        super(line, cause);
        this.damage = damage;
    }

    /** What the shard holds is wrong, and will be so at every reading. */
    public static ShardFailure damaged(String line) {
        return new ShardFailure(line, true, null);
    }

    /** Its store does not give it, after all attempts; another time it may. */
    public static ShardFailure unavailable(String line, Throwable cause) {
        return new ShardFailure(line, false, cause);
    }

    /** Returns whether the shard itself is at fault. */
    public boolean isDamage() {
        return damage;
    }
}
