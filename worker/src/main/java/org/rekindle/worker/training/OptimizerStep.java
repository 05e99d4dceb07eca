package org.rekindle.worker.training;

import org.rekindle.worker.torchscript.ScriptModule;

/**
 * What happens to the weights in an optimizer step, each part one native call over the lists of all parameters: p parameters, g
 * gradients, m and v the moments of AdamW, all fp32 and of equal shapes.
 *
 * <p>AdamW is that of Loshchilov and Hutter 2019 as PyTorch fuses it. Scalars that change from step to step come as tensors of no
 * dimension on the host: {@code lr} and {@code weight} in double precision, so that they are not rounded on the way.
 *
 * @param epsilon added to the square root of the second moment
 */
record OptimizerStep(double beta1, double beta2, double weightDecay, double epsilon) implements ScriptModule {

    @Override
    public String methods() {
        return """
            def measure(self, g: List[Tensor], losses: List[Tensor]) -> Tensor:
              norm = torch.norm(torch.stack(torch._foreach_norm(g)))
              return torch.stack([torch.sum(torch.stack(losses).to(7)), norm.to(7)])   # (2) fp64: loss sum, gradient norm
            def clip(self, g: List[Tensor], measured: Tensor, bound: Tensor) -> Tensor:
              factor = torch.clamp(bound / (measured[1].to(6) + 1e-06), max=1.0)
              torch._foreach_mul_(g, factor)
              return factor
            def adamw(self, p: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], step: Tensor, lr: Tensor) -> Tensor:
              steps = annotate(List[Tensor], [])
              for i in range(len(p)):
                steps.append(step)
              torch._fused_adamw_(p, g, m, v, annotate(List[Tensor], []), steps, lr=float(lr), beta1=%s, beta2=%s, weight_decay=%s, eps=%s, amsgrad=False, maximize=False)
              return step
            def average(self, ema: List[Tensor], p: List[Tensor], weight: Tensor) -> Tensor:
              torch._foreach_lerp_(ema, p, float(weight))
              return weight
            def touch(self, p: List[Tensor]) -> Tensor:
              total = torch.zeros([1], dtype=6, device=p[0].device)
              for x in p:
                total = total + 0.0 * torch.flatten(x)[:1]
              return torch.sum(total)
            """.formatted(Literals.of(beta1), Literals.of(beta2), Literals.of(weightDecay), Literals.of(epsilon));
    }
}
