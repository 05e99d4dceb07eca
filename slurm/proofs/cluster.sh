#!/usr/bin/env bash
# A real SLURM on this machine: munge, slurmctld and three slurmd, without systemd and cgroups, all below one folder.
#
#   slurm/proofs/cluster.sh install          # Debian's packages, as root
#   slurm/proofs/cluster.sh up DIR           # then: export SLURM_CONF=DIR/slurm.conf
#   slurm/proofs/cluster.sh start DIR NODE   # a slurmd that was killed
#   slurm/proofs/cluster.sh down DIR         # ends what `up` started, by process id
set -euo pipefail

install() {
  command -v slurmctld slurmd srun munged >/dev/null && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge >/dev/null
}

configure() {
  host=$(hostname -s)
  port=$((20000 + RANDOM % 10000)) # several clusters on one machine
  cat <<CONF
ClusterName=rekindle
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
# A job that is requeued waits this long and a second; less than 5 is refused.
AuthInfo=socket=$dir/run/munge.sock,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
SlurmctldPidFile=$dir/pid/slurmctld.pid
SlurmdPidFile=$dir/pid/slurmd.%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
JobRequeue=1
RequeueExit=75
MessageTimeout=2
TCPTimeout=2
ReturnToService=1
KillWait=${KILL_WAIT:-10}
SlurmdTimeout=5
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10 State=UP
CONF
  for node in 0 1 2; do
    echo "NodeName=n$node NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1 + node)) CPUs=8 Boards=1 SocketsPerBoard=1 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=1000 State=UNKNOWN"
  done
}

up() {
  mkdir -p "$dir"/{state,log,pid,run,spool.n0,spool.n1,spool.n2}
  mkdir -p -m 700 "$dir/munge"
  chmod 755 "$dir" "$dir/run"
  dd if=/dev/urandom of="$dir/munge/key" bs=128 count=1 status=none
  chmod 400 "$dir/munge/key"
  configure >"$dir/slurm.conf"
  munged --force --key-file="$dir/munge/key" --socket="$dir/run/munge.sock" --pid-file="$dir/pid/munged.pid" \
    --log-file="$dir/munge/munged.log" --seed-file="$dir/munge/seed"
  slurmctld -c
  for node in 0 1 2; do slurmd -N "n$node"; done
  for _ in $(seq 300); do
    if [ "$(timeout 5 sinfo -h -t idle -o %D 2>/dev/null)" = 3 ]; then return; fi
    sleep 0.1
  done
  tail -5 "$dir"/log/*.log >&2
  echo "cluster.sh: SLURM's three nodes were not idle within 30 s" >&2
  return 1
}

down() {
  timeout 5 scancel -u "$(id -un)" 2>/dev/null || true
  sleep 1
  for file in "$dir"/pid/slurmd.*.pid "$dir/pid/slurmctld.pid" "$dir/pid/munged.pid"; do
    if [ -s "$file" ]; then kill "$(cat "$file")" 2>/dev/null || true; fi
  done
  for _ in $(seq 50); do
    if ! ls "$dir"/pid/*.pid >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
}

command=${1:?install, up, start or down}
dir=${2:-}
export SLURM_CONF=$dir/slurm.conf
case $command in
  install) install ;;
  up) up ;;
  start) slurmd -N "${3:?node}" ;;
  down) down ;;
  *) echo "cluster.sh: $command is not one of install, up, start, down" >&2 && exit 2 ;;
esac
