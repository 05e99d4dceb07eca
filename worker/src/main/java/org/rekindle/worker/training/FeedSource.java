package org.rekindle.worker.training;

import org.apache.pekko.actor.typed.ActorSystem;

/** Where the batches of a worker's lanes come from, given the actor system and the number of lanes of the run. */
interface FeedSource {

    WorkerLanes.Feeds in(ActorSystem<?> system, int lanes);
}
