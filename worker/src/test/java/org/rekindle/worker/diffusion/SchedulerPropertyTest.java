package org.rekindle.worker.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.FloatRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SchedulerPropertyTest {

    private static final String[] DETERMINISTIC = {"ddim", "euler", "dpmsolver++"};
    private static final String[] SPACINGS = {"leading", "linspace", "trailing"};
    private static final String[] TYPES = {"epsilon", "v_prediction", "sample"};

    private static ObjectNode config(String spacing, String type) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("beta_start", 0.00085)
                .put("beta_end", 0.012)
                .put("beta_schedule", "scaled_linear")
                .put("clip_sample", false)
                .put("timestep_spacing", spacing)
                .put("prediction_type", type);
    }

    /** A model that always knows the clean latents leads there from any noise, whatever it is asked to predict. */
    @Property(tries = 200)
    void aPerfectModelIsFollowedToTheCleanLatents(
            @ForAll @IntRange(max = 2) int name,
            @ForAll @IntRange(max = 2) int spacing,
            @ForAll @IntRange(max = 2) int type,
            @ForAll @IntRange(min = 1, max = 60) int steps,
            @ForAll @FloatRange(min = -3, max = 3) float clean,
            @ForAll @FloatRange(min = -3, max = 3) float start) {
        // DDIM's stride is a whole number whatever the spacing, so that only leading ends where it should.
        ObjectNode config = config(DETERMINISTIC[name].equals("ddim") ? "leading" : SPACINGS[spacing], TYPES[type]);
        Scheduler scheduler = Scheduler.of(config, DETERMINISTIC[name], steps);
        NoiseSchedule schedule = NoiseSchedule.of(config);
        float[] timesteps = scheduler.timesteps();
        float[] sample = {start * scheduler.initNoiseSigma()};
        for (int i = 0; i < timesteps.length; i++) {
            float seen = scheduler.scaleModelInput(i, sample)[0];
            // Between two timesteps the noise level is the scheduler's own.
            Assume.that(timesteps[i] == Math.rint(timesteps[i]));
            NoiseSchedule.Coefficients mix = schedule.addNoise((int) timesteps[i]);
            double noise = (seen - mix.latents() * clean) / mix.noise();
            NoiseSchedule.Coefficients target = schedule.target((int) timesteps[i]);
            float[] prediction = {(float) (target.latents() * clean + target.noise() * noise)};
            sample = scheduler.step(i, prediction, sample, step -> {
                throw new AssertionError("draws noise");
            });
        }
        assertThat(sample[0]).isCloseTo(clean, within(1e-2f));
    }

    @Property(tries = 200)
    void timestepsFallWithinTheTrainingsRange(
            @ForAll @IntRange(max = 5) int name,
            @ForAll @IntRange(max = 2) int spacing,
            @ForAll @IntRange(min = 1, max = 300) int steps) {
        String[] names = {"ddpm", "ddim", "pndm", "euler", "euler_a", "dpmsolver++"};
        ObjectNode config = config(SPACINGS[spacing], "epsilon").put("skip_prk_steps", true);
        float[] timesteps = Scheduler.of(config, names[name], steps).timesteps();
        assertThat(timesteps).hasSize(names[name].equals("pndm") && steps > 1 ? steps + 1 : steps);
        assertThat(timesteps[0]).isLessThan(1000);
        assertThat(timesteps[timesteps.length - 1]).isNotNegative();
        for (int i = 1; i < timesteps.length; i++) {
            boolean twice = names[name].equals("pndm") && i == 2;
            assertThat(timesteps[i - 1]).isGreaterThanOrEqualTo(timesteps[i]);
            assertThat(timesteps[i - 1] == timesteps[i]).isEqualTo(twice);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ddpm", "euler_a"})
    void stochasticSchedulersAddTheGivenNoise(String name) {
        float[] output = {0.5f, 0.5f};
        float[] sample = {1, 1};
        float[] next = Scheduler.of(config("leading", "epsilon"), name, 10)
                .step(0, output, sample, step -> new float[] {1, -1});
        assertThat(next[0]).isGreaterThan(next[1] + 0.1f);
    }
}
