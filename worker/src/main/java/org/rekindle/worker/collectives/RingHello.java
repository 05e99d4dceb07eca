package org.rekindle.worker.collectives;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The first thing a rank says to its successor. Its size is fixed, so nothing that a stranger sends is taken for a length. It travels
 * in the sender's byte order, as the data do: a machine of the other order does not find the magic number.
 *
 * @param run hash of the run's id
 * @param rank of the sender
 * @param secret of the generation
 */
record RingHello(long run, long generation, int rank, int worldSize, long secret, boolean bf16) {

    static final int BYTES = 48;

    private static final int MAGIC = 0x524b5247;
    private static final int VERSION = 2;

    /** The answer to a hello: one int. */
    enum Reply {
        WELCOME("it is welcome"),
        OTHER_RUN("it belongs to another run"),
        NOT_AWAITED("it does not await this rank in this generation, or not with this secret");

        static final int BYTES = 4;

        final String line;

        Reply(String line) {
            this.line = line;
        }

        ByteBuffer encode() {
            return ByteBuffer.allocate(BYTES)
                    .order(ByteOrder.nativeOrder())
                    .putInt(~MAGIC - ordinal())
                    .flip();
        }

        /** @return null when this is no answer */
        static Reply decode(ByteBuffer bytes) {
            int ordinal = ~MAGIC - bytes.getInt();
            return ordinal < 0 || ordinal >= values().length ? null : values()[ordinal];
        }
    }

    ByteBuffer encode() {
        return ByteBuffer.allocate(BYTES)
                .order(ByteOrder.nativeOrder())
                .putInt(MAGIC)
                .putInt(VERSION)
                .putLong(run)
                .putLong(generation)
                .putInt(rank)
                .putInt(worldSize)
                .putLong(secret)
                .putLong(bf16 ? 1 : 0)
                .flip();
    }

    /** @return null when this is no hello of this version */
    static RingHello decode(ByteBuffer bytes) {
        return bytes.getInt() != MAGIC || bytes.getInt() != VERSION
                ? null
                : new RingHello(
                        bytes.getLong(),
                        bytes.getLong(),
                        bytes.getInt(),
                        bytes.getInt(),
                        bytes.getLong(),
                        bytes.getLong() == 1);
    }
}
