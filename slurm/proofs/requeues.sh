#!/usr/bin/env bash
# Proves on a real SLURM of three nodes that a run which is queued again and again trains as if nothing had happened, and tells where its
# time went. As root on Debian; five to ten minutes.
#
#   slurm/proofs/requeues.sh limit     # SLURM itself sends the signal before the time limit of two minutes
#   slurm/proofs/requeues.sh 5         # five signals at random moments
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)
what=${1:?limit, or a number of requeues}
steps=${STEPS:-4000}
work=$(mktemp -d)
chmod 755 "$work"
trap '"$home/slurm/proofs/cluster.sh" down "$work/slurm"; rm -rf "$work"' EXIT

settings=(config="$home/worker/src/test/resources/recipes/tiny.yaml" system.lanes=4 experiment.save_every=1000
  experiment.num_eval_images=0 experiment.num_examples_to_see=$((steps * 16)))
losses() { sed -n 's/.*"step":\([0-9]*\),.*"step_loss":\([^,]*\),.*/\1 \2/p' "$1/tiny/metrics.jsonl"; }
of_job() { scontrol show job "$job" | tr ' ' '\n' | sed -n "s/^$1=//p" | head -n 1; }

"$home/rekindle" launch --nproc 2 "${settings[@]}" experiment.log_dir="$work/one" >"$work/one.log" 2>&1 ||
  { tail -20 "$work/one.log"; exit 1; }

"$home/slurm/proofs/cluster.sh" install
"$home/slurm/proofs/cluster.sh" up "$work/slurm"
export SLURM_CONF=$work/slurm/slurm.conf MASTER_ADDR=127.0.0.1
cd "$home"
options=(--parsable --gres=none --nodes=2 --ntasks-per-node=1 --cpus-per-task=1 --output="$work/job.log")
if [ "$what" = limit ]; then
  options+=(--time=2 --signal=B:USR1@20)
else
  options+=(--time=60)
fi
job=$(sbatch "${options[@]}" slurm/multinode-template.sbatch "${settings[@]}" experiment.log_dir="$work/queued")
requeues=0
while :; do
  case $(of_job JobState || true) in
    COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL | OUT_OF_MEMORY | BOOT_FAIL | DEADLINE | PREEMPTED) break ;;
  esac
  if [ "$what" != limit ] && [ "$requeues" -lt "$what" ] && [ "$(of_job JobState)" = RUNNING ] &&
    [ "$(of_job Restarts)" = "$requeues" ] && [ -s "$work/queued/tiny/metrics.jsonl" ]; then
    lines=$(wc -l <"$work/queued/tiny/metrics.jsonl")
    sleep $((RANDOM % 3))
    if [ "$(wc -l <"$work/queued/tiny/metrics.jsonl")" -gt "$lines" ]; then # it computes
      scancel --batch --signal=USR1 "$job"
      requeues=$((requeues + 1))
      sleep 5
    fi
  fi
  sleep 0.2
done
echo "job $job: $(of_job JobState), restarts $(of_job Restarts)"
grep -c "SLURM queues job $job again" "$work/job.log" | sed 's/^/requeues asked for: /'
[ "$(of_job JobState)" = COMPLETED ] || { tail -20 "$work/job.log"; exit 1; }
[ "$(of_job Restarts)" = "$(grep -c "SLURM queues job $job again" "$work/job.log")" ]

paste -d ' ' <(losses "$work/one") <(losses "$work/queued") | awk -v steps="$steps" '
  $1 != $3 { print "step " $1 " is step " $3; bad = 1 }
  { d = ($2 - $4) / $2; if (d < 0) d = -d; if (d > most) most = d; n++ }
  END { printf "%d losses of %d, greatest relative difference %.1e\n", n, steps, most; exit bad || n != steps || most > 1e-4 }'
"$home/rekindle" verify run="$work/queued/tiny" | tail -9
"$home/rekindle" goodput run="$work/queued/tiny"
