package org.rekindle.data.shards;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import javax.imageio.ImageIO;
import org.rekindle.data.UserException;

/**
 * The emoji of the npm package {@code emoji-datasource-google}, each with its skin tones, on white, 64 x 64 pixels. Captions name the
 * emoji, its keywords and its categories. Metadata: {@code unified}, {@code category}, {@code subcategory}, {@code skin_tones} (how many
 * the emoji shows: the filter {@code skin_tones: "<1"} leaves the yellow ones).
 *
 * @param input the tarball that {@code npm pack} writes, or the folder that it unpacks to
 */
public record EmojiSource(Path input) implements ShardSource {

    @Override
    public Stream<ShardExample> examples() {
        EmojiPackage emoji = EmojiPackage.read(input);
        return StreamSupport.stream(emoji.table().spliterator(), false)
                .filter(entry -> entry.path("has_img_google").asBoolean())
                .flatMap(entry -> withSkinTones(entry, emoji));
    }

    private Stream<ShardExample> withSkinTones(JsonNode entry, EmojiPackage emoji) {
        Iterable<Map.Entry<String, JsonNode>> variations =
                entry.path("skin_variations").properties();
        return Stream.concat(
                Stream.of(example(entry, entry, "", emoji)),
                StreamSupport.stream(variations.spliterator(), false)
                        .filter(tone -> tone.getValue().path("has_img_google").asBoolean())
                        .map(tone -> example(entry, tone.getValue(), tone.getKey(), emoji)));
    }

    private ShardExample example(JsonNode entry, JsonNode variation, String tones, EmojiPackage emoji) {
        String file = variation.path("image").asText();
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.set("unified", variation.path("unified"));
        json.set("category", entry.path("category"));
        json.set("subcategory", entry.path("subcategory"));
        json.put("skin_tones", tones.isEmpty() ? 0 : tones.split("-").length);
        return new ShardExample(
                file.replaceFirst("\\.png$", ""),
                onWhite(emoji.image(file, input), file),
                "png",
                EmojiCaption.of(entry, tones),
                json);
    }

    private byte[] onWhite(byte[] png, String file) {
        BufferedImage emoji;
        try {
            emoji = ImageIO.read(new ByteArrayInputStream(png));
        } catch (IOException e) {
            throw new UserException("input=" + input + ": image " + file + " is damaged (" + e.getMessage() + ")", e);
        }
        if (emoji == null) {
            throw new UserException("input=" + input + ": image " + file + " is no png file");
        }
        BufferedImage image = new BufferedImage(emoji.getWidth(), emoji.getHeight(), BufferedImage.TYPE_INT_RGB);
        Graphics2D canvas = image.createGraphics();
        canvas.drawImage(emoji, 0, 0, Color.WHITE, null);
        canvas.dispose();
        return PngBytes.of(image);
    }
}
