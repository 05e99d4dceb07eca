package org.rekindle.worker.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Scale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.data.UserException;

class NoiseScheduleTest {

    private static ObjectNode config() {
        return JsonNodeFactory.instance.objectNode();
    }

    @Property(tries = 50)
    void alphasFallFromNearOneAndStayPositive(
            @ForAll @IntRange(min = 2, max = 1500) int timesteps,
            @ForAll @DoubleRange(min = 1e-5, max = 0.001) @Scale(6) double start,
            @ForAll @DoubleRange(min = 0.002, max = 0.05) @Scale(6) double end) {
        NoiseSchedule schedule = NoiseSchedule.of(config().put("num_train_timesteps", timesteps)
                .put("beta_start", start)
                .put("beta_end", end));
        assertThat(schedule.alphaCumprod(0)).isCloseTo(1 - start, within(1e-6));
        for (int t = 1; t < timesteps; t++) {
            assertThat(schedule.alphaCumprod(t)).isPositive().isLessThan(schedule.alphaCumprod(t - 1));
        }
    }

    @Property(tries = 50)
    void theVelocityAndTheNoisyLatentsGiveBackLatentsAndNoise(
            @ForAll @IntRange(max = 999) int t,
            @ForAll @DoubleRange(min = -4, max = 4) double latents,
            @ForAll @DoubleRange(min = -4, max = 4) double noise) {
        NoiseSchedule schedule =
                NoiseSchedule.of(config().put("prediction_type", "v_prediction").put("rescale_betas_zero_snr", true));
        NoiseSchedule.Coefficients mix = schedule.addNoise(t);
        NoiseSchedule.Coefficients target = schedule.target(t);
        double noisy = mix.latents() * latents + mix.noise() * noise;
        double velocity = target.latents() * latents + target.noise() * noise;
        assertThat(mix.latents() * noisy - mix.noise() * velocity).isCloseTo(latents, within(1e-9));
        assertThat(mix.noise() * noisy + mix.latents() * velocity).isCloseTo(noise, within(1e-9));
    }

    @ParameterizedTest
    @CsvSource({"epsilon,0,1", "sample,1,0"})
    void epsilonLearnsTheNoiseAndSampleTheLatents(String type, double latents, double noise) {
        assertThat(NoiseSchedule.of(config().put("prediction_type", type)).target(500))
                .isEqualTo(new NoiseSchedule.Coefficients(latents, noise));
    }

    @Property(tries = 20)
    void zeroTerminalSnrEndsInNoiseAloneAndStartsAsBefore(@ForAll @IntRange(min = 2, max = 1500) int timesteps) {
        ObjectNode config = config().put("num_train_timesteps", timesteps);
        NoiseSchedule plain = NoiseSchedule.of(config);
        NoiseSchedule rescaled = NoiseSchedule.of(config.deepCopy().put("rescale_betas_zero_snr", true));
        assertThat(rescaled.alphaCumprod(timesteps - 1)).isZero();
        assertThat(rescaled.addNoise(timesteps - 1)).isEqualTo(new NoiseSchedule.Coefficients(0, 1));
        assertThat(rescaled.alphaCumprod(0)).isCloseTo(plain.alphaCumprod(0), within(1e-6));
    }

    private static NoiseSchedule withBetas(String predictionType, double... betas) {
        ObjectNode config = config().put("prediction_type", predictionType);
        for (double beta : betas) {
            config.withArray("trained_betas").add(beta);
        }
        return NoiseSchedule.of(config);
    }

    /** Hang et al. 2023, section 3.4, in terms of the error of the clean latents, x0 = (x_t - sigma eps) / alpha = alpha x_t - sigma v. */
    @Property(tries = 200)
    void minSnrWeighsEveryPredictionTypeAlikeInTermsOfCleanLatents(
            @ForAll @IntRange(max = 998) int t, @ForAll @DoubleRange(min = 0.1, max = 50) double gamma) {
        ObjectNode config = config().put("rescale_betas_zero_snr", true);
        double weight =
                NoiseSchedule.of(config.put("prediction_type", "sample")).minSnrWeight(t, gamma);
        NoiseSchedule epsilon = NoiseSchedule.of(config.put("prediction_type", "epsilon"));
        NoiseSchedule velocity = NoiseSchedule.of(config.put("prediction_type", "v_prediction"));
        NoiseSchedule.Coefficients mix = epsilon.addNoise(t);
        double alpha = mix.latents();
        double sigma = mix.noise();

        assertThat(weight).isCloseTo(Math.min(alpha * alpha / sigma / sigma, gamma), withinPercentage(1e-6));
        double ofNoise =
                weight * sigma * sigma / alpha / alpha; // an error e of the noise is one of -sigma e / alpha of x0
        assertThat(epsilon.minSnrWeight(t, gamma)).isCloseTo(ofNoise, withinPercentage(1e-6));
        double ofVelocity = weight * sigma * sigma; // an error e of the velocity is one of -sigma e of x0
        assertThat(velocity.minSnrWeight(t, gamma)).isCloseTo(ofVelocity, withinPercentage(1e-6));
    }

    /** Betas of 0 and 1 make the first timestep clean and the last one noise alone. */
    @Property(tries = 100)
    void theWeightsTakeTheirLimitsAtBothEndsOfTheSchedule(
            @ForAll @DoubleRange(min = 0.1, max = 50) double gamma,
            @ForAll @DoubleRange(min = 1e-4, max = 0.9) @Scale(4) double beta) {
        NoiseSchedule epsilon = withBetas("epsilon", 0, beta, 1);
        NoiseSchedule velocity = withBetas("v_prediction", 0, beta, 1);
        NoiseSchedule sample = withBetas("sample", 0, beta, 1);

        assertThat(epsilon.snr(0)).isEqualTo(Double.POSITIVE_INFINITY);
        assertThat(epsilon.minSnrWeight(0, gamma)).isZero();
        assertThat(velocity.minSnrWeight(0, gamma)).isZero();
        assertThat(sample.minSnrWeight(0, gamma)).isEqualTo(gamma);
        assertThat(epsilon.snr(2)).isZero();
        assertThat(epsilon.minSnrWeight(2, gamma)).isEqualTo(1);
        assertThat(velocity.minSnrWeight(2, gamma)).isZero();
        assertThat(sample.minSnrWeight(2, gamma)).isZero();
        double snr = epsilon.snr(1);
        assertThat(epsilon.minSnrWeight(1, gamma)).isCloseTo(Math.min(snr, gamma) / snr, withinPercentage(1e-9));
        assertThat(velocity.minSnrWeight(1, gamma)).isCloseTo(Math.min(snr, gamma) / (snr + 1), withinPercentage(1e-9));
    }

    /** Salimans and Ho 2022, section 4: v = alpha eps - sigma x0, which is eps where all is signal and -x0 where all is noise. */
    @Property(tries = 50)
    void theVelocityIsTheNoiseAtTheCleanEndAndTheNegativeLatentsAtTheOther(
            @ForAll @DoubleRange(min = 1e-4, max = 0.9) @Scale(4) double beta) {
        NoiseSchedule schedule = withBetas("v_prediction", 0, beta, 1);

        assertThat(schedule.target(0).noise()).isEqualTo(1);
        assertThat(schedule.target(0).latents()).isZero();
        assertThat(schedule.target(2).noise()).isZero();
        assertThat(schedule.target(2).latents()).isEqualTo(-1);
        NoiseSchedule.Coefficients between = schedule.target(1);
        assertThat(between.noise()).isEqualTo(schedule.addNoise(1).latents());
        assertThat(between.latents()).isEqualTo(-schedule.addNoise(1).noise());
    }

    /** Lin et al. 2023, algorithm 1, in double precision. */
    @Property(tries = 20)
    void zeroTerminalSnrIsTheLinearMapOfTheSignalsRoot(@ForAll @IntRange(min = 2, max = 1500) int timesteps) {
        ObjectNode config = config().put("num_train_timesteps", timesteps);
        NoiseSchedule plain = NoiseSchedule.of(config);
        NoiseSchedule rescaled = NoiseSchedule.of(config.deepCopy().put("rescale_betas_zero_snr", true));
        double first = Math.sqrt(plain.alphaCumprod(0));
        double last = Math.sqrt(plain.alphaCumprod(timesteps - 1));
        for (int t = 0; t < timesteps; t++) {
            double root = (Math.sqrt(plain.alphaCumprod(t)) - last) * first / (first - last);
            assertThat(rescaled.alphaCumprod(t)).isCloseTo(root * root, within(1e-5));
        }
        assertThat(rescaled.snr(timesteps - 1)).isZero();
    }

    @ParameterizedTest
    @CsvSource({"epsilon,true,true", "epsilon,false,false", "v_prediction,true,false", "sample,true,false"})
    void onlyTheNoiseIsNoTargetWhereAllIsNoise(String type, boolean rescale, boolean refused) {
        NoiseSchedule schedule =
                NoiseSchedule.of(config().put("prediction_type", type).put("rescale_betas_zero_snr", rescale));
        if (refused) {
            assertThatThrownBy(schedule::requireTargets)
                    .isInstanceOf(UserException.class)
                    .hasMessageContaining("prediction_type is epsilon", "rescale_betas_zero_snr", "v_prediction")
                    .hasMessageNotContaining("\n");
        } else {
            assertThatCode(schedule::requireTargets).doesNotThrowAnyException();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"beta_schedule\": \"sigmoid\"} | beta_schedule is \"sigmoid\"",
                "{\"prediction_type\": \"score\"} | prediction_type is \"score\"",
                "{\"num_train_timesteps\": 0} | num_train_timesteps is 0",
                "{\"num_train_timesteps\": 1.5} | num_train_timesteps is 1.5",
                "{\"beta_start\": \"x\"} | beta_start is \"x\"",
                "{\"beta_end\": 1.2} | beta_end is 1.2",
                "{\"rescale_betas_zero_snr\": 1} | rescale_betas_zero_snr is 1",
                "{\"trained_betas\": [0.1, 2]} | trained_betas is [0.1,2]",
                "{\"trained_betas\": []} | trained_betas is []"
            })
    void aBadValueIsNamedByItsKey(String json, String message) throws Exception {
        ObjectNode config = (ObjectNode) new ObjectMapper().readTree(json);
        assertThatThrownBy(() -> NoiseSchedule.of(config))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(message)
                .hasMessageContaining("expected");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "pndm | {} | skip_prk_steps",
                "pndm | {\"skip_prk_steps\": true, \"prediction_type\": \"sample\"} | prediction_type",
                "ddim | {\"thresholding\": true} | thresholding",
                "ddim | {\"timestep_spacing\": \"even\"} | timestep_spacing",
                "ddim | {\"num_train_timesteps\": 5} | num_inference_steps=10",
                "ddim | {\"num_train_timesteps\": 10, \"steps_offset\": 1} | steps_offset",
                "ddim | {\"rescale_betas_zero_snr\": true, \"timestep_spacing\": \"trailing\"} | rescale_betas_zero_snr",
                "lms | {} | scheduler=lms",
                "ddim | {\"beta_strat\": 1} | unknown key beta_strat",
                "ddim | {\"steps_offset\": -1} | steps_offset",
                "ddpm | {\"thresholding\": true} | thresholding",
                "ddpm | {\"variance_type\": \"learned_range\"} | variance_type",
                "ddpm | {\"variance_type\": \"fixed_large_log\"} | variance_type",
                "ddpm | {\"rescale_betas_zero_snr\": true, \"timestep_spacing\": \"trailing\"} | rescale_betas_zero_snr",
                "euler | {\"use_exponential_sigmas\": true} | use_exponential_sigmas",
                "euler | {\"use_beta_sigmas\": true} | use_beta_sigmas",
                "euler | {\"interpolation_type\": \"log_linear\"} | interpolation_type",
                "euler | {\"timestep_type\": \"continuous\"} | timestep_type",
                "euler | {\"final_sigmas_type\": \"one\"} | final_sigmas_type",
                "euler_a | {\"prediction_type\": \"sample\"} | prediction_type",
                "dpmsolver++ | {\"algorithm_type\": \"sde-dpmsolver++\"} | algorithm_type",
                "dpmsolver++ | {\"algorithm_type\": \"dpmsolver\"} | algorithm_type",
                "dpmsolver++ | {\"solver_type\": \"rk\"} | solver_type",
                "dpmsolver++ | {\"solver_order\": 3} | solver_order",
                "dpmsolver++ | {\"thresholding\": true} | thresholding",
                "dpmsolver++ | {\"use_lu_lambdas\": true} | use_lu_lambdas",
                "dpmsolver++ | {\"use_flow_sigmas\": true} | use_flow_sigmas",
                "dpmsolver++ | {\"use_dynamic_shifting\": true} | use_dynamic_shifting",
                "dpmsolver++ | {\"variance_type\": \"learned\"} | variance_type",
                "dpmsolver++ | {\"lambda_min_clipped\": 99} | num_inference_steps=10",
                "dpmsolver++ | {\"num_train_timesteps\": 10} | num_inference_steps=10",
                "    | {\"_class_name\": \"LMSDiscreteScheduler\"} | LMSDiscreteScheduler"
            })
    void whatASchedulerDoesNotSupportIsNamed(String name, String json, String message) throws Exception {
        ObjectNode config = (ObjectNode) new ObjectMapper().readTree(json);
        assertThatThrownBy(() -> Scheduler.of(config, name, 10))
                .isInstanceOf(UserException.class)
                .hasMessageContaining(message);
    }
}
