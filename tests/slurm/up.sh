#!/usr/bin/env bash
# A private Slurm on this machine, for tests and for trying things out: several nodes of this one host, a
# munge key and loopback ports of its own, no systemd, no root needed, nothing shared with an installed one.
#
#   up.sh DIR [NODES [CPUS [GPUS]]]   starts it; `. DIR/env` lets srun, sbatch, squeue … talk to it
#   up.sh --kill DIR N                kills node N: its slurmd, its steps and all that they run
#   up.sh --lose DIR N                kills its slurmd and its steps; what they run goes on, an orphan
#   up.sh --node DIR N                starts node N again after either
#   up.sh --controller DIR            starts the controller again
#   up.sh --down DIR                  stops it, with all that runs on it
#
# With OWNER=PID in the environment it goes down by itself when that process has ended.
# Debian: apt-get install -y --no-install-recommends slurm-wlm slurm-wlm-basic-plugins munge
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
HERE=$(realpath "$0")
# A process that has this in its environment belongs to the instance; this one must not.
[ -z "${BQC_TEST_SLURM:-}" ] || exec env -u BQC_TEST_SLURM "$HERE" "$@"

usage() { sed -n '5,10s/^# *//p' "$0" >&2; exit 2; }

# Whether a process still does something; one that nobody waits for stays as a zombie.
runs() { local state; state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) && [ -n "$state" ] && [ "$state" != Z ]; }

# Those of the processes whose environment has the line $1. It must not contain what a pattern would.
with_variable() { grep -lzxF "$1" /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\n' || true; }

# The processes that hold one job step each, which write over their environment. They log to the file of
# their node $2 (any node if it is `*`) of instance $1.
steps() {
  local pid log
  for pid in $(pgrep '^slurmstepd' || true); do
    log=$(readlink "/proc/$pid/fd/3" 2>/dev/null || true)
    # shellcheck disable=SC2053 # $2 may be a pattern
    if [[ $log == "$1"/slurmd.$2.log ]]; then echo "$pid"; fi
  done
}

# All processes of instance $1 but this one: daemons, steps and what they run.
members() {
  local pid
  for pid in $(with_variable "BQC_TEST_SLURM=$1") $(steps "$1" '*'); do
    if [ "$pid" != $$ ] && runs "$pid"; then echo "$pid"; fi
  done
}

# The tasks of node $2 and all that they started.
tasks() { comm -12 <(with_variable "BQC_TEST_SLURM=$1" | sort) <(with_variable "SLURMD_NODENAME=$2" | sort); }

# Kills the daemons of node $2; its steps first, or slurmd would tell of their end.
kill_daemons() {
  local pid
  pid=$(cat "$1/slurmd.$2.pid")
  kill -STOP "$pid"
  for pid in $(steps "$1" "$2") "$pid"; do kill -KILL "$pid" 2>/dev/null || true; done
}

down() {
  local dir=$1 pid signal
  # Jobs first, so that nothing is started or requeued; the rest gently if it may be.
  # shellcheck source=/dev/null
  (. "$dir/env"; timeout 3 scancel --quiet --full --signal=KILL --user="$(id -un)"; timeout 3 scancel --quiet --user="$(id -un)") 2>/dev/null || true
  # One that is killed may have to wait for a disk before it is gone.
  for signal in TERM:40 KILL:1200; do
    for pid in $(members "$dir"); do kill -"${signal%:*}" "$pid" 2>/dev/null || true; done
    for _ in $(seq "${signal#*:}"); do
      [ -n "$(members "$dir")" ] || return 0
      sleep 0.05
    done
  done
  echo "up.sh: some processes of $dir do not end" >&2
  return 1
}

# $1 ports in a row that nobody listens on, below those that the system gives out.
free_ports() {
  local n=$1 used base try i
  used=" $(awk 'FNR > 1 { split($2, a, ":"); print a[2] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null | sort -u | tr '\n' ' ') "
  for try in $(seq 100); do
    base=$((20000 + (RANDOM + try) % 10000))
    for ((i = 0; i < n; i++)); do
      case $used in *" $(printf '%04X' $((base + i))) "*) continue 2 ;; esac
    done
    echo "$base"
    return
  done
  return 1
}

configure() {
  local dir=$1 nodes=$2 cpus=$3 gpus=$4 me host base memory n gres=''
  local devices=(null zero full random urandom)
  me=$(id -un); host=$(uname -n); host=${host%%.*}
  base=$(free_ports $((nodes + 1)))
  memory=$(awk '/^MemTotal:/ { print int($2 / 2048) }' /proc/meminfo)
  echo "AutoDetect=off" > "$dir/gres.conf"
  if [ "$gpus" -gt 0 ]; then
    # Slurm wants one character device for each; these exist everywhere, and nobody opens them.
    for ((n = 0; n < gpus; n++)); do echo "Name=gpu Type=fake File=/dev/${devices[n]}" >> "$dir/gres.conf"; done
    gres="Gres=gpu:fake:$gpus"
  fi
  cat > "$dir/slurm.conf" << END
ClusterName=private
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$base
SlurmUser=$me
SlurmdUser=$me
AuthType=auth/munge
AuthInfo=socket=$dir/munge.sock,cred_expire=10
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
PriorityType=priority/basic
SlurmdParameters=config_overrides
ReturnToService=2
InactiveLimit=0
KillWait=2
MessageTimeout=30
SlurmctldTimeout=10
SlurmdTimeout=300
UnkillableStepTimeout=180
MailProg=/bin/true
GresTypes=gpu
END
  for ((n = 0; n < nodes; n++)); do
    echo "NodeName=n$n NodeHostname=$host NodeAddr=127.0.0.1 Port=$((base + 1 + n)) CPUs=$cpus RealMemory=$memory $gres State=UNKNOWN"
  done >> "$dir/slurm.conf"
  echo "PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP" >> "$dir/slurm.conf"
  cat > "$dir/env" << END
export SLURM_CONF=$dir/slurm.conf BQC_TEST_SLURM=$dir
END
}

start_node() { slurmd -c -N "n$2" -f "$1/slurm.conf"; }

start() {
  local dir=$1 nodes=$2 n
  munged --force --key-file="$dir/munge.key" --socket="$dir/munge.sock" --pid-file="$dir/munged.pid" \
    --log-file="$dir/munged.log" --seed-file="$dir/munge.seed" 2> "$dir/munged.err"
  slurmctld -c -f "$dir/slurm.conf"
  for ((n = 0; n < nodes; n++)); do mkdir -p "$dir/spool.n$n"; start_node "$dir" "$n"; done
  for _ in $(seq 600); do
    if [ "$(timeout 2 sinfo -h -N -o %T 2>/dev/null | grep -cx idle)" = "$nodes" ]; then return 0; fi
    sleep 0.1
  done
  return 1
}

# Takes the instance in $1 down when process $2 has ended, however that was.
watch_owner() {
  while runs "$2" && [ -e "$1/env" ]; do sleep 0.5; done
  "$HERE" --down "$1"
}

case ${1:-} in
  --down) [ $# = 2 ] || usage; down "$(realpath "$2")" ;;
  --kill | --lose)
    [ $# = 3 ] || usage
    dir=$(realpath "$2")
    kill_daemons "$dir" "n$3"
    if [ "$1" = --kill ]; then for pid in $(tasks "$dir" "n$3"); do kill -KILL "$pid" 2>/dev/null || true; done; fi ;;
  --node | --controller)
    dir=$(realpath "$2")
    # shellcheck source=/dev/null
    . "$dir/env"
    if [ "$1" = --node ]; then [ $# = 3 ] || usage; start_node "$dir" "$3"; else slurmctld -f "$dir/slurm.conf"; fi ;;
  '' | -*) usage ;;
  *)
    dir=$(realpath -m "$1"); nodes=${2:-4}; cpus=${3:-2}; gpus=${4:-0}
    mkdir -p "$dir/state"; chmod 755 "$dir"
    (umask 077; head -c 128 /dev/urandom > "$dir/munge.key")
    # Somebody may take a port between the look and the start.
    for _ in 1 2 3; do
      configure "$dir" "$nodes" "$cpus" "$gpus"
      # shellcheck source=/dev/null
      . "$dir/env"
      if start "$dir" "$nodes"; then
        if [ -n "${OWNER:-}" ]; then watch_owner "$dir" "$OWNER" < /dev/null > /dev/null 2>&1 & fi
        echo "$nodes nodes of $cpus cores and $gpus GPUs are up; . $dir/env"
        exit 0
      fi
      down "$dir"
    done
    echo "up.sh: Slurm does not start; its logs:" >&2
    tail -n 20 "$dir"/*.log >&2
    exit 1 ;;
esac
