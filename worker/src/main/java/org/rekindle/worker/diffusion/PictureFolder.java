package org.rekindle.worker.diffusion;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.rekindle.data.UserException;

/**
 * A folder with {@code UID.png} for each caption and, to look at, {@code grid.png}.
 *
 * @param withGrid whether this worker makes the grid, of the first of its own pictures
 */
public record PictureFolder(Path folder, List<PromptList.Entry> prompts, boolean withGrid) implements Pictures {

    @Override
    public Path settings() {
        return folder.resolve("generate.json");
    }

    @Override
    public List<PromptList.Entry> missing() {
        return Pictures.missing(prompts, folder);
    }

    @Override
    public Path finish() {
        if (!withGrid) {
            return folder;
        }
        Path grid = folder.resolve("grid.png");
        try {
            List<BufferedImage> first = new ArrayList<>();
            for (PromptList.Entry prompt : prompts.subList(0, Math.min(prompts.size(), RgbImages.GRID_IMAGES))) {
                first.add(read(Pictures.file(folder, prompt)));
            }
            RgbImages.writePng(RgbImages.grid(first), grid);
        } catch (IOException e) {
            throw Pictures.unwritable(grid, e);
        }
        return grid;
    }

    private static BufferedImage read(Path file) throws IOException {
        BufferedImage image = ImageIO.read(file.toFile());
        if (image == null) {
            throw new UserException(file + ": not a PNG file; delete it to have it drawn again");
        }
        return image;
    }
}
