package org.rekindle.data.stores;

import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.rekindle.data.UserException;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.DefaultAwsRegionProviderChain;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.retries.api.RetryStrategy;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3AsyncClientBuilder;
import software.amazon.awssdk.services.s3.model.S3Object;

/** A client of one S3 store; any number of threads. Lives as long as the process: its connections are daemons. */
final class S3Store {

    private static final int CONNECTIONS = 128;

    /** Bytes of a part of what is written; what is larger than that goes in several at a time. */
    static final long PART = 16L << 20;

    private final StoreOptions options;
    private final Patience patience;
    private final S3AsyncClient client;
    private final Map<Integer, S3AsyncClient> writers = new HashMap<>();

    S3Store(StoreOptions options, Patience patience) {
        this.options = options;
        this.patience = patience;
        // A broken transfer has to go on in the middle, which the SDK's own repetitions do not.
        this.client = builder(AwsRetryStrategy.doNotRetry()).build();
    }

    private S3AsyncClientBuilder builder(RetryStrategy repetitions) {
        String endpoint = endpoint();
        S3AsyncClientBuilder builder = S3AsyncClient.builder()
                .httpClientBuilder(NettyNioAsyncHttpClient.builder()
                        .maxConcurrency(CONNECTIONS)
                        .connectionTimeout(Duration.ofSeconds(15))
                        .connectionAcquisitionTimeout(patience.stall())
                        .readTimeout(patience.stall()))
                .overrideConfiguration(override -> override.retryStrategy(repetitions))
                // Not every store knows checksums, and a Range has none.
                .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
                .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
                .credentialsProvider(credentials(options));
        if (endpoint != null) {
            builder.endpointOverride(URI.create(endpoint)).forcePathStyle(true);
        }
        return builder.region(region(endpoint)).crossRegionAccessEnabled(endpoint == null);
    }

    /** @throws UserException when nothing says which, and it is not all the same */
    private Region region(String endpoint) {
        if (options.region() != null) {
            return Region.of(options.region());
        } else if (System.getenv("AWS_REGION") == null && (endpoint != null || options.anonymous())) {
            return Region.US_EAST_1;
        }
        try {
            return DefaultAwsRegionProviderChain.builder()
                    .profileName(options.profile())
                    .build()
                    .getRegion();
        } catch (SdkClientException e) {
            throw new UserException(
                    "S3: neither the environment nor a profile names a region; set AWS_REGION or dataset.params.s3.region",
                    e);
        }
    }

    /** The environment's, too, is no host of Amazon's: buckets are in the path. */
    private String endpoint() {
        return Stream.of(options.endpoint(), System.getenv("AWS_ENDPOINT_URL_S3"), System.getenv("AWS_ENDPOINT_URL"))
                .filter(url -> url != null && !url.isBlank())
                .findFirst()
                .orElse(null);
    }

    private static AwsCredentialsProvider credentials(StoreOptions options) {
        if (options.anonymous()) {
            return AnonymousCredentialsProvider.create();
        }
        return options.profile() == null
                ? DefaultCredentialsProvider.builder().build()
                : ProfileCredentialsProvider.create(options.profile());
    }

    /** Tries nothing twice. */
    S3AsyncClient client() {
        return client;
    }

    /**
     * Tries again what may pass, and sends and copies what is large in parts, several at a time.
     *
     * @param attempts at each request
     */
    synchronized S3AsyncClient writer(int attempts) {
        return writers.computeIfAbsent(attempts, this::newWriter);
    }

    private S3AsyncClient newWriter(int attempts) {
        BackoffStrategy pauses = OutagePauses.of(patience, endpoint() == null ? "S3" : endpoint());
        return builder(AwsRetryStrategy.standardRetryStrategy().toBuilder()
                        .maxAttempts(attempts)
                        .backoffStrategy(pauses)
                        .throttlingBackoffStrategy(pauses)
                        .retryOnRootCauseInstanceOf(
                                TimeoutException.class) // no connection, which the SDK takes for final
                        .circuitBreakerEnabled(false)
                        .build())
                .multipartEnabled(true)
                .multipartConfiguration(parts -> parts.minimumPartSizeInBytes(PART)
                        .thresholdInBytes(PART)
                        .apiCallBufferSizeInBytes(4 * PART))
                .build();
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
