#!/usr/bin/env bash
# Measures the training step in the settings that PERFORMANCE.md has targets for, beside Python diffusers, and prints a table in
# Markdown. What could not be run is 'missing'; its log says why.
#
#   PYTHON=python worker/proofs/gpu-table.sh           # on a machine with a GPU; some 20 GB of disk, half an hour
#   PYTHON=python worker/proofs/gpu-table.sh small     # the same on the CPU with a small model: proves the script, not the speed
#
# PYTHON needs torch, diffusers and transformers; without it the reference is missing. STEPS (30) steps are timed in each setting.
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)
here=$home/worker/proofs
mode=${1:-gpu}
steps=${STEPS:-30}
work=$(mktemp -d)
logs=$work/logs
mkdir "$logs"
number=0

fail() {
  echo "gpu-table: $*" >&2
  exit 1
}

case $mode in
  gpu)
    device=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>"$logs/nvidia-smi" | head -n 1) ||
      fail "no GPU: nvidia-smi is not there or failed; run '$0 small' to try the script on the CPU"
    settings=(config="$here/gpu-table.yaml")
    reference=(--device cuda --precision bf16 --tokens 77)
    large=512 middle=256 many=256 batch=64
    ;;
  small)
    device="the CPU, small model"
    settings=(config="$home/configs/demo/shapes.yaml" dataset.make.examples=128 model.mixed_precision=fp32)
    reference=(--device cpu --precision fp32 --tokens 32)
    large=64 middle=32 many=8 batch=8
    ;;
  *) fail "$mode: allowed is nothing or small" ;;
esac
settings+=(experiment.log_dir="$work/runs")

# The number of a key in the last line of a log; nothing where that is not JSON or has no such key.
figure() { tail -n 1 "$1" | sed -n 's/^{.*"'"$2"'": *\([-0-9.eE+]*\).*/\1/p'; }

say() { # format, number and what it is divided by
  if [ -n "$2" ] && [ -n "$3" ]; then
    awk -v format="$1" -v a="$2" -v b="$3" 'BEGIN { printf format, a / b }'
  else
    printf missing
  fi
}

# setting, target, batch, resolution, checkpointing, and options of both sides where the encoders run
row() {
  local name=$1 target=$2 batch=$3 side=$4 checkpointing=$5
  local flags=() python=() eager compiled log
  if [ "$6" = online ]; then
    flags=(--data)
    python=(--encoders)
  fi
  if [ "$checkpointing" = true ]; then
    python+=(--checkpointing)
  fi
  number=$((number + 1))
  log=$logs/$number-rekindle
  "$home/rekindle" bench step --steps "$steps" "${flags[@]}" "${settings[@]}" model.pretrained="$work/pipeline" \
    system.batch_size="$batch" dataset.params.resolution="$side" model.gradient_checkpointing="$checkpointing" >"$log" 2>&1 || true
  eager=$logs/$number-eager
  compiled=$logs/$number-compiled
  for each in eager compiled; do
    if [ -n "${PYTHON:-}" ]; then
      "$PYTHON" "$home/worker/src/test/python/bench_step.py" "$work/pipeline" "${reference[@]}" --batch "$batch" --size $((side / 8)) \
        --steps "$steps" --threads "$(nproc)" --max-grad-norm 1.0 --ema "${python[@]}" $([ $each = eager ] || echo --compile) \
        >"$logs/$number-$each" 2>&1 || true
    else
      echo "no PYTHON" >"$logs/$number-$each"
    fi
  done
  local rate forecast memory
  rate=$(figure "$log" images_per_s)
  forecast=$(figure "$log" forecast_bytes)
  memory=$(figure "$log" device_bytes)
  if [ "$mode" = small ]; then
    memory=$(figure "$log" peak_rss_bytes)
  fi
  echo "| $name | $target | $(say '%.1f' "$rate" 1) ($(say '%.1f' "$(figure "$log" images_per_s_p10)" 1)-$(say '%.1f' \
    "$(figure "$log" images_per_s_p90)" 1)) | $(say '%.3g' "$(figure "$log" teraflops)" 1) | $(say '%.1f %%' \
    "$(figure "$log" peak_fraction)" 0.01) | $(say '%.2f' "$memory" 1e9) | $(say '%.2f' "$forecast" 1e9) | $(say '%.1f' \
    "$(figure "$eager" images_per_s)" 1) | $(say '%.2f' "$rate" "$(figure "$eager" images_per_s)") | $(say '%.1f' \
    "$(figure "$compiled" images_per_s)" 1) | $(say '%.2f' "$rate" "$(figure "$compiled" images_per_s)") |"
}

"$home/rekindle" init "${settings[@]}" out="$work/pipeline" >"$logs/init" 2>&1 || { tail -n 1 "$logs/init"; exit 1; }
echo "$device, $(date -u +%F), commit $(git -C "$home" rev-parse --short HEAD 2>/dev/null || echo unknown), $steps steps"
echo
echo "| setting | target | images/s (10th-90th percentile) | TFLOP/s | of the chip | GB | GB forecast | diffusers eager | ratio | compiled | ratio |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
row "$large px, encoders on line, checkpointing, batch $batch" "46 images/s, 20 %, 1.15 x eager" $batch $large true online
row "$middle px, encoders on line, checkpointing, batch $many" "197 images/s, 1.15 x eager" $many $middle true online
row "$large px, latents, no checkpointing, batch $batch" "100 images/s, 1.0 x compiled" $batch $large false latents
row "$large px, encoders on line, checkpointing, batch 2" "under 24 GB" 2 $large true online
echo "| host time outside the device, batch $batch | under 2 % | missing | missing | missing | missing | missing | missing | missing | missing | missing |"
echo
echo "Logs: $logs. Host time needs the device's own events, which nothing here records yet."
rm -rf "$work/pipeline" "$work/runs"
