package org.rekindle.coordinator.config;

import org.rekindle.data.DatasetConfig;
import org.rekindle.data.UserException;
import org.rekindle.data.filters.MetadataFilters;
import org.rekindle.data.lanes.BucketsConfig;

/** What the section {@code dataset} may say. */
final class DatasetChecks {

    private DatasetChecks() {}

    /** @throws UserException for a value that is not allowed, and for a key that the data set's type would ignore */
    static void validate(Allowed allowed, DatasetConfig dataset) {
        DatasetConfig.Params params = dataset.params();
        allowed.oneOf(
                "dataset.type",
                dataset.type(),
                DatasetConfig.WEB_DATASET,
                DatasetConfig.CLASSIFICATION,
                DatasetConfig.PARQUET,
                DatasetConfig.CSV,
                DatasetConfig.LATENTS);
        allowed.filled("dataset.params.path", params.path());
        allowed.atLeast("dataset.params.batch_size", params.batchSize(), 1);
        allowed.atLeast("dataset.params.num_examples_to_see", params.numExamplesToSee(), 1);
        allowed.atLeast("dataset.params.resolution", params.resolution(), 1);
        allowed.atLeast("dataset.params.shuffle_buffer", params.shuffleBuffer(), 1);
        allowed.share("dataset.params.text_dropout", params.textDropout());
        allowed.oneOf(
                "dataset.params.multi_caption",
                params.multiCaption(),
                DatasetConfig.Params.RANDOM,
                DatasetConfig.Params.FIRST);
        allowed.oneOf(
                "dataset.params.on_shard_error",
                params.onShardError(),
                DatasetConfig.Params.SKIP,
                DatasetConfig.Params.STOP);
        allowed.atLeast("dataset.params.filter_patience", params.filterPatience(), 1);
        allowed.atLeast("dataset.params.max_image_pixels", params.maxImagePixels(), 1);
        MetadataFilters.parse(params.filters());
        buckets(allowed, params.buckets(), params.resolution());
        classes(allowed, dataset);
        if (dataset.type().equals(DatasetConfig.LATENTS)) {
            notOfLatents(allowed, params);
        }
    }

    /** What is done to images is done when they are encoded. */
    private static void notOfLatents(Allowed allowed, DatasetConfig.Params params) {
        String reason = "cannot be had of precomputed latents";
        allowed.absent("dataset.params.random_crop", params.randomCrop() ? true : null, reason);
        allowed.absent("dataset.params.horizontal_flip", params.horizontalFlip() ? true : null, reason);
        allowed.absent("dataset.params.buckets", params.buckets(), reason);
        allowed.absent("dataset.params.fields", params.fields(), reason);
    }

    private static void buckets(Allowed allowed, BucketsConfig buckets, int resolution) {
        if (buckets == null) {
            return;
        }
        allowed.atLeast("dataset.params.buckets.step", buckets.step(), 8);
        if (buckets.step() > resolution) {
            throw new UserException(allowed.origin() + ": dataset.params.buckets.step: " + buckets.step()
                    + " is more than dataset.params.resolution: " + resolution + "; give a divisor of it");
        }
        if (!(buckets.maxAspectRatio() >= 1 && Double.isFinite(buckets.maxAspectRatio()))) {
            throw new UserException(allowed.origin() + ": dataset.params.buckets.max_aspect_ratio: "
                    + buckets.maxAspectRatio() + " is not a finite number from 1 on");
        }
    }

    private static void classes(Allowed allowed, DatasetConfig dataset) {
        DatasetConfig.Params params = dataset.params();
        String type = dataset.type();
        boolean mapped = params.classMapping() != null || params.idxToPrompt() != null;
        if (type.equals(DatasetConfig.WEB_DATASET)) {
            String reason = "does nothing for dataset.type " + type + "; choose " + DatasetConfig.CLASSIFICATION;
            allowed.absent("dataset.params.class_mapping", params.classMapping(), reason);
            allowed.absent("dataset.params.idx_to_prompt", params.idxToPrompt(), reason);
        } else if (type.equals(DatasetConfig.CLASSIFICATION) && !mapped) {
            throw new UserException(allowed.origin() + ": dataset.params.class_mapping is not set, but dataset.type is "
                    + type + "; give the prompts of the classes, or the path of a JSON file of them");
        }
        if (type.equals(DatasetConfig.PARQUET) || type.equals(DatasetConfig.CSV)) {
            allowed.absent("dataset.params.index_folder", params.indexFolder(), "is for tar shards alone");
        }
        if (params.fields() != null && params.fields().cls() != null && !mapped) {
            allowed.absent("dataset.params.fields.cls", params.fields().cls(), "does nothing without class_mapping");
        }
    }
}
