package org.rekindle.data.stores;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.ZstdOutputStream;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

class CompressionTest {

    private interface Wrapping {
        OutputStream of(OutputStream out) throws IOException;
    }

    private static byte[] twice(byte[] content, Wrapping wrapping) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < 2; i++) {
            OutputStream out = wrapping.of(bytes);
            out.write(content);
            out.close();
        }
        return bytes.toByteArray();
    }

    @Test
    void severalMembersCountAsOneStream() throws IOException {
        byte[] content = new byte[100_000];
        new Random(1).nextBytes(content);
        byte[] gzip = twice(content, GZIPOutputStream::new);
        byte[] zstd = twice(content, ZstdOutputStream::new);
        assertThat(open(gzip, Compression.GZIP))
                .hasSize(200_000)
                .startsWith(content)
                .endsWith(content);
        assertThat(open(zstd, Compression.ZSTD))
                .hasSize(200_000)
                .startsWith(content)
                .endsWith(content);
        assertThat(open(content, Compression.NONE)).isEqualTo(content);
        assertThat(open(new byte[] {0x1F}, Compression.NONE)).hasSize(1);
        assertThat(open(new byte[0], Compression.NONE)).isEmpty();
    }

    private static byte[] open(byte[] bytes, Compression expected) throws IOException {
        BufferedInputStream in = new BufferedInputStream(new ByteArrayInputStream(bytes));
        Compression compression = Compression.of(in);
        assertThat(compression).isEqualTo(expected);
        try (InputStream plain = compression.open(in)) {
            return plain.readAllBytes();
        }
    }
}
