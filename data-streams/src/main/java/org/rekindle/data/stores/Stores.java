package org.rekindle.data.stores;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.rekindle.data.UserException;
import org.rekindle.data.shards.BraceExpansion;

/**
 * Finds the shards of a data set: local files, {@code http(s)://}, {@code s3://}, {@code pipe:COMMAND}, each in brace notation, and
 * several separated by {@code ::}; globs and folders of local files and of buckets. Any number of threads.
 */
public final class Stores {

    private static final List<String> ENDINGS =
            List.of(".tar", ".tar.gz", ".tgz", ".tar.zst", ".parquet", ".csv", ".tsv");

    /** Connections outlive a data set: clients are made once and kept. */
    private static final ConcurrentHashMap<StoreOptions, S3Store> S3_STORES = new ConcurrentHashMap<>();

    private final StoreOptions options;
    private final Patience patience;
    private volatile S3Store s3;

    private Stores(StoreOptions options, Patience patience) {
        this.options = options;
        this.patience = patience;
    }

    /** @param options null for the environment's */
    public static Stores of(StoreOptions options) {
        return new Stores(options == null ? StoreOptions.DEFAULT : options, Patience.STANDARD);
    }

    /** With a client of its own. */
    static Stores of(StoreOptions options, Patience patience) {
        Stores stores = new Stores(options, patience);
        stores.s3 = new S3Store(options, patience);
        return stores;
    }

    private S3Store s3() {
        return s3 != null ? s3 : S3_STORES.computeIfAbsent(options, each -> new S3Store(each, patience));
    }

    /**
     * Returns one shard; whether it is there shows when it is opened.
     *
     * @throws UserException when the location is malformed
     */
    public Shard shard(String location) {
        try {
            if (location.startsWith("pipe:")) {
                return new PipeShard(location.substring("pipe:".length()).strip(), patience);
            } else if (location.startsWith("s3://")) {
                return s3().shard(location);
            } else if (location.startsWith("http://") || location.startsWith("https://")) {
                return new HttpShard(new URI(location), patience);
            } else if (location.startsWith("file://")) {
                return new LocalShard(Path.of(new URI(location)));
            }
            return new LocalShard(Path.of(location));
        } catch (URISyntaxException | IllegalArgumentException e) {
            throw new UserException("\"" + location + "\" is no file and no address (" + e.getMessage() + ")", e);
        }
    }

    /**
     * Returns what lies under a prefix of a bucket, to be read and written; nothing is asked yet.
     *
     * @param location {@code s3://bucket/prefix}
     * @throws UserException when it is no such location
     */
    public Bucket bucket(String location) {
        String path = location.startsWith("s3://") ? location.substring("s3://".length()) : "";
        int slash = path.indexOf('/') < 0 ? path.length() : path.indexOf('/');
        if (slash == 0) {
            throw new UserException("\"" + location + "\" names no bucket: expected s3://bucket/prefix");
        }
        String prefix = path.substring(slash).replaceAll("^/+|/+$", "");
        return new Bucket(s3(), path.substring(0, slash), prefix.isEmpty() ? "" : prefix + "/");
    }

    /**
     * Returns the shards that a path names, in its order.
     *
     * @param key the configuration's key of the path, for errors
     * @throws UserException when the path is absent or malformed, or names local files that are not there
     */
    public List<Shard> resolve(String key, String path) {
        List<Shard> shards = new ArrayList<>();
        for (String location : locations(key, path)) {
            shards.addAll(found(key, location));
        }
        List<LocalShard> missing = shards.stream()
                .filter(LocalShard.class::isInstance)
                .map(LocalShard.class::cast)
                .filter(shard -> !Files.exists(shard.path()))
                .toList();
        if (!missing.isEmpty()) {
            throw new UserException(
                    key + ": " + missing.size() + " of " + shards.size() + " shards missing, the first is "
                            + missing.get(0).location()
                            + "; correct the path or make the shards (rekindle shards make)");
        }
        return shards;
    }

    /**
     * Returns the locations that a path names, in its order: of shards, but for globs and folders.
     *
     * @throws UserException when the path is absent or malformed
     */
    public static List<String> locations(String key, String path) {
        if (path == null || path.isBlank()) {
            throw new UserException(key + " is not set: name the shards, such as data/shard-{000..009}.tar");
        }
        return Stream.of(path.split("::"))
                .flatMap(part -> BraceExpansion.expand(part.strip()).stream())
                .toList();
    }

    /** Whether a location is on another machine, or comes out of a command. */
    public static boolean isRemote(String location) {
        return location.matches("(?s)(pipe:|https?://|s3://).*");
    }

    /** Whether only their store can tell which shards a remote location names. */
    public static boolean isListed(String location) {
        return location.startsWith("s3://") && (isGlob(location) || location.endsWith("/"));
    }

    private static boolean isGlob(String location) {
        return location.matches(".*[*?\\[].*");
    }

    private List<Shard> found(String key, String location) {
        boolean glob = isGlob(location);
        if (isListed(location)) {
            return nonEmpty(key, location, listed(location, glob));
        } else if (isRemote(location) || location.startsWith("file://")) {
            return List.of(shard(location));
        }
        Path path = ((LocalShard) shard(glob ? "." : location)).path();
        if (glob) {
            return nonEmpty(key, location, globbed(key, location));
        }
        return Files.isDirectory(path) ? nonEmpty(key, location, folder(key, path)) : List.of(shard(location));
    }

    private static List<Shard> nonEmpty(String key, String location, List<Shard> shards) {
        if (shards.isEmpty()) {
            throw new UserException(key + ": " + location + " names no file that ends in " + String.join(", ", ENDINGS)
                    + "; correct the path");
        }
        return shards;
    }

    private List<Shard> listed(String location, boolean glob) {
        String path = location.substring("s3://".length());
        int slash = path.indexOf('/');
        if (slash < 1) {
            throw new UserException("\"" + location + "\" names no bucket: expected s3://bucket/prefix/");
        }
        String bucket = path.substring(0, slash);
        String pattern = path.substring(slash + 1);
        String prefix = glob ? pattern.replaceAll("[*?\\[].*", "") : pattern;
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + (glob ? pattern : "**"));
        return s3().list(bucket, prefix).stream()
                .filter(object -> isShard(object) && matcher.matches(Path.of(object)))
                .map(object -> shard("s3://" + bucket + "/" + object))
                .toList();
    }

    private static List<Shard> globbed(String key, String pattern) {
        String fixed = pattern.replaceAll("[*?\\[].*", "");
        Path root = Path.of(fixed.substring(0, fixed.lastIndexOf('/') + 1));
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
        if (!Files.isDirectory(root)) {
            return List.of();
        }
        try (Stream<Path> files = Files.walk(root)) {
            return LocalShard.of(files.filter(file -> isShard(file.toString()) && matcher.matches(file))
                    .sorted()
                    .toList());
        } catch (IOException e) {
            throw new UserException(key + ": " + root + " cannot be read (" + UserException.reason(e) + ")", e);
        }
    }

    private static List<Shard> folder(String key, Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return LocalShard.of(
                    files.filter(file -> isShard(file.toString())).sorted().toList());
        } catch (IOException e) {
            throw new UserException(key + ": " + folder + " cannot be read (" + UserException.reason(e) + ")", e);
        }
    }

    private static boolean isShard(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return ENDINGS.stream().anyMatch(lower::endsWith);
    }
}
