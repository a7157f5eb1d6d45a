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
  [ "$(id -u)" = 0 ] || {
    echo "expected Python's modules ensurepip and venv; $python lacks one of them." >&2
    echo "Install them ('sudo apt-get install $package'), then run this again." >&2
    exit 1
  }
  echo "installing $package"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package"
fi
# A .venv whose Python has gone, or has become another, is made anew; so is one that came here from
# another folder, whose path its programs begin with.
of() { "$1" -c 'import sys; print(sys.version_info[:2])' 2>/dev/null; }
here() { case $(.venv/bin/pip --version 2>/dev/null) in *" $(pwd -P)/.venv/"*) ;; *) return 1 ;; esac; }
if [ "$(of .venv/bin/python)" != "$(of "$python")" ] || ! here; then
  "$python" -m venv --clear .venv
fi
# Mirror, proxy and certificates are those that this machine's pip is told of; where it installs
# elsewhere, what else is there, and which versions, is nothing to a venv that has a lock.
pip() {
  PIP_USER=0 PIP_CONSTRAINT=/dev/null PIP_REQUIRE_HASHES=0 PYTHONPATH='' .venv/bin/python -m pip "$@"
}
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
