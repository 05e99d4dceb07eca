package org.rekindle.data.stores;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.rekindle.data.UserException;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3AsyncClientBuilder;
import software.amazon.awssdk.services.s3.model.S3Object;

/** A client of one S3 store; any number of threads. Lives as long as the process: its connections are daemons. */
final class S3Store {

    private static final int CONNECTIONS = 128;

    private final S3AsyncClient client;
    private final Patience patience;

    S3Store(StoreOptions options, Patience patience) {
        this.patience = patience;
        S3AsyncClientBuilder builder = S3AsyncClient.builder()
                .httpClientBuilder(NettyNioAsyncHttpClient.builder()
                        .maxConcurrency(CONNECTIONS)
                        .connectionTimeout(Duration.ofSeconds(15))
                        .readTimeout(patience.stall()))
                // A broken transfer has to go on in the middle, which the SDK's own repetitions do not.
                .overrideConfiguration(override -> override.retryStrategy(AwsRetryStrategy.doNotRetry()))
                // Not every store knows checksums, and a Range has none.
                .serviceConfiguration(service -> service.checksumValidationEnabled(false))
                .credentialsProvider(credentials(options));
        if (options.endpoint() != null) {
            builder.endpointOverride(URI.create(options.endpoint())).forcePathStyle(true);
        }
        if (options.region() != null) {
            builder.region(Region.of(options.region()));
        } else if (options.endpoint() != null || options.anonymous()) {
            builder.region(Region.US_EAST_1);
        }
        this.client =
                builder.crossRegionAccessEnabled(options.endpoint() == null).build();
    }

    private static AwsCredentialsProvider credentials(StoreOptions options) {
        if (options.anonymous()) {
            return AnonymousCredentialsProvider.create();
        }
        return options.profile() == null
                ? DefaultCredentialsProvider.builder().build()
                : ProfileCredentialsProvider.create(options.profile());
    }

    S3AsyncClient client() {
        return client;
    }

    Patience patience() {
        return patience;
    }

    /** @param location {@code s3://bucket/key} */
    Shard shard(String location) {
        String path = location.substring("s3://".length());
        int slash = path.indexOf('/');
        if (slash < 1 || slash == path.length() - 1) {
            throw new UserException("\"" + location + "\" is no S3 object: expected s3://bucket/key");
        }
        return new S3Shard(this, path.substring(0, slash), path.substring(slash + 1));
    }

    /**
     * Returns the keys that begin with a prefix, sorted.
     *
     * @throws UserException when the store does not tell
     */
    List<String> list(String bucket, String prefix) {
        try {
            List<String> keys = new ArrayList<>();
            client.listObjectsV2Paginator(request -> request.bucket(bucket).prefix(prefix))
                    .contents()
                    .map(S3Object::key)
                    .subscribe(keys::add)
                    .join();
            keys.sort(null);
            return keys;
        } catch (CompletionException e) {
            String why = e.getCause() instanceof SdkException sdk
                    ? S3Shard.failure(sdk).getMessage()
                    : e.getCause().getMessage();
            throw new UserException("s3://" + bucket + "/" + prefix + " cannot be listed (" + why + ")", e);
        }
    }
}
