package org.rekindle.data.shards;

import java.awt.Graphics2D;
import java.awt.Rectangle;
import java.awt.RenderingHints;
import java.awt.Shape;
import java.awt.TexturePaint;
import java.awt.geom.AffineTransform;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.rng.UniformRandomProvider;

/**
 * One picture of the shapes data set: one figure of any size anywhere, or two beside or above each other.
 *
 * @param background what lies behind the figures
 * @param figures one or two; of two, the left or the upper one comes first
 */
record Scene(Colour background, List<Figure> figures) {

    /** Side of the picture in pixels. */
    static final int SIDE = 64;

    private static final double CENTRE = SIDE / 2.0;
    private static final double SHARE_OF_PAIRS = 0.1;
    private static final double SHARE_OF_LARGE = 0.6;
    private static final double SHARE_OF_SOLIDS = 0.85;

    enum Size {
        SMALL(9.5, 15),
        MEDIUM(14, 14),
        LARGE(20, 10);

        final double radius;
        final double distance;

        /**
         * @param radius of the figure in pixels
         * @param distance from the picture's centre of a figure that does not lie there, in pixels
         */
        Size(double radius, double distance) {
            this.radius = radius;
            this.distance = distance;
        }
    }

    enum Place {
        CENTRE(0, 0),
        LEFT(-1, 0),
        RIGHT(1, 0),
        TOP(0, -1),
        BOTTOM(0, 1);

        final int x;
        final int y;

        Place(int x, int y) {
            this.x = x;
            this.y = y;
        }
    }

    /**
     * A filled outline.
     *
     * @param x its centre from the left, in pixels
     * @param y its centre from the top, in pixels
     * @param radius half its extent, in pixels
     */
    record Figure(
            Outline outline,
            Colour colour,
            Texture texture,
            Size size,
            Place place,
            double x,
            double y,
            double radius) {

        static Figure random(Size size, Place place, double radius, double distance, UniformRandomProvider random) {
            Outline outline = Outline.values()[random.nextInt(Outline.values().length)];
            List<Colour> colours = Colour.FIGURES.stream()
                    .filter(colour -> colour != outline.neverDrawn)
                    .toList();
            return new Figure(
                    outline,
                    colours.get(random.nextInt(colours.size())),
                    // Most figures are solid: what is most often asked for should be learnt best.
                    random.nextDouble() < SHARE_OF_SOLIDS ? Texture.SOLID : Texture.values()[1 + random.nextInt(3)],
                    size,
                    place,
                    CENTRE + distance * place.x + random.nextDouble(-1.5, 1.5),
                    CENTRE + distance * place.y + random.nextDouble(-1.5, 1.5),
                    radius * random.nextDouble(0.93, 1.07));
        }
    }

    static Scene random(UniformRandomProvider random) {
        Colour background = Colour.BACKGROUNDS.get(random.nextInt(Colour.BACKGROUNDS.size()));
        List<Figure> figures = new ArrayList<>();
        if (random.nextDouble() < SHARE_OF_PAIRS) {
            boolean beside = random.nextBoolean();
            figures.add(Figure.random(Size.MEDIUM, beside ? Place.LEFT : Place.TOP, 12.5, 15.5, random));
            figures.add(Figure.random(Size.MEDIUM, beside ? Place.RIGHT : Place.BOTTOM, 12.5, 15.5, random));
        } else {
            Size size = random.nextDouble() < SHARE_OF_LARGE ? Size.LARGE : Size.values()[random.nextInt(2)];
            Place place = Place.values()[random.nextInt(Place.values().length)];
            figures.add(Figure.random(size, place, size.radius, size.distance, random));
        }
        return new Scene(background, List.copyOf(figures));
    }

    /** Draws the picture, antialiased: RGB of {@link #SIDE} x {@link #SIDE} pixels. */
    BufferedImage draw() {
        BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
        Graphics2D canvas = image.createGraphics();
        canvas.setColor(background.paint);
        canvas.fillRect(0, 0, SIDE, SIDE);
        for (Figure figure : figures) {
            draw(figure, image);
        }
        canvas.dispose();
        return image;
    }

    /** Textures are painted on a layer of their own and cut out by the antialiased outline: a Java2D clip has hard edges. */
    private static void draw(Figure figure, BufferedImage image) {
        BufferedImage layer = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
        Graphics2D pattern = antialiased(layer);
        pattern.setColor(figure.colour.paint);
        pattern.fillRect(0, 0, SIDE, SIDE);
        pattern.translate(figure.x, figure.y);
        pattern.setColor(figure.colour.counterpart());
        figure.texture.paint(pattern, figure.radius * 1.1);
        pattern.dispose();

        Graphics2D canvas = antialiased(image);
        AffineTransform placed = AffineTransform.getTranslateInstance(figure.x, figure.y);
        placed.scale(figure.radius, figure.radius);
        Shape outline = placed.createTransformedShape(figure.outline.unit());
        canvas.setPaint(new TexturePaint(layer, new Rectangle(SIDE, SIDE)));
        canvas.fill(outline);
        canvas.dispose();
    }

    private static Graphics2D antialiased(BufferedImage image) {
        Graphics2D canvas = image.createGraphics();
        canvas.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
        canvas.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
        return canvas;
    }
}
