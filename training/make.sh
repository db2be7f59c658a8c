#!/bin/sh
# From nothing to the shipped network: sh training/make.sh  (Debian; see MODEL_CARD.md for time and machine).
# Goes on where it stopped. SEED and WORK of a second run: see "Reproducing" in MODEL_CARD.md.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
lines=${LINES_HEAD:-26000}
if [ "${SKIP_INSTALL:-}" = "" ]; then
    apt-get install -y --no-install-recommends $(cat training/packages.txt)
    [ -x "$python" ] || python3 -m venv .venv
    "$python" -m pip install -r training/requirements.txt
fi
export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0
"$python" training/generate.py --count "$lines" --seed "${SEED:-10}" --out training/work/train
"$python" training/generate.py --count 1000 --seed 11 --held-out --out training/work/check
"$python" training/train.py --stage head --lines "$lines" --seed "${SEED:-10}"
"$python" training/export.py training/work/head.pt
"$python" training/calibrate.py
"$python" training/evaluate.py
