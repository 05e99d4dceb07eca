package org.rekindle.worker.models;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ComputeType;
import org.rekindle.worker.torchscript.ModuleList;
import org.rekindle.worker.torchscript.ScriptModule;

/**
 * The UNet that predicts noise from noisy latents, timestep and text; diffusers' {@code UNet2DConditionModel}.
 *
 * <p>Methods:
 * <ul>
 *   <li>{@code forward(sample (N, in, h, w), timestep (N) of int64 or fp32, encoder_hidden_states (N, L, D))} gives fp32 (N, out, h, w)
 *   <li>the segments, {@code name(state: List[Tensor], encoder_hidden_states) -> List[Tensor]}: run one after the other from the state
 *       [sample, timestep] they compute the same; see {@link #segments}
 * </ul>
 *
 * <p>Between segments the state is [time embedding, skips..., x]; on the way down x is the last skip itself.
 */
public record UNet2DConditionModel(UNetConfig config, ComputeType computeType) implements ScriptModule {

    static final String CLASS_NAME = "UNet2DConditionModel";

    /** @throws org.rekindle.data.UserException for a config that isn't supported, by its key */
    public static UNet2DConditionModel of(ObjectNode config, ComputeType computeType) {
        return new UNet2DConditionModel(UNetConfig.of(config), computeType);
    }

    /**
     * The methods to run one after the other where memory is to be saved: only the states between them are kept, and a segment is run
     * again when its gradients are due.
     */
    public List<String> segments() {
        int blocks = config.blocks();
        List<String> names = new ArrayList<>(List.of("segment_in"));
        IntStream.range(0, blocks).forEach(i -> names.add("segment_down_" + i));
        names.add("segment_mid");
        IntStream.range(0, blocks).forEach(i -> names.add("segment_up_" + i));
        names.add("segment_out");
        return names;
    }

    /**
     * The segment that uses a parameter, by its name in the state dict. No other segment does, so the gradient is final when the
     * backward pass has left it.
     */
    public String segmentOf(String parameter) {
        String[] path = parameter.split("\\.", 3);
        return switch (path[0]) {
            case "conv_in", "time_embedding" -> "segment_in";
            case "down_blocks" -> "segment_down_" + path[1];
            case "mid_block" -> "segment_mid";
            case "up_blocks" -> "segment_up_" + path[1];
            case "conv_norm_out", "conv_out" -> "segment_out";
            default -> throw new IllegalArgumentException(parameter);
        };
    }

    /**
     * Of each segment, in their order, for one example.
     *
     * @param latents height and width of the latents and tokens of the text
     */
    public List<SegmentWork> work(Extent latents) {
        Map<String, ScriptModule> parts = children().asMap();
        List<SegmentWork> segments = new ArrayList<>();
        Deque<Long> skips = new ArrayDeque<>(); // elements of each, the last one on top
        Extent at = latents;
        long first = config.channels().get(0) * at.positions();
        skips.push(first);
        // The way up enlarges to them, which is less than double where the way down rounded up.
        Deque<Extent> levels = new ArrayDeque<>();
        ScriptModule embedding = parts.get("time_embedding");
        ScriptModule in = parts.get("conv_in");
        segments.add(
                new SegmentWork(Work.of(embedding, at).plus(Work.of(in, at)), config.timeChannels() + first, first, 0));
        for (ScriptModule part : parts.get("down_blocks").children().asMap().values()) {
            DownBlock2D block = (DownBlock2D) part;
            Work work = block.work(at);
            levels.push(at);
            long passing = sum(skips);
            long each = block.outChannels() * at.positions();
            for (int layer = 0; layer < block.layers(); layer++) {
                skips.push(each);
            }
            if (block.downsample() != null) {
                at = block.downsample().out(at);
                skips.push(block.outChannels() * at.positions());
            }
            segments.add(new SegmentWork(work, sum(skips) - passing, skips.peek(), passing));
        }
        ScriptModule mid = parts.get("mid_block");
        long middle = skips.peek();
        segments.add(new SegmentWork(Work.of(mid, at), middle, middle, sum(skips)));
        for (ScriptModule part : parts.get("up_blocks").children().asMap().values()) {
            UpBlock2D block = (UpBlock2D) part;
            levels.pop();
            Extent above = block.upsample() ? levels.peek() : at;
            Work work = block.work(at, above);
            for (int layer = 0; layer < block.layers(); layer++) {
                skips.pop();
            }
            long out = block.outChannels() * above.positions();
            segments.add(new SegmentWork(work, out, out, sum(skips)));
            at = above;
        }
        ScriptModule norm = parts.get("conv_norm_out");
        ScriptModule out = parts.get("conv_out");
        Work work = Work.of(norm, at).plus(Work.keeping(first)).plus(Work.of(out, at));
        long prediction = config.outChannels() * at.positions();
        segments.add(new SegmentWork(work, prediction, prediction, 0));
        return segments;
    }

    private static long sum(Collection<Long> elements) {
        return elements.stream().mapToLong(Long::longValue).sum();
    }

    @Override
    public Children children() {
        int first = config.channels().get(0);
        int last = config.blocks() - 1;
        return Children.of("conv_in", Conv2d.same(config.inChannels(), first, 3))
                .and(
                        "time_embedding",
                        new TimestepEmbedding(
                                first,
                                config.timeChannels(),
                                config.flipSinToCos(),
                                config.freqShift(),
                                config.activation()))
                .and("down_blocks", downBlocks())
                .and("up_blocks", upBlocks())
                .and(
                        "mid_block",
                        new UNetMidBlock2DCrossAttn(
                                config.channels().get(last), config.resnet(), config.midAttention(), config.midScale()))
                .and("conv_norm_out", config.norm().over(first))
                .and("conv_out", Conv2d.same(first, config.outChannels(), 3));
    }

    private ModuleList downBlocks() {
        List<ScriptModule> blocks = new ArrayList<>();
        for (int i = 0; i < config.blocks(); i++) {
            int out = config.channels().get(i);
            blocks.add(new DownBlock2D(
                    config.channels().get(Math.max(i - 1, 0)),
                    out,
                    config.layers().get(i),
                    config.resnet(),
                    config.downAttention().get(i) ? config.attention(i) : null,
                    i == config.blocks() - 1 ? null : new Downsample2D(out, config.downsamplePadding())));
        }
        return new ModuleList(blocks);
    }

    private ModuleList upBlocks() {
        List<ScriptModule> blocks = new ArrayList<>();
        int last = config.blocks() - 1;
        for (int i = 0; i <= last; i++) {
            int resolution = last - i;
            blocks.add(new UpBlock2D(
                    config.channels().get(Math.min(resolution + 1, last)),
                    config.channels().get(Math.max(resolution - 1, 0)),
                    config.channels().get(resolution),
                    layersUp(i),
                    config.resnet(),
                    config.upAttention().get(i) ? config.attention(resolution) : null,
                    i < last));
        }
        return new ModuleList(blocks);
    }

    private int layersUp(int block) {
        return config.layers().get(config.blocks() - 1 - block) + 1;
    }

    @Override
    public String methods() {
        StringBuilder script = new StringBuilder("""
            def segment_in(self, state: List[Tensor], encoder_hidden_states: Tensor) -> List[Tensor]:
              x = %s
              temb = self.time_embedding.forward(state[1], x)      # (N, T)
              return [temb, self.conv_in.forward(%s)]
            def segment_mid(self, state: List[Tensor], encoder_hidden_states: Tensor) -> List[Tensor]:
              context = encoder_hidden_states.to(state[0].dtype)
              return state + [self.mid_block.forward(state[-1], state[0], context)]
            def segment_out(self, state: List[Tensor], encoder_hidden_states: Tensor) -> List[Tensor]:
              x = %s
              return [self.conv_out.forward(x).to(6)]
            """.formatted(
                        Layout.cast("state[0]", computeType),
                        config.centerInputSample() ? "2 * x - 1.0" : "x",
                        config.activation().of("self.conv_norm_out.forward(state[-1])")));
        for (int i = 0; i < config.blocks(); i++) {
            script.append("""
                def segment_down_%d(self, state: List[Tensor], encoder_hidden_states: Tensor) -> List[Tensor]:
                  context = encoder_hidden_states.to(state[0].dtype)
                  return state + %s.forward(state[-1], state[0], context)
                """.formatted(i, ModuleList.member("down_blocks", i)));
            script.append("""
                def segment_up_%1$d(self, state: List[Tensor], encoder_hidden_states: Tensor) -> List[Tensor]:
                  context = encoder_hidden_states.to(state[0].dtype)
                  rest = state[:-%2$d]
                  x = %3$s.forward(state[-1], state[-%2$d:-1], state[0], context, rest[-1].shape[2:])
                  return rest + [x]
                """.formatted(i, layersUp(i) + 1, ModuleList.member("up_blocks", i)));
        }
        script.append("""
            def forward(self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor) -> Tensor:
              state = [sample, timestep]
            """);
        for (String segment : segments()) {
            script.append("  state = self.%s(state, encoder_hidden_states)\n".formatted(segment));
        }
        return script.append("  return state[0]\n").toString();
    }
}
