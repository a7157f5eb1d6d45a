#!/bin/sh
# Makes .venv, on a machine that may have nothing but Python: what a deploy needs, or all that tests
# and linters need as well. Nothing is resolved here: what is installed is what the lock names, the
# same today and in a year, with every pip since 22.0.
#
# Usage: scripts/make-venv.sh deploy|dev [PYTHON]
set -eu
cd "$(dirname "$0")/.."
lock=$1 python=${2:-python3}

"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || {
  echo "expected Python 3.11 to 3.13; saw $("$python" --version 2>&1)." >&2
  echo "Install one and name it: make PYTHON=python3.13 setup" >&2
  exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  # Debian and Ubuntu ship Python without these.
  package=$("$python" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))')
  echo "installing $package"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package"
fi
# A .venv whose Python has gone, or has become another, is made anew.
of() { "$1" -c 'import sys; print(sys.version_info[:2])' 2>/dev/null; }
if [ "$(of .venv/bin/python)" != "$(of "$python")" ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  "$python" -m venv --clear .venv
fi
pip() { .venv/bin/python -m pip "$@"; }
# --no-deps: the lock is whole; a pip that looked for itself would stumble over a newer release of
# whatever a package asks for by an extra. Wheels alone: a build would fetch its own tools.
pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  -r "requirements/$lock.txt"
# Editable, with the setuptools of the lock.
pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
pip check --disable-pip-version-check >/dev/null || {
  pip check --disable-pip-version-check >&2 || true
  echo "requirements/$lock.txt does not fit pyproject.toml: make lock, then run this again." >&2
  exit 1
}
# pyinfra never writes byte code: without this, every run would compile the library again.
.venv/bin/python -m compileall -q borgstack tasks
[ "$lock" = deploy ] || touch .venv/.dev
touch .venv/.deploy
