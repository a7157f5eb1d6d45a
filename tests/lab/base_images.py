"""Debian's base images under Docker Hub's own names, so that one Dockerfile serves with and
without the Hub: pulled where the Hub answers, else made from Debian's mirror by mmdebstrap."""

from __future__ import annotations

import hashlib
import subprocess

from tests.lab import engine, hub
from tests.lab.config import LABEL_BASE
from tests.lab.console import LabError, step
from tests.lab.docker import docker, inspect
from tests.lab.shell import lock_fds, run

MIRROR = "http://deb.debian.org"
SOURCES = {
    "bookworm": (
        f"deb {MIRROR}/debian bookworm main",
        f"deb {MIRROR}/debian bookworm-updates main",
        f"deb {MIRROR}/debian-security bookworm-security main",
    ),
    "trixie": (
        f"deb {MIRROR}/debian trixie main",
        f"deb {MIRROR}/debian trixie-updates main",
        f"deb {MIRROR}/debian-security trixie-security main",
    ),
    # The expiry date of testing's Release file passes between its rare updates.
    "forky": (f"deb [check-valid-until=no] {MIRROR}/debian forky main",),
}
# As in the Hub's images: what apt downloads and computes is not kept in a layer. (As a hook,
# because mmdebstrap itself needs the downloads.)
APT_SETTINGS = (
    'APT::Keep-Downloaded-Packages "false"; Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";'
)
APT_HOOK = f"""
    echo '{APT_SETTINGS}' > "$1/etc/apt/apt.conf.d/docker-clean"
    rm -f "$1"/var/cache/apt/*.bin "$1"/var/cache/apt/archives/*.deb
"""
# As in the Hub's slim images: no manuals, no translations, no fsync for each file.
DPKG_OPTIONS = (
    "force-unsafe-io",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/locale/*",
)


def reference(suite: str) -> str:
    """Return the Hub's name of a suite's slim image."""
    return f"debian:{suite}-slim"


def ensure(suite: str) -> None:
    """Make a suite's slim image present."""
    name = reference(suite)
    seen = inspect("image", [name])
    made_with = (seen[0]["Config"]["Labels"] or {}).get(LABEL_BASE) if seen else None
    if seen and made_with in (None, _recipe(suite)):
        return  # pulled or made by someone else, or made here in the present way
    if hub.answers():
        with step(f"pulling {name}"):
            docker("pull", "--quiet", name)
        return
    engine.install("mmdebstrap", "gpg", "debian-archive-keyring", program="mmdebstrap")
    with step(f"making {name} from {MIRROR}"):
        run(["docker", "tag", _bootstrap(suite), name])


def _command(suite: str) -> list[str]:
    options = [f"--dpkgopt={option}" for option in DPKG_OPTIONS]
    options.append(f"--customize-hook={APT_HOOK}")
    return ["mmdebstrap", "--quiet", "--variant=minbase", *options, suite, "-", *SOURCES[suite]]


def _recipe(suite: str) -> str:
    """Return a hash of how the lab makes a suite's image."""
    return hashlib.sha256(repr(_command(suite)).encode()).hexdigest()


def _bootstrap(suite: str) -> str:
    """Stream a minimal system into the engine; the name comes later, when all of it is there."""
    label = f"LABEL {LABEL_BASE}={_recipe(suite)}"
    make = _command(suite)
    load = ["docker", "import", "--change", label, "--change", 'CMD ["bash"]', "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(make, stdout=pipe, stderr=pipe, pass_fds=lock_fds) as maker:
        loaded = subprocess.run(
            load, stdin=maker.stdout, capture_output=True, text=True, pass_fds=lock_fds
        )
        assert maker.stdout is not None
        assert maker.stderr is not None
        maker.stdout.close()  # ends a maker whose output nobody takes any more
        errors = maker.stderr.read().decode()
    if maker.returncode or loaded.returncode:
        raise LabError(
            f"mmdebstrap to make Debian {suite}",
            errors[-2000:] + loaded.stderr,
            f"is {MIRROR} in reach? `mmdebstrap --variant=minbase {suite} /dev/null`",
        )
    return loaded.stdout.strip()
