#!/usr/bin/env bash
# Proves what a network partition does to a run: three workers in network namespaces of their own, one of them cut off at a random step.
# One side goes on and completes the run, the other stops by itself with one line; losses and examples are those of an undisturbed run.
#
#   worker/proofs/partition.sh            # as root, on Linux, with iproute2; about two minutes
#   worker/proofs/partition.sh 0          # the first worker, with the coordinator, is cut off; 1 or 2: another one
set -euo pipefail
home=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
cut=${1:-$((RANDOM % 3))}
at=$((30 + RANDOM % 60))
steps=600
hub=rekindle-hub-$$
pids=()

clean() {
  for i in 0 1 2; do
    for pid in $(ip netns pids "rekindle-$$-$i" 2>/dev/null); do kill -9 "$pid"; done
    ip netns delete "rekindle-$$-$i" 2>/dev/null || true
  done
  ip netns delete "$hub" 2>/dev/null || true
  rm -rf "$work"
}
trap clean EXIT

train() { # rank, workers, address of worker 0, folder, log
  RANK=$1 WORLD_SIZE=$2 MASTER_ADDR=$3 MASTER_PORT=29500 "$home/rekindle" train \
    config="$home/worker/src/test/resources/recipes/tiny.yaml" experiment.log_dir="$4" experiment.num_eval_images=1 \
    system.lanes=3 experiment.save_every=50 experiment.num_examples_to_see=$((24 * steps / 2)) >"$5" 2>&1
}

committed() { [ -f "$work/cut/tiny/metrics.jsonl" ] && wc -l <"$work/cut/tiny/metrics.jsonl" || echo 0; }

"$home/rekindle" --help >/dev/null # builds
train 0 1 127.0.0.1 "$work/one" "$work/one.log"

ip netns add "$hub"
ip -n "$hub" link add bridge type bridge
ip -n "$hub" link set bridge up
for i in 0 1 2; do
  ip netns add "rekindle-$$-$i"
  ip -n "$hub" link add "worker$i" type veth peer name eth0 netns "rekindle-$$-$i"
  ip -n "$hub" link set "worker$i" master bridge up
  ip -n "rekindle-$$-$i" address add "10.77.0.$((i + 1))/24" dev eth0
  ip -n "rekindle-$$-$i" link set eth0 up
  ip -n "rekindle-$$-$i" link set lo up
done
export -f train
export home steps work
for i in 0 1 2; do
  ip netns exec "rekindle-$$-$i" bash -c "train $i 3 10.77.0.1 $work/cut $work/$i.log" &
  pids+=($!)
done

while [ "$(committed)" -lt "$at" ]; do
  kill -0 "${pids[0]}" || { cat "$work/0.log"; exit 1; }
  sleep 0.02
done
ip -n "$hub" link set "worker$cut" down
before=$(committed)
start=$(date +%s.%N)
while [ "$(committed)" -lt $((before + 2)) ]; do
  sleep 0.02
  [ "$(echo "$(date +%s.%N) - $start > 60" | bc)" = 0 ] || { echo "nobody went on within 60 s"; tail -n 5 "$work"/?.log; exit 1; }
done
pause=$(echo "$(date +%s.%N) - $start" | bc)

code=()
for i in 0 1 2; do
  if wait "${pids[$i]}"; then code+=(0); else code+=($?); fi
done
ended() { grep '^rekindle:\|^completed' "$work/$1.log" | tail -n 1; }
printf '%-9s %-8s %-5s %s\n' worker cut exit "last line"
for i in 0 1 2; do
  printf '%-9s %-8s %-5s %s\n' "$i" "$([ "$i" = "$cut" ] && echo "yes" || echo "no")" "${code[$i]}" "$(ended $i)"
done
echo "cut off at step $before; the next step was committed after $pause s"
failed=0
for i in 0 1 2; do
  expected=0
  if [ "$i" = "$cut" ]; then expected=1; fi
  [ "${code[$i]}" = "$expected" ] || { echo "worker $i ended with ${code[$i]}"; failed=1; }
done
"$home/rekindle" verify run="$work/cut/tiny" || failed=1
loss() { grep -o '"step":[0-9]*\|"step_loss":[0-9.E-]*' "$1/tiny/metrics.jsonl" | cut -d: -f2 | paste - -; }
paste <(loss "$work/one") <(loss "$work/cut") | awk '
  { difference = $4 / $2 - 1; if (difference < 0) difference = -difference; if (difference > largest) largest = difference
    if ($1 != NR || $3 != NR) wrong = 1 }
  END { print NR " steps, largest relative difference of a loss: " largest; exit wrong || NR != '"$steps"' || largest > 1e-4 }' || failed=1
exit $failed
