package org.rekindle.worker.models;

/**
 * How a model's group normalisations are.
 *
 * @param groups {@code norm_num_groups}
 * @param eps added to the variance
 */
record Norm(int groups, double eps) {

    GroupNorm over(int channels) {
        return new GroupNorm(channels, groups, eps);
    }
}
