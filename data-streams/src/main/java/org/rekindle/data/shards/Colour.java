package org.rekindle.data.shards;

import java.awt.Color;
import java.util.List;

/** The colours of the shapes data set: saturated ones for figures, pale or grey ones behind them, so that every pair contrasts. */
enum Colour {
    RED("red", 0xDC2828),
    ORANGE("orange", 0xF58C14),
    YELLOW("yellow", 0xFAD228),
    GREEN("green", 0x28A546),
    BLUE("blue", 0x285FDC),
    PURPLE("purple", 0x8C3CBE),
    PINK("pink", 0xFA82B4),
    BROWN("brown", 0x824F28),
    WHITE("white", 0xFFFFFF),
    BLACK("black", 0x141418),
    GREY("grey", 0x969696),
    LIGHT_BLUE("light blue", 0xAFDCF5),
    BEIGE("beige", 0xEBD7B4);

    static final List<Colour> FIGURES = List.of(RED, ORANGE, YELLOW, GREEN, BLUE, PURPLE, PINK, BROWN);
    static final List<Colour> BACKGROUNDS = List.of(WHITE, BLACK, GREY, LIGHT_BLUE, BEIGE);

    final String word;
    final Color paint;

    Colour(String word, int rgb) {
        this.word = word;
        this.paint = new Color(rgb);
    }

    /** The second colour of a texture: nearly white on dark colours, nearly black on light ones. */
    Color counterpart() {
        double luminance = 0.299 * paint.getRed() + 0.587 * paint.getGreen() + 0.114 * paint.getBlue();
        int towards = luminance < 150 ? 255 : 0;
        double share = luminance < 150 ? 0.75 : 0.6;
        return new Color(
                mix(paint.getRed(), towards, share),
                mix(paint.getGreen(), towards, share),
                mix(paint.getBlue(), towards, share));
    }

    private static int mix(int from, int to, double share) {
        return (int) Math.round(from + (to - from) * share);
    }
}
