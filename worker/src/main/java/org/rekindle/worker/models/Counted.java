package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.ScriptModule;

/** A module whose {@link Work} is not the sum of its children's at the size of its own input. */
interface Counted extends ScriptModule {

    Work work(Extent in);
}
