#!/usr/bin/env bash
# Makes the Python environment that compare.py measures: install.sh [FOLDER], by default target/peers.
# Needs Python 3.11 (the pinned JAX has no wheels for 3.13) and some 1.5 GB of disk.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=${1:-target/peers}
python=${PYTHON:-python3.11}

"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --no-deps --requirement benchmarks/peers/requirements.txt
"$folder/bin/python" -m pip check
JAX_PLATFORMS=cpu "$folder/bin/python" -c 'import bqskit, qfactorjax.qfactor_sample_jax'
echo "installed in $folder"
