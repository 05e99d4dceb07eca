package org.rekindle.data.stores;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import software.amazon.awssdk.core.ResponseInputStream;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * An object of an S3 bucket. A broken transfer goes on by {@code Range}, as long as the object's ETag stays what it was. What is read
 * ahead of a slow reader is bounded by the SDK's buffer of 4 MiB and what the sockets hold.
 */
record S3Shard(S3Store store, String bucket, String key) implements Shard {

    private static final int PRECONDITION_FAILED = 412;
    private static final int RANGE_NOT_SATISFIABLE = 416;

    @Override
    public String location() {
        return "s3://" + bucket + "/" + key;
    }

    @Override
    public InputStream open(long offset) throws IOException {
        AtomicReference<String> version = new AtomicReference<>();
        return ResumedStream.open(location(), offset, store.patience(), from -> open(from, version));
    }

    private InputStream open(long from, AtomicReference<String> version) throws IOException {
        GetObjectRequest.Builder request =
                GetObjectRequest.builder().bucket(bucket).key(key);
        if (from > 0) {
            request.range("bytes=" + from + "-");
        }
        if (version.get() != null) {
            request.ifMatch(version.get());
        }
        CompletableFuture<ResponseInputStream<GetObjectResponse>> answer =
                store.client().getObject(request.build(), AsyncResponseTransformer.toBlockingInputStream());
        try {
            ResponseInputStream<GetObjectResponse> stream = answer.get();
            version.compareAndSet(null, stream.response().eTag());
            if (from > 0 && stream.response().contentRange() == null) {
                stream.skipNBytes(from);
            }
            return new Aborted(stream);
        } catch (InterruptedException e) {
            answer.cancel(true);
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof S3Exception refused && refused.statusCode() == RANGE_NOT_SATISFIABLE) {
                return InputStream.nullInputStream();
            }
            throw e.getCause() instanceof SdkException sdk
                    ? failure(sdk)
                    : new IOException(e.getCause().toString(), e);
        }
    }

    /** Closing would read the rest of the object first; a reader that is woken by it fails as any stream does. */
    private static final class Aborted extends FilterInputStream {

        private final ResponseInputStream<GetObjectResponse> stream;

        Aborted(ResponseInputStream<GetObjectResponse> stream) {
            super(stream);
            this.stream = stream;
        }

        @Override
        public int read(byte[] into, int offset, int count) throws IOException {
            try {
                return in.read(into, offset, count);
            } catch (SdkException e) {
                throw failure(e);
            } catch (RuntimeException e) {
                // Cancelled, in one of the SDK's ways to say so.
                throw new IOException("the transfer ended early", e);
            }
        }

        @Override
        public void close() {
            stream.abort();
        }
    }

    /** Puts an error into the user's words; a {@link FinalFailure} where another attempt is of no use. */
    static IOException failure(SdkException error) {
        if (error instanceof S3Exception refused) {
            int status = refused.statusCode();
            String code = refused.awsErrorDetails() == null
                            || refused.awsErrorDetails().errorCode() == null
                    ? ""
                    : " " + refused.awsErrorDetails().errorCode();
            String what = "S3 status " + status + code;
            if (status == PRECONDITION_FAILED) {
                return new FinalFailure("the object changed while it was read");
            } else if (status == 408 || status == 429 || status >= 500) {
                return new Throttled(what, Duration.ZERO);
            }
            return new FinalFailure(what + hint(status, code), error);
        }
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof UnknownHostException) {
                return new IOException("the host " + cause.getMessage() + " is unknown", error);
            } else if (cause instanceof TimeoutException) {
                return new IOException("the store does not answer", error);
            } else if (cause instanceof IOException) {
                return new IOException(
                        cause.getMessage() == null ? "the connection broke" : firstSentence(cause.getMessage()), error);
            }
        }
        String message = firstSentence(String.valueOf(error.getMessage()));
        return message.contains("credentials")
                ? new FinalFailure(
                        "no AWS credentials: set AWS_PROFILE or dataset.params.s3.profile, or"
                                + " dataset.params.s3.anonymous=true for a public bucket",
                        error)
                : new IOException(message, error);
    }

    /** The SDK's texts may go on with a page of advice for programmers. */
    private static String firstSentence(String message) {
        return message.split("\\R|(?<=\\.) ", 2)[0];
    }

    private static String hint(int status, String code) {
        if (code.endsWith(" ExpiredToken") || code.endsWith(" TokenRefreshRequired")) {
            return " (the credentials have expired: renew them)";
        }
        return switch (status) {
            case 301, 307, 400 -> " (check dataset.params.s3.region and endpoint)";
            case 401, 403 ->
                " (no permission: check the credentials, dataset.params.s3.profile, or set"
                        + " dataset.params.s3.anonymous=true for a public bucket)";
            case 404 -> " (no such object or bucket)";
            default -> "";
        };
    }

    @Override
    public long length() throws IOException {
        try {
            return store.client()
                    .headObject(request -> request.bucket(bucket).key(key))
                    .get()
                    .contentLength();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        } catch (ExecutionException e) {
            throw e.getCause() instanceof SdkException sdk
                    ? failure(sdk)
                    : new IOException(e.getCause().toString(), e);
        }
    }

    @Override
    public String toString() {
        return location();
    }
}
