#!/usr/bin/env bash
# Gradescope runs this once, when the image is built: Python 3.11 or newer, torchgrade, and the data sets.
set -euo pipefail

root=${AUTOGRADER_ROOT:-/autograder}
source=$root/source

find_python() {
  for name in python3.13 python3.12 python3.11 python3; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      command -v "$name"
      return
    fi
  done
  return 1
}

export DEBIAN_FRONTEND=noninteractive
if ! find_python >/dev/null; then
  apt-get update
  apt-get install -y --no-install-recommends python3.12 python3.12-venv \
    || apt-get install -y --no-install-recommends python3.11 python3.11-venv
fi
python=$(find_python)
if ! "$python" -m venv "$root/torchgrade-venv"; then
  apt-get update
  apt-get install -y --no-install-recommends "$(basename "$python")-venv" || apt-get install -y python3-venv
  rm -rf "$root/torchgrade-venv"
  "$python" -m venv "$root/torchgrade-venv"
fi

cd "$source"
"$root/torchgrade-venv/bin/python" -m pip install --no-cache-dir -r requirements.txt
for name in $(cat data-sets.txt); do
  # Without a network a stand-in takes its place, and every result says so.
  "$root/torchgrade-venv/bin/torchgrade" data fetch "$name" --root "$source/data" || true
done
"$root/torchgrade-venv/bin/torchgrade" doctor || true
