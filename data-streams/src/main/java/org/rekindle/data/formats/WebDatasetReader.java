package org.rekindle.data.formats;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.LongPredicate;

/**
 * Groups the members of a tar into examples as WebDataset does: the key of a member is its path up to the first dot of the base name,
 * what follows is its suffix, in lower case; a new key or a suffix that the example already has starts the next example. Members
 * without a suffix and those named {@code __x__} are passed over.
 *
 * <p>Image bytes come from the first of the suffixes jpg, png, jpeg, webp, the caption from txt, metadata from json. One thread;
 * closing gives the file back.
 */
public final class WebDatasetReader implements AutoCloseable {

    /** In the order of preference. */
    private static final List<String> IMAGE_SUFFIXES = List.of("jpg", "png", "jpeg", "webp");

    private final TarShard tar;
    private final String shard;
    private final LongPredicate wanted;
    private final ReadListener listener;
    private String pending;
    private long index = -1;
    private boolean ended;

    private WebDatasetReader(TarShard tar, String shard, LongPredicate wanted, ReadListener listener) {
        this.tar = tar;
        this.shard = shard;
        this.wanted = wanted;
        this.listener = listener;
    }

    /**
     * Opens a shard.
     *
     * @param wanted which examples to read, by their index in the shard; the bytes of the others are passed over
     * @throws org.rekindle.data.UserException when the file cannot be opened; {@link #next()} throws it when it is no tar
     */
    public static WebDatasetReader open(Path path, LongPredicate wanted, ReadListener listener) {
        return new WebDatasetReader(new TarShard(path), path.getFileName().toString(), wanted, listener);
    }

    /**
     * Looks at the beginning of a shard only.
     *
     * @throws org.rekindle.data.UserException when the file cannot be opened or is no tar
     */
    public static void requireTar(Path path) {
        try (TarShard tar = new TarShard(path)) {
            tar.next();
        }
    }

    /** Returns the next wanted example, or null at the end of the shard. */
    public Example next() {
        while (true) {
            String first = pending == null && !ended ? nextMember() : pending;
            pending = null;
            if (first == null) {
                ended = true;
                return null;
            }
            Example example = group(first);
            if (example != null) {
                return example;
            }
        }
    }

    /** Reads the example that begins with the current member; null when it is not wanted or the shard breaks off within it. */
    private Example group(String first) {
        index++;
        boolean read = wanted.test(index);
        String key = key(first);
        Members members = new Members();
        Set<String> suffixes = new HashSet<>();
        String member = first;
        while (member != null && key(member).equals(key) && suffixes.add(suffix(member))) {
            if (read) {
                take(members, member);
            }
            member = tar.damage() == null ? nextMember() : null;
        }
        pending = member;
        ended = member == null;
        if (tar.damage() != null && tar.damagedMember() != null && key.equals(key(tar.damagedMember()))) {
            return null;
        }
        return read ? new Example(shard, key, index, members.image, members.caption, members.json) : null;
    }

    private void take(Members members, String member) {
        String suffix = suffix(member);
        boolean image = IMAGE_SUFFIXES.contains(suffix);
        if (!image && !suffix.equals("txt") && !suffix.equals("json")) {
            return;
        }
        if (!tar.isReadable()) {
            listener.corrupt(shard + "#" + member, "the member is larger than an example may be (256 MiB)");
            return;
        }
        byte[] bytes = tar.read();
        if (bytes == null) {
            reportDamage();
            return;
        }
        listener.member(bytes.length);
        if (image) {
            members.image(suffix, bytes);
        } else if (suffix.equals("txt")) {
            members.caption = new String(bytes, StandardCharsets.UTF_8).strip();
        } else {
            members.json = bytes;
        }
    }

    private String nextMember() {
        String member;
        do {
            member = tar.next();
        } while (member != null && (suffix(member).isEmpty() || isMeta(member)));
        if (member == null && tar.damage() != null) {
            reportDamage();
        } else if (member == null && index < 0) {
            listener.corrupt(shard, "the tar holds no example");
        }
        return member;
    }

    private void reportDamage() {
        listener.corrupt(shard, tar.damage() + "; what follows in this shard is left out");
    }

    @Override
    public void close() {
        tar.close();
    }

    private static boolean isMeta(String member) {
        String base = member.substring(member.lastIndexOf('/') + 1);
        return base.startsWith("__") && base.endsWith("__");
    }

    private static String key(String member) {
        int dot = firstDot(member);
        return dot < 0 ? member : member.substring(0, dot);
    }

    private static String suffix(String member) {
        int dot = firstDot(member);
        return dot < 0 ? "" : member.substring(dot + 1).toLowerCase(Locale.ROOT);
    }

    /** Returns where the first dot of the base name is, or -1 when it has none or begins with it. */
    private static int firstDot(String member) {
        int base = member.lastIndexOf('/') + 1;
        int dot = member.indexOf('.', base);
        return dot == base ? -1 : dot;
    }

    /** What an example is put together from. */
    private static final class Members {
        private byte[] image;
        private int rank = Integer.MAX_VALUE;
        private String caption;
        private byte[] json;

        void image(String suffix, byte[] bytes) {
            int suffixRank = IMAGE_SUFFIXES.indexOf(suffix);
            if (suffixRank < rank) {
                rank = suffixRank;
                image = bytes;
            }
        }
    }
}
