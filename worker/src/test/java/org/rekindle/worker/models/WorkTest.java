package org.rekindle.worker.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rekindle.worker.pipeline.TinyPipeline;
import org.rekindle.worker.torchscript.ComputeType;

/** Parameters and multiply-accumulates of known models, counted by others: shared performance anchors, within 5 %. */
class WorkTest {

    private static final int TOKENS = 77;

    private static final String SD1 = "{\"cross_attention_dim\": 768}";
    private static final String SD2 = """
            {"cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20], "use_linear_projection": true}
            """;

    private static final ObjectNode VAE = TinyPipeline.json("""
            {"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
             "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
             "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]}
            """);

    @ParameterizedTest
    @CsvSource({"1, 64, 401.6", "1, 32, 90.1", "2, 64, 402.1", "2, 32, 90.5"})
    void theUNetOfStableDiffusionTakesWhatOthersCounted(int version, int side, double gigaMacs) {
        Work work = unet(version).work(new Extent(side, side, TOKENS, Hardware.GPU)).stream()
                .map(SegmentWork::work)
                .reduce(Work.NONE, Work::plus);

        assertThat(work.macs() / 1e9).isCloseTo(gigaMacs, withinPercentage(5));
    }

    /** Latents of 264 px: 33 positions a side, then 17, 9 and 5; each segment of the way up is as large as that of the way down. */
    @Test
    void theWayUpEnlargesToTheSizesOfTheWayDown() {
        List<SegmentWork> odd = unet(1).work(new Extent(33, 33, TOKENS, Hardware.GPU));
        long[] sides = {5, 9, 17, 33, 33};
        long[] channels = {1280, 1280, 640, 320, 4};

        for (int i = 0; i < sides.length; i++) {
            boolean enlarges = i < 3;
            long above = enlarges ? sides[i + 1] : sides[i];
            assertThat(odd.get(odd.size() - sides.length + i).state())
                    .as("state after the way up's part %d", i)
                    .isEqualTo(channels[i] * above * above);
        }
        UpBlock2D block = (UpBlock2D)
                unet(1).children().asMap().get("up_blocks").children().asMap().get("0");
        Extent at = new Extent(5, 5, TOKENS, Hardware.GPU);
        assertThat(block.work(at, new Extent(10, 10, TOKENS, Hardware.GPU)).macs()
                        - block.work(at, new Extent(9, 9, TOKENS, Hardware.GPU)).macs())
                .as("a convolution of 3 x 3 over the positions more")
                .isEqualTo(9L * 1280 * 1280 * (100 - 81));
    }

    @Test
    void theUNetOfStableDiffusionHasTheParametersOfItsFiles() {
        assertThat(unet(1).parameterCount()).isEqualTo(859_520_964);
        assertThat(unet(2).parameterCount()).isEqualTo(865_910_724);
    }

    @ParameterizedTest
    @CsvSource({"512, 558.3", "256, 136.4"})
    void theAutoencodersEncoderTakesWhatOthersCounted(int side, double gigaMacs) {
        Work work = AutoencoderKL.of(VAE, ComputeType.BF16).encodeWork(new Extent(side, side, 0, Hardware.GPU));

        assertThat(work.macs() / 1e9).isCloseTo(gigaMacs, withinPercentage(5));
        assertThat(work.largest())
                .as("what the first downsampling pads by a row and a column")
                .isEqualTo(128L * (side + 1) * (side + 1));
    }

    @Test
    void theDecoderGivesAnImageBack() {
        Work work = AutoencoderKL.of(VAE, ComputeType.BF16).decodeWork(new Extent(64, 64, 0, Hardware.GPU));

        assertThat(work.largest())
                .as("the last resolution's first layer, 256 channels")
                .isEqualTo(256L * 64 * 64);
    }

    @ParameterizedTest
    @CsvSource({"768, 3072, 12, 12, 6.6", "1024, 4096, 23, 16, 22.6"})
    void clipTakesWhatOthersCounted(int width, int mlp, int layers, int heads, double gigaMacs) {
        ObjectNode config = TinyPipeline.json("""
                {"hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d}
                """.formatted(width, mlp, layers, heads));

        Work work = Work.of(CLIPTextModel.of(config, ComputeType.BF16), Extent.ofTokens(TOKENS, Hardware.GPU));

        assertThat(work.macs() / 1e9).isCloseTo(gigaMacs, withinPercentage(5));
    }

    @Test
    void aResidualBlockIsTheSumOfItsConvolutions() {
        ResnetBlock2D block =
                new ResnetBlock2D(4, 8, new ResnetBlock2D.Spec(16, new Norm(2, 1e-5), Activation.SILU, false));

        Work work = block.work(new Extent(3, 5, 0, Hardware.GPU));

        long pixels = 15;
        assertThat(work.macs()).isEqualTo(pixels * (4 * 8 * 9 + 8 * 8 * 9 + 4 * 8) + 16 * 8);
        assertThat(work.saved())
                .as("input, norm and activation of each half, and the time embedding")
                .isEqualTo(pixels * (3 * 4 + 3 * 8) + 16);
    }

    @Test
    void attentionKeepsWhatItMultipliesOnce() {
        Work self = new Attention(4, 4, 2, false).work(Extent.ofTokens(9, Hardware.GPU), 9, false);

        assertThat(self.macs()).isEqualTo(9 * 4 * 4 * 4 + 2 * 9 * 9 * 4);
        assertThat(self.saved()).as("input, q, k, v and result").isEqualTo(5 * 9 * 4);

        Work onCpu = new Attention(4, 4, 2, false).work(Extent.ofTokens(9, Hardware.CPU), 9, false);
        assertThat(onCpu.saved()).as("and what softmax gives, for two heads").isEqualTo(5 * 9 * 4 + 2 * 9 * 9);
        assertThat(onCpu.macs()).isEqualTo(self.macs());
    }

    /** Four projections of 16 weights; those of a text, which needs no gradient, are not kept. */
    @Test
    void castsAreKeptOncePerBatchOfWhatNeedsGradients() {
        Extent tokens = Extent.ofTokens(9, Hardware.GPU);
        Extent cast = tokens.oneOf(2, ComputeType.BF16);
        Attention attention = new Attention(4, 4, 2, false);

        assertThat(attention.work(cast, 9, false).saved()
                        - attention.work(tokens, 9, false).saved())
                .isEqualTo(4 * 16 / 2);
        assertThat(attention.work(cast, 9, true).saved()
                        - attention.work(tokens, 9, true).saved())
                .isEqualTo(2 * 16 / 2);
        assertThat(tokens.oneOf(2, ComputeType.FP32)).as("fp32 casts nothing").isEqualTo(tokens);
        assertThat(Conv2d.same(4, 8, 3).work(cast).saved()
                        - Conv2d.same(4, 8, 3).work(tokens).saved())
                .isEqualTo(4 * 8 * 9 / 2);
    }

    @Test
    void theFullestMomentOfLayersIsWhereTheMostIsKeptOrAtHand() {
        Work wide = new Work(0, 2, 50, 0);
        Work narrow = new Work(0, 8, 9, 0);

        assertThat(wide.plus(narrow).peak())
                .as("the wide one, backward, when the other has gone")
                .isEqualTo(50);
        assertThat(narrow.plus(wide).peak())
                .as("beside what the narrow one keeps")
                .isEqualTo(8 + 50);
        assertThat(wide.beside(7)).isEqualTo(new Work(0, 2, 57, 0));
    }

    @Test
    void theStateBetweenSegmentsIsWhatTheWayUpTakesAndItsOwn() {
        List<SegmentWork> segments = unet(1).work(new Extent(64, 64, TOKENS, Hardware.GPU));

        SegmentWork middle = segments.get(5);
        assertThat(middle.passing())
                .as("twelve skips of the way down")
                .isEqualTo(320 * (3 * 4096 + 1024) + 640 * (2 * 1024 + 256) + 1280 * (2 * 256 + 64 + 2 * 64));
        assertThat(segments.get(6).passing()).as("three of them are taken").isEqualTo(middle.passing() - 3 * 1280 * 64);
        assertThat(segments.get(9).passing()).isZero();
    }

    private static UNet2DConditionModel unet(int version) {
        return UNet2DConditionModel.of(TinyPipeline.json(version == 1 ? SD1 : SD2), ComputeType.BF16);
    }
}
