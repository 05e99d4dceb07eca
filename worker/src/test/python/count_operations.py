"""Counts the operations of a forward and backward pass of a UNet, here and in diffusers, and the bytes that they read and write.

    python count_operations.py PIPELINE FP32.pt BF16.pt --batch 64 --size 64 [--tokens 77]

The archives are the UNet of PIPELINE as `rekindle export component=unet` writes it in both precisions; weights are taken as fp32, as in
training. All runs on PyTorch's device `meta`, which knows shapes and types but no numbers, so size costs nothing; where scripts ask whether
they are on a GPU they are told yes. diffusers is in fp32, since autocast does not reach that device. An operation's bytes are those of the
tensors that it takes and gives, each once; a view is no operation, and attention is one. Prints a table in Markdown.
"""

import argparse
import re
import tempfile
import zipfile
from collections import Counter

import torch
from diffusers import UNet2DConditionModel
from torch.utils._python_dispatch import TorchDispatchMode

parser = argparse.ArgumentParser()
parser.add_argument("pipeline")
parser.add_argument("fp32")
parser.add_argument("bf16")
parser.add_argument("--batch", type=int, required=True)
parser.add_argument("--size", type=int, required=True, help="side of the latents")
parser.add_argument("--tokens", type=int, default=77)
args = parser.parse_args()

KINDS = {
    "convolutions": ["convolution", "convolution_backward"],
    "matrix products": ["mm", "addmm", "bmm"],
    "attention": ["_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_flash_attention_for_cpu_backward"],
    "group norm": ["native_group_norm", "native_group_norm_backward"],
    "layer norm": ["native_layer_norm", "native_layer_norm_backward"],
    "SiLU": ["silu", "silu_backward"],
    "GELU and gate": ["gelu", "gelu_backward", "mul"],
    "sums": ["add"],
    "gradients of biases": ["sum"],
    "copies": ["clone", "copy_", "cat", "slice_backward", "constant_pad_nd"],
}
NOTHING = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "_unsafe_view", "detach"}


def tensors(values):
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors(value)


def memory(tensor):
    elements = 1
    for length, stride in zip(tensor.shape, tensor.stride()):
        elements *= length if stride else 1
    return elements * tensor.element_size()


class Counting(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.operations, self.bytes = Counter(), Counter()

    def __torch_dispatch__(self, func, types, positional=(), keywords=None):
        result = func(*positional, **(keywords or {}))
        name = func._schema.name.split("::")[1]
        view = any(r.alias_info is not None and not r.alias_info.is_write for r in func._schema.returns)
        outputs = list(tensors([result]))
        if not view and name not in NOTHING and outputs:
            inputs = list(tensors(positional))
            kind = self.kind(name, inputs, outputs)
            self.operations[kind] += 1
            self.bytes[kind] += sum(memory(tensor) for tensor in {id(t): t for t in inputs + outputs}.values())
        return result

    @staticmethod
    def kind(name, inputs, outputs):
        if name == "_to_copy" and inputs[0].dtype != outputs[0].dtype:
            return "casts of weights and their gradients" if tuple(inputs[0].shape) in WEIGHTS else "other casts"
        return next((kind for kind, names in KINDS.items() if name in names), "copies" if name == "_to_copy" else "other")


def count(call):
    sample = torch.empty(args.batch, config["in_channels"], args.size, args.size, device="meta")
    timestep = torch.empty(args.batch, dtype=torch.int64, device="meta")
    context = torch.empty(args.batch, args.tokens, config["cross_attention_dim"], device="meta")
    with Counting() as counting, torch.jit.optimized_execution(False):
        call(sample, timestep, context).sum().backward()
    return counting


def rekindle(archive):
    with tempfile.NamedTemporaryFile(suffix=".pt") as on_gpu:
        with zipfile.ZipFile(archive) as source, zipfile.ZipFile(on_gpu, "w") as target:
            for entry in source.infolist():
                data = source.read(entry)
                if entry.filename.endswith(".py"):
                    text = re.sub(r"[\w.\[\]]+\.is_cuda", "True", data.decode())
                    data = text.replace("torch.scaled_dot_product_attention(q, k, v)", f"torch.{FLASH}(q, k, v)[0]").encode()
                target.writestr(entry.filename, data)
        on_gpu.flush()
        script = torch.jit.load(on_gpu.name, map_location="meta").float()
    for parameter in script.parameters():
        parameter.requires_grad_(True)
    return count(script.forward)


FLASH = KINDS["attention"][0]
torch.nn.functional.scaled_dot_product_attention = lambda q, k, v, **_: getattr(torch.ops.aten, FLASH)(q, k, v)[0]
config = UNet2DConditionModel.load_config(args.pipeline, subfolder="unet")
with torch.device("meta"):
    unet = UNet2DConditionModel.from_config(config).train().to(memory_format=torch.channels_last)
WEIGHTS = {tuple(parameter.shape) for parameter in unet.parameters()}

columns = [count(lambda *inputs: unet(*inputs).sample), rekindle(args.fp32), rekindle(args.bf16)]
print("| | diffusers fp32 | GB | Rekindle fp32 | GB | Rekindle bf16 | GB |")
print("| --- | --- | --- | --- | --- | --- | --- |")
for kind in sorted({kind for column in columns for kind in column.bytes}, key=lambda kind: -columns[-1].bytes[kind]):
    cells = [f"{column.operations[kind]} | {column.bytes[kind] / 1e9:.1f}" for column in columns]
    print(f"| {kind} | {' | '.join(cells)} |")
cells = [f"{column.operations.total()} | {column.bytes.total() / 1e9:.1f}" for column in columns]
print(f"| all | {' | '.join(cells)} |")
