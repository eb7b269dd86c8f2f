#!/usr/bin/env bash
# Everything there is to measure on a machine with a GPU, in one go. That machine needs NVIDIA's driver and
# this folder; no CUDA, no compiler, no network.
#
#   benchmarks/gpu/run.sh pack KIT.tar.gz     here: build, and pack the programs, the circuits and this script
#   bqc-gpu/run.sh [--quick] [--records DIR] [--tar DIR] [--python PROGRAM] [--steps 'gpu instantiate compile jax']
#                                             there: measure; the records' DIR defaults to records/DATE-GPU-COMMIT
#
# A step that fails keeps no other from being measured. All together are to take less than half an hour on sixteen
# cores; where one command may not last so long, --steps takes some of them at a time, and those of one
# --records DIR share its summary. --tar DIR packs the record into one file DIR/DATE-GPU-COMMIT.tar.gz at the end and
# every 15 seconds, so that there is one whatever ends this; without it the variable OUT names the folder, if it is set.
#
# In a checkout the second form takes the programs from target/release, or from --programs DIR, and writes below
# benchmarks/records. --quick: does everything run? Its figures are worth nothing. The folder then holds
#
#   doctor.txt      the machine, its GPUs and their ceilings, measured now
#   gpu.csv         candidates by both engines, raw; gpu-callers.csv the same as a run has them; gpu-preparation.csv
#                   what a candidate costs the host; gpu-device.csv what they depend on
#   instantiate.csv sweeps and instantiations by both engines, raw; qfactor_jax.csv the same templates on JAX, where
#                   PROGRAM (python3) has it; templates/ the templates
#   compile.csv     three circuits by both engines in turns, raw wall times; every output is verified
#   SUMMARY.md      the tables, as far as they have come
#
# Exit: 0 all measured; 1 no usable GPU, an engine that does not conform, a device that left some of its work to the
# CPU, or an output that is not its input's circuit. What was measured stays in the folder.
set -euo pipefail

complain() { printf 'run.sh: %s\n' "$*" >&2; }
fail() { complain "$@"; exit 1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ -x "$here/bqc" ]; then # unpacked
    programs=$here circuits=$here/circuits records=$here/records
else
    root=$(cd "$here/../.." && pwd)
    programs=$root/target/release circuits=$root/circuits records=$root/benchmarks/records
fi

# Ten wires of an adder, a search for 11 among 16, a chain of eight spins: blocks of different kinds.
CIRCUITS=(adder_n10 grover_n5 heisenberg_n8)
QUICK_CIRCUITS=(adder_n4)
# No repetition of the compiles begins after so many seconds.
COMPILE_SECONDS=240

commit() {
    local dirty=
    if [ -f "$here/commit" ]; then
        cat "$here/commit"
    else
        [ -z "$(git -C "$here" status --porcelain --untracked-files=no 2>/dev/null)" ] || dirty=-dirty
        printf '%s%s\n' "$(git -C "$here" rev-parse --short=10 HEAD 2>/dev/null || echo unknown)" "$dirty"
    fi
}

pack() {
    local kit=$1 staging name
    (cd "$root" && cargo build --release --locked --target-dir target -p bqc -p bqc-benchmarks)
    staging=$(mktemp -d)
    mkdir -p "$staging/bqc-gpu/circuits"
    cp "$programs/bqc" "$programs/bqc-bench" "$here/run.sh" "$here/qfactor_jax.py" "$staging/bqc-gpu/"
    for name in "${CIRCUITS[@]}" "${QUICK_CIRCUITS[@]}"; do
        cp "$circuits/$name.qasm" "$staging/bqc-gpu/circuits/"
    done
    commit >"$staging/bqc-gpu/commit"
    (cd "$root" && rustc --version) >"$staging/bqc-gpu/rustc"
    tar -czf "$kit" -C "$staging" bqc-gpu
    rm -r "$staging"
    printf 'packed %s: copy it to the machine with the GPU, unpack it, and run bqc-gpu/run.sh\n' "$kit"
}

# One compile: its wall seconds, the CX that are left. The circuit must be verified, and the GPU must have done
# what it was asked for.
compile_once() { # circuit engine
    local circuit=$1 engine=$2 begin end why=
    begin=$(date +%s%N)
    "$programs/bqc" compile "$circuits/$circuit.qasm" --engine "$engine" --workers off --seed 1 "${options[@]}" \
        -o "$scratch/out.qasm" 2>"$scratch/talk" || why="exit $?: $(cat "$scratch/talk")"
    end=$(date +%s%N)
    if [ -z "$why" ] && grep -qE 'no GPU|the CPU did ' "$scratch/talk"; then
        why=$(cat "$scratch/talk")
    fi
    if [ -z "$why" ]; then
        "$programs/bqc" verify "$circuits/$circuit.qasm" "$scratch/out.qasm" >"$scratch/distance" ||
            why="the output is another circuit: $(cat "$scratch/distance")"
    fi
    if [ -n "$why" ]; then
        complain "$circuit by $engine: $why"
        return 1
    fi
    seconds=$(awk -v ns=$((end - begin)) 'BEGIN { printf "%.3f", ns / 1e9 }')
    n_cx=$(grep -c '^cx ' "$scratch/out.qasm" || true)
}

# Takes a section of an earlier run out of the summary.
forget() { # title
    [ -f "$folder/SUMMARY.md" ] || return 0
    awk -v head="## $1" '/^## / { skip = ($0 == head) } !skip' "$folder/SUMMARY.md" >"$scratch/summary"
    cp "$scratch/summary" "$folder/SUMMARY.md"
}

# The section of the compiles so far.
summarise_compiles() {
    forget 'gpu compile'
    {
        printf '\n## gpu compile\n\nUp to %s repetitions in turns, `%s`, one process; the best wall time of each.\n' \
            "$repeats" "${options[*]}"
        printf '\n| circuit | s GPU | s CPU | ratio | CX GPU | CX CPU |\n|---|---|---|---|---|---|\n'
        awk -F, 'NR > 1 {
            key = $1 SUBSEP $2
            if (!(key in best) || $5 < best[key]) best[key] = $5
            cx[key] = $6
            if (!($1 in seen)) { seen[$1]; order[++n] = $1 }
        } END {
            for (i = 1; i <= n; i++) {
                g = order[i] SUBSEP "cuda"; c = order[i] SUBSEP "cpu"
                ratio = (best[g] > 0 && best[c] > 0) ? sprintf("%.2f", best[c] / best[g]) : "–"
                printf "| %s | %s | %s | %s | %s | %s |\n", order[i], best[g], best[c], ratio, cx[g], cx[c]
            }
        }' "$folder/compile.csv"
    } >>"$folder/SUMMARY.md"
}

# Everything in turns, and again while there is time.
compile_all() {
    local circuit engine repetition begin=$SECONDS done_well=0 raw=$folder/compile.csv
    echo 'circuit,engine,repetition,options,wall_seconds,cx' >"$raw"
    for repetition in $(seq "$repeats"); do
        [ "$repetition" = 1 ] || [ $((SECONDS - begin)) -lt "$COMPILE_SECONDS" ] || break
        for circuit in "${CIRCUITS[@]}"; do
            for engine in cuda cpu; do
                compile_once "$circuit" "$engine" || { done_well=1; continue; }
                echo "$circuit,$engine,$repetition,${options[*]},$seconds,$n_cx" >>"$raw"
                summarise_compiles
                printf '%-16s %-4s %s s, %s CX\n' "$circuit" "$engine" "$seconds" "$n_cx"
            done
        done
    done
    return "$done_well"
}

jax() {
    forget 'gpu qfactor-jax'
    if "$python" -c 'import bqskit, jax, qfactorjax' 2>/dev/null; then
        "$python" "$here/qfactor_jax.py" --templates "$folder/templates" --records "$folder"
    else
        printf '\n## gpu qfactor-jax\n\nNot measured: `%s` has no BQSKit with qfactor-jax.\n' "$python" \
            >>"$folder/SUMMARY.md"
    fi
}

# The record as one file, whole at any time.
pack_record() {
    local file part
    [ -n "$tar_folder" ] || return 0
    file=$tar_folder/$(basename "$folder").tar.gz part=$tar_folder/.$BASHPID.part
    # 1: a file has grown meanwhile.
    tar -czf "$part" -C "$(dirname "$folder")" "$(basename "$folder")" 2>/dev/null || [ $? = 1 ] || return 1
    mv "$part" "$file"
}

# What one step is called, and whether it went well.
step() {
    case $1 in
    gpu) "$programs/bqc-bench" gpu $quick --records "$folder" ;;
    instantiate) "$programs/bqc-bench" instantiate $quick --need-gpu --most-wires 10 --templates "$folder/templates" \
        --records "$folder" ;;
    compile) compile_all ;;
    jax) jax ;;
    esac
}

quick='' folder='' tar_folder=${OUT:-} python=python3 steps='' options=(--effort 3) repeats=3
if [ "${1:-}" = pack ]; then
    [ $# = 2 ] || fail 'usage: run.sh pack KIT.tar.gz'
    [ -n "${root:-}" ] || fail 'pack works in a checkout'
    pack "$2"
    exit
fi
while [ $# -gt 0 ]; do
    case $1 in
    --quick)
        quick=--quick options=(--flow delete -k 3 --passes 2) repeats=1
        CIRCUITS=("${QUICK_CIRCUITS[@]}")
        ;;
    --programs)
        [ $# -ge 2 ] || fail '--programs needs a folder'
        programs=$2
        shift
        ;;
    --steps)
        [ $# -ge 2 ] || fail '--steps needs a list'
        for name in $2; do
            [[ $name =~ ^(gpu|instantiate|compile|jax)$ ]] ||
                fail "no step is called $name; there are gpu, instantiate, compile and jax"
        done
        steps=$2
        shift
        ;;
    --python)
        [ $# -ge 2 ] || fail '--python needs a program'
        python=$2
        shift
        ;;
    --records)
        [ $# -ge 2 ] || fail '--records needs a folder'
        folder=$2
        shift
        ;;
    --tar)
        [ $# -ge 2 ] || fail '--tar needs a folder'
        tar_folder=$2
        shift
        ;;
    *) fail "unknown argument $1; the head of this script says what there is" ;;
    esac
    shift
done
for program in bqc bqc-bench; do
    [ -x "$programs/$program" ] || fail "no program $programs/$program; build with cargo build --release --workspace"
done

scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT
"$programs/bqc" doctor --ceilings >"$scratch/doctor.txt"
cat "$scratch/doctor.txt"
grep -q 'auto is cuda/' "$scratch/doctor.txt" || fail 'no GPU is usable here; the lines above say why'
gpu=$(sed -n 's|.*auto is cuda/\(.*\) with cpu/.*|\1|p' "$scratch/doctor.txt" | head -n 1)
gpu=$(printf '%s' "$gpu" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9\n' - | sed 's/^-//; s/-$//')
folder=${folder:-$records/$(date -u +%F)-$gpu-$(commit)}
mkdir -p "$folder"
cp "$scratch/doctor.txt" "$folder/doctor.txt"
# The summary of a whole run begins anew.
[ -n "$steps" ] || rm -f "$folder/SUMMARY.md"
if command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,power.limit --format=csv >"$folder/nvidia-smi.csv" || true
fi

packer=
finish() {
    if [ -n "$packer" ]; then
        kill "$packer" 2>/dev/null || true
        pack_record || complain "the record could not be packed into $tar_folder"
        rm -f "$tar_folder"/.*.part
    fi
    rm -r "$scratch"
}
trap finish EXIT
if [ -n "$tar_folder" ]; then
    mkdir -p "$tar_folder"
    # For whoever ends a step from outside.
    while sleep 15; do pack_record || true; done >/dev/null 2>&1 &
    packer=$!
fi

failed=()
for name in ${steps:-gpu instantiate compile jax}; do
    begin=$SECONDS
    step "$name" || failed+=("$name")
    printf '%s took %s s\n' "$name" $((SECONDS - begin))
done
printf 'recorded in %s\n' "$folder"
[ ${#failed[@]} = 0 ] || fail "failed: ${failed[*]}; the lines above say why"
