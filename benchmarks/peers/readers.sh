#!/usr/bin/env bash
# Makes the Python environment with which tests/readers.rs reads what bqc writes: readers.sh [FOLDER], by default
# target/readers. Needs Python 3.10 or newer and some 500 MB of disk.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=${1:-target/readers}
python=${PYTHON:-python3}

"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet qiskit==2.2.3 pytket==2.18.5 pyzx==0.10.8
"$folder/bin/python" -m pip check
echo "installed in $folder"
