package org.rekindle.data.stores;

/**
 * The section {@code dataset.params.s3}. Credentials are never in a configuration: they come from the environment, the profile or the
 * instance, as for every AWS tool.
 *
 * @param endpoint URL of another store than Amazon's; buckets are then in the path
 * @param region of the buckets; absent takes that of the environment or the profile
 * @param profile of {@code ~/.aws/config}; absent takes the default
 * @param anonymous true to read public buckets without credentials
 */
public record StoreOptions(String endpoint, String region, String profile, Boolean anonymous) {

    /** All from the environment. */
    public static final StoreOptions DEFAULT = new StoreOptions(null, null, null, null);

    public StoreOptions {
        anonymous = anonymous != null && anonymous;
    }
}
