package org.rekindle.data.shards;

import java.awt.Shape;
import java.awt.geom.Area;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.geom.Rectangle2D;

/**
 * The shapes of the shapes data set. Each leaves out one colour: those pairs are never drawn, so a generated "green star" shows that a
 * model composes what it has learnt and does not recall it.
 */
enum Outline {
    CIRCLE("circle", Colour.PINK),
    SQUARE("square", Colour.PURPLE),
    TRIANGLE("triangle", Colour.BROWN),
    STAR("star", Colour.GREEN),
    HEART("heart", Colour.BLUE),
    RING("ring", Colour.ORANGE),
    CROSS("cross", Colour.YELLOW),
    DIAMOND("diamond", Colour.RED);

    final String word;
    final Colour neverDrawn;

    Outline(String word, Colour neverDrawn) {
        this.word = word;
        this.neverDrawn = neverDrawn;
    }

    /** The outline about the origin, y downwards, reaching about 1 from it. */
    Shape unit() {
        return switch (this) {
            case CIRCLE -> disc(0.95);
            case SQUARE -> new Rectangle2D.Double(-0.82, -0.82, 1.64, 1.64);
            case TRIANGLE -> polygon(0, -0.95, 1, 0.8, -1, 0.8);
            case STAR -> star();
            case HEART -> heart();
            case RING -> ring();
            case CROSS ->
                polygon(
                        -0.33, -0.95, 0.33, -0.95, 0.33, -0.33, 0.95, -0.33, 0.95, 0.33, 0.33, 0.33, 0.33, 0.95, -0.33,
                        0.95, -0.33, 0.33, -0.95, 0.33, -0.95, -0.33, -0.33, -0.33);
            case DIAMOND -> polygon(0, -1.05, 0.75, 0, 0, 1.05, -0.75, 0);
        };
    }

    private static Shape disc(double radius) {
        return new Ellipse2D.Double(-radius, -radius, 2 * radius, 2 * radius);
    }

    private static Shape ring() {
        Area ring = new Area(disc(0.98));
        ring.subtract(new Area(disc(0.52)));
        return ring;
    }

    private static Shape star() {
        double[] corners = new double[20];
        for (int i = 0; i < 10; i++) {
            double radius = i % 2 == 0 ? 1.08 : 0.46;
            double angle = Math.PI * (i / 5.0 - 0.5);
            corners[2 * i] = radius * Math.cos(angle);
            corners[2 * i + 1] = radius * Math.sin(angle);
        }
        return polygon(corners);
    }

    private static Shape heart() {
        Path2D path = new Path2D.Double();
        path.moveTo(0, 0.95);
        path.curveTo(-0.55, 0.5, -1.05, 0.15, -1.0, -0.38);
        path.curveTo(-0.95, -0.98, -0.2, -1.02, 0, -0.45);
        path.curveTo(0.2, -1.02, 0.95, -0.98, 1.0, -0.38);
        path.curveTo(1.05, 0.15, 0.55, 0.5, 0, 0.95);
        path.closePath();
        return path;
    }

    private static Shape polygon(double... corners) {
        Path2D path = new Path2D.Double();
        path.moveTo(corners[0], corners[1]);
        for (int i = 2; i < corners.length; i += 2) {
            path.lineTo(corners[i], corners[i + 1]);
        }
        path.closePath();
        return path;
    }
}
