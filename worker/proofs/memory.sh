#!/usr/bin/env bash
# Holds the forecast of a step's activations against what the process takes for them, on the CPU: two sizes of UNet, plain and
# checkpointed, fp32 and bf16, three batch sizes, each in a fresh process. Prints a table in Markdown.
#
#   worker/proofs/memory.sh              # on Linux; half an hour on two cores
#   worker/proofs/memory.sh 1            # the first size alone
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Freed tensors are to leave the process, and the JVM's heap is not to grow meanwhile.
export MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
export REKINDLE_JAVA_OPTS="-Xms1g -Xmx1g -XX:+AlwaysPreTouch"
# Attention at the two upper resolutions.
three="down_block_types=[CrossAttnDownBlock2D,CrossAttnDownBlock2D,DownBlock2D] \
  model.unet.params.up_block_types=[UpBlock2D,CrossAttnUpBlock2D,CrossAttnUpBlock2D]"
sizes=("block_out_channels=[64,128,256] model.unet.params.$three" "block_out_channels=[160,320,640] model.unet.params.$three")

figure() { sed -n 's/.*"'"$2"'":\([-0-9.eE+]*\).*/\1/p' "$1"; }

echo "| UNet | precision | checkpointing | batch | MB forecast | MB measured | forecast / measured |"
echo "| --- | --- | --- | --- | --- | --- | --- |"
for size in ${1:-1 2}; do
  for precision in fp32 bf16; do
    for checkpointing in false true; do
      for batch in 4 8 16; do
        # shellcheck disable=SC2086
        "$home/rekindle" bench step --steps 2 config="$home/configs/demo/shapes.yaml" experiment.log_dir="$work" dataset.make.examples=128 \
          model.unet.params.${sizes[size - 1]} model.unet.params.layers_per_block=2 dataset.params.resolution=128 \
          system.batch_size=$batch system.threads=2 model.mixed_precision=$precision \
          model.gradient_checkpointing=$checkpointing >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
        forecast=$(figure "$work/log" forecast_activation_bytes)
        measured=$(figure "$work/log" step_rss_bytes)
        awk -v a="$forecast" -v b="$measured" -v row="| $size | $precision | $checkpointing | $batch" \
          'BEGIN { printf "%s | %.0f | %.0f | %.2f |\n", row, a / 1e6, b / 1e6, a / b }'
      done
    done
  done
done
