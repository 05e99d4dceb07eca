#!/usr/bin/env bash
# Runs `rekindle train` in every task of a SLURM job and hands the job's signals on: what the sbatch files beside this one end with.
#
#   slurm/train.sh config=FILE [key=value...]
#
# Before its time is over a job gets SIGUSR1 (#SBATCH --signal). The run then finishes its step, saves a checkpoint, and the process that
# leads it calls `scontrol requeue`. The exit code is the run's; 75 means that it wants to go on and could not say so itself.
set -u
home=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
srun=
notice=

# A task that has only just begun does not listen yet: it is told again until it ends. srun tells every task on every node.
hand_on() {
  notice=yes
  if [ -n "$srun" ] && [ -z "${telling:-}" ]; then
    telling=yes
    # not at once: a child that is not srun yet would die of it
    (while sleep 1 && kill -USR1 "$srun" 2>/dev/null; do sleep 4; done) &
  fi
}
trap hand_on USR1 TERM

if [ -n "${REKINDLE_ELASTIC:-}" ]; then
  unset MASTER_ADDR MASTER_PORT # members meet by the run folder, and the signal is this one's alone: it leaves, the others go on
else
  first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" 2>/dev/null | head -n 1)
  export MASTER_ADDR=${MASTER_ADDR:-${first:-$(hostname)}} # worker 0 is on the first node, as this script is
  # The same at every start of the job, another one for another job. Where it is taken the run says so in one line.
  export MASTER_PORT=${MASTER_PORT:-$((20000 + SLURM_JOB_ID % 10000))}
fi

"$home/rekindle" --version >/dev/null || exit 1 # builds, before many tasks would wait for that

# What the process that leads the run would exit with: srun tells the worst of all tasks, lost ones too.
export REKINDLE_RESULT=$PWD/.rekindle-$SLURM_JOB_ID
rm -f "$REKINDLE_RESULT"

# Since 22.05 srun no longer takes it from the job: a task would decode, compute and collect garbage on one core.
[ -z "${SLURM_CPUS_PER_TASK:-}" ] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
# Neither the loss of a node nor the end of a task ends the others.
srun --no-kill --kill-on-bad-exit=0 "$home/rekindle" train "$@" &
srun=$!
[ -z "$notice" ] || hand_on
while :; do # a signal ends `wait`, not srun
  wait "$srun"
  code=$?
  kill -0 "$srun" 2>/dev/null || break
done

if [ -s "$REKINDLE_RESULT" ]; then
  code=$(cat "$REKINDLE_RESULT")
  rm -f "$REKINDLE_RESULT"
fi
# A job that was cancelled is not RUNNING any more, and stays cancelled. The last task of an array has the id of all of it.
if [ "$code" -eq 75 ]; then
  job=$SLURM_JOB_ID
  [ -z "${SLURM_ARRAY_JOB_ID:-}" ] || job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
  for _ in 1 2 3; do
    state=$(scontrol show job "$job" 2>/dev/null) && break
    command -v scontrol >/dev/null || break
    sleep 3
  done
  if grep -q -e JobState=RUNNING -e Reason=TimeLimit <<<"$state"; then
    scontrol requeue "$job" && exit 0
  fi
fi
exit "$code" # a cluster with RequeueExit=75 in its slurm.conf queues the job again for 75
