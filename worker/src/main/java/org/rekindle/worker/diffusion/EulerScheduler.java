package org.rekindle.worker.diffusion;

/** What Euler's methods share: latents are x0 + sigma noise, and the model sees them scaled back. */
abstract sealed class EulerScheduler implements Scheduler
        permits EulerDiscreteScheduler, EulerAncestralDiscreteScheduler {

    final SigmaSchedule schedule;
    final PredictionType predictionType;
    private final float initNoiseSigma;

    EulerScheduler(SchedulerConfig config, SigmaSchedule schedule, PredictionType predictionType) {
        this.schedule = schedule;
        this.predictionType = predictionType;
        boolean leading = config.text("timestep_spacing", "linspace").equals("leading");
        this.initNoiseSigma = schedule.initNoiseSigma(leading);
    }

    @Override
    public final float[] timesteps() {
        return schedule.timesteps();
    }

    @Override
    public final float initNoiseSigma() {
        return initNoiseSigma;
    }

    @Override
    public final float[] scaleModelInput(int index, float[] sample) {
        return schedule.scaleModelInput(index, sample);
    }
}
