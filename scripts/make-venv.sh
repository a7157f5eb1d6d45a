#!/bin/sh
# Makes .venv with the locked versions, on a machine that may have nothing but Python.
# Usage: scripts/make-venv.sh [PYTHON]
set -eu
cd "$(dirname "$0")/.."
python=${1:-python3}

"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || {
  echo "expected Python 3.11 to 3.13; saw $("$python" --version 2>&1)." >&2
  echo "Install one and name it: make PYTHON=python3.13 setup" >&2
  exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  # Debian and Ubuntu ship Python without these.
  echo "installing python3-venv"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv
fi
[ -x .venv/bin/pip ] || "$python" -m venv --clear .venv
.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --editable .
# pyinfra never writes byte code: without this, every run would compile the library again.
.venv/bin/python -m compileall -q borgstack tasks
touch .venv/.locked
