package org.rekindle.data.formats;

/** Hears what a reader meets on its way; called by the reading thread. */
public interface ReadListener {

    /** Hears nothing. */
    ReadListener NONE = new ReadListener() {
        @Override
        public void member(long bytes) {}

        @Override
        public void corrupt(String where, String why) {}
    };

    /** A member was read whole. */
    void member(long bytes);

    /**
     * Something could not be read and is left out.
     *
     * @param where the shard, or {@code shard#member}
     * @param why what is wrong with it
     */
    void corrupt(String where, String why);
}
