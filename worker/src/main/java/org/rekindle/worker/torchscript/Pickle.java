package org.rekindle.worker.torchscript;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * Writes the few opcodes of Python's pickle protocol 2 that a TorchScript archive needs. By hand, since the pickles of TorchScript name
 * classes that no Java object stands for and refer to tensors by persistent ids, which the pickle libraries for Java don't write.
 */
final class Pickle {

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Pickle() {
        out.writeBytes(new byte[] {(byte) 0x80, 2}); // PROTO 2
    }

    byte[] finish() {
        out.write('.');
        return out.toByteArray();
    }

    Pickle global(String module, String name) {
        out.write('c');
        out.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
        return this;
    }

    Pickle string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.write('X');
        out.writeBytes(littleEndian(Integer.BYTES).putInt(utf8.length).array());
        out.writeBytes(utf8);
        return this;
    }

    Pickle integer(long value) {
        out.write(0x8a); // LONG1
        out.write(Long.BYTES);
        out.writeBytes(littleEndian(Long.BYTES).putLong(value).array());
        return this;
    }

    Pickle integers(long[] values) {
        mark();
        for (long value : values) {
            integer(value);
        }
        return tuple();
    }

    Pickle bool(boolean value) {
        out.write(value ? 0x88 : 0x89);
        return this;
    }

    Pickle mark() {
        out.write('(');
        return this;
    }

    /** Closes the tuple that {@link #mark} opened. */
    Pickle tuple() {
        out.write('t');
        return this;
    }

    Pickle emptyTuple() {
        out.write(')');
        return this;
    }

    Pickle emptyDictionary() {
        out.write('}');
        return this;
    }

    /** Puts the keys and values since {@link #mark} into the dictionary before it. */
    Pickle setItems() {
        out.write('u');
        return this;
    }

    /** Calls the function before the tuple of arguments on top. */
    Pickle reduce() {
        out.write('R');
        return this;
    }

    /** Makes an instance of the class before the tuple of arguments on top. */
    Pickle newObject() {
        out.write(0x81);
        return this;
    }

    /** Gives the object its attributes, the dictionary on top. */
    Pickle build() {
        out.write('b');
        return this;
    }

    /** Replaces the tuple on top by the object that it identifies. */
    Pickle persistentId() {
        out.write('Q');
        return this;
    }

    private static ByteBuffer littleEndian(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
