package org.rekindle.coordinator.config;

import java.util.Set;

/** What may stand in a scheduler's {@code scheduler_config.json}, and so in {@code params} of a noise scheduler. */
public final class SchedulerKeys {

    /**
     * The keys that diffusers 0.40's schedulers for Stable Diffusion write ({@code KarrasDiffusionSchedulers}, LCM and TCD). A class
     * keeps its relatives' keys in its config, so that each of these may stand beside any class.
     */
    public static final Set<String> KNOWN = Set.of(
            "algorithm_type",
            "beta_end",
            "beta_schedule",
            "beta_start",
            "clip_sample",
            "clip_sample_range",
            "disable_corrector",
            "dynamic_thresholding_ratio",
            "euler_at_final",
            "final_sigmas_type",
            "flow_shift",
            "interpolation_type",
            "lambda_min_clipped",
            "lower_order_final",
            "num_train_timesteps",
            "original_inference_steps",
            "predict_x0",
            "prediction_type",
            "rescale_betas_zero_snr",
            "rho",
            "sample_max_value",
            "set_alpha_to_one",
            "shift_terminal",
            "sigma_data",
            "sigma_max",
            "sigma_min",
            "sigma_schedule",
            "skip_prk_steps",
            "solver_order",
            "solver_p",
            "solver_type",
            "steps_offset",
            "thresholding",
            "time_shift_type",
            "timestep_scaling",
            "timestep_spacing",
            "timestep_type",
            "trained_betas",
            "use_beta_sigmas",
            "use_dynamic_shifting",
            "use_exponential_sigmas",
            "use_flow_sigmas",
            "use_karras_sigmas",
            "use_lu_lambdas",
            "variance_type");

    private SchedulerKeys() {}
}
