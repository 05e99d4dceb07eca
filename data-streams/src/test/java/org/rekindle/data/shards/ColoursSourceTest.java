package org.rekindle.data.shards;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class ColoursSourceTest {

    @Test
    void backgroundsReachEveryCornerOfTheColourCube() throws IOException {
        List<ShardExample> examples = new ColoursSource(300, 0).examples().toList();
        Set<Integer> corners = new TreeSet<>();
        for (ShardExample example : examples) {
            BufferedImage image = ImageIO.read(new ByteArrayInputStream(example.image()));
            int rgb = image.getRGB(0, 0);
            corners.add((rgb >> 23 & 1) << 2 | (rgb >> 15 & 1) << 1 | rgb >> 7 & 1);
        }
        assertThat(corners).hasSize(8);
    }

    @Test
    void theSameSeedGivesTheSameBytes() {
        assertThat(new ColoursSource(5, 3).examples().toList())
                .usingRecursiveComparison()
                .isEqualTo(new ColoursSource(5, 3).examples().toList());
        assertThat(new ColoursSource(1, 3).examples().findFirst().orElseThrow().image())
                .isNotEqualTo(new ColoursSource(1, 4)
                        .examples()
                        .findFirst()
                        .orElseThrow()
                        .image());
    }
}
