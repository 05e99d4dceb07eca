package org.rekindle.worker.training;

/** Is told, on the training's thread, when a step goes over to another stage. A device may still be busy with the one before. */
interface StageListener {

    StageListener NONE = stage -> {};

    void entering(Stage stage);
}
