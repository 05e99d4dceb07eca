package org.rekindle.data.shards;

import java.awt.Graphics2D;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Rectangle2D;
import java.util.List;

/** How a figure of the shapes data set is filled; every texture but solid shows the figure's colour and its counterpart. */
enum Texture {
    SOLID(List.of("", "", "", "", "solid", "plain"), ""),
    STRIPED(List.of("striped"), "stripes"),
    DOTTED(List.of("dotted"), "dots"),
    CHECKERED(List.of("checkered"), "checks");

    /** Adjectives to draw from; the empty one leaves the texture unsaid. */
    final List<String> adjectives;

    /** What follows "with"; empty where nothing does. */
    final String pattern;

    Texture(List<String> adjectives, String pattern) {
        this.adjectives = adjectives;
        this.pattern = pattern;
    }

    /**
     * Paints the second colour's part of the texture over a square about the origin; the clip and the paint are set.
     *
     * @param reach half the side of the square, in pixels
     */
    void paint(Graphics2D canvas, double reach) {
        switch (this) {
            case SOLID -> {}
            case STRIPED -> {
                for (double y = -2 - 8 * Math.ceil(reach / 8); y < reach; y += 8) {
                    canvas.fill(new Rectangle2D.Double(-reach, y, 2 * reach, 4));
                }
            }
            case DOTTED -> grid(reach, 7, (x, y) -> canvas.fill(new Ellipse2D.Double(x - 2, y - 2, 4, 4)));
            case CHECKERED ->
                grid(reach, 10, (x, y) -> {
                    canvas.fill(new Rectangle2D.Double(x, y, 5, 5));
                    canvas.fill(new Rectangle2D.Double(x - 5, y - 5, 5, 5));
                });
        }
    }

    private interface Cell {
        void at(double x, double y);
    }

    private static void grid(double reach, double pitch, Cell cell) {
        double first = -pitch * Math.ceil(reach / pitch);
        for (double y = first; y <= reach + pitch; y += pitch) {
            for (double x = first; x <= reach + pitch; x += pitch) {
                cell.at(x, y);
            }
        }
    }
}
