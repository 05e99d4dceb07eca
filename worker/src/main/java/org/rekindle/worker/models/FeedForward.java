package org.rekindle.worker.models;

import org.rekindle.worker.torchscript.Children;
import org.rekindle.worker.torchscript.ModuleList;
import org.rekindle.worker.torchscript.ScriptModule;

/** Feed-forward layer of width 4 C with a gated GELU; diffusers' {@code FeedForward} with {@code activation_fn="geglu"}. */
record FeedForward(int channels) implements ScriptModule {

    /** GELU gate (Shazeer 2020, arXiv:2002.05202): halves of one projection, one gating the other. */
    record GEGLU(int in, int out) implements Counted {
        @Override
        public Children children() {
            return Children.of("proj", new Linear(in, 2 * out));
        }

        /** The halves are kept, and the gate's activation. Backward, the result's gradient is there and those of its two factors. */
        @Override
        public Work work(Extent given) {
            long each = out * given.positions();
            return Work.ofChildren(this, given).plus(new Work(0, 3 * each, 6 * each, 2 * each));
        }

        @Override
        public String methods() {
            return """
                def forward(self, x: Tensor) -> Tensor:
                  h, gate = self.proj.forward(x).chunk(2, -1)
                  return h * torch.gelu(gate)
                """;
        }
    }

    /** Stands where diffusers has its dropout, so that the names agree. */
    record Nothing() implements ScriptModule {
        @Override
        public String methods() {
            return "";
        }
    }

    @Override
    public Children children() {
        return Children.of(
                "net",
                ModuleList.of(new GEGLU(channels, 4 * channels), new Nothing(), new Linear(4 * channels, channels)));
    }

    @Override
    public String methods() {
        return """
            def forward(self, x: Tensor) -> Tensor:
              return %s.forward(%s.forward(x))
            """.formatted(ModuleList.member("net", 2), ModuleList.member("net", 0));
    }
}
