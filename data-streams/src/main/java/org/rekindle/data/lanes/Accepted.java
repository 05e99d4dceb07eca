package org.rekindle.data.lanes;

import org.rekindle.data.formats.Example;

/** An example that goes on to the shuffle, and the size it is brought to. */
record Accepted(Example example, ImageSize size) {}
