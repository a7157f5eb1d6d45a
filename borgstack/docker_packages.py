"""Docker's packages, apt source and key: what the settings call for, and in what a host differs.

`borgstack/remote/docker_install.sh` closes the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from borgstack.change import Change, Code, compare
from borgstack.live_docker import DockerState
from borgstack.settings import Settings

KEYRING = "/etc/apt/keyrings/docker.asc"
SOURCES = "/etc/apt/sources.list.d/docker.sources"
_OURS = "# Written by borgstack"
"""How that file begins where this tool wrote it: Docker's documentation names its own so, too."""

FROM_DOCKER = ("docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin")
FROM_DISTRIBUTION: Mapping[str, tuple[str, ...]] = {
    "debian": ("docker.io", "docker-cli", "docker-compose"),
    "ubuntu": ("docker.io", "docker-compose-v2"),
}
_DISTRIBUTION_ONLY = (
    "docker.io",
    "docker-cli",
    "docker-compose",
    "docker-compose-v2",
    "docker-buildx",
    "docker-doc",
    "podman-docker",
    "containerd",
    "runc",
)
"""What Docker's documentation has removed before its own packages are installed."""
_DOCKER_ONLY = (*FROM_DOCKER, "docker-buildx-plugin", "docker-ce-rootless-extras")
EVERY_PACKAGE = tuple(dict.fromkeys((*_DOCKER_ONLY, *_DISTRIBUTION_ONLY)))

LEAST_ENGINE = 25
"""The first major version with `start_interval` for health checks."""


@dataclass(frozen=True)
class Wanted:
    """What the settings call for on a host of this distribution."""

    packages: tuple[str, ...]
    conflicts: tuple[str, ...]
    sources: str
    address: str
    suite: str
    fingerprint: str

    @property
    def key_url(self) -> str:
        """Where the key of these packages is."""
        return f"{self.address}/gpg" if self.address else ""


def wanted(settings: Settings, system: str, codename: str, machine: str) -> Wanted:
    """What has to be installed on a host, given os-release's ID and codename, and `uname -m`."""
    if settings.docker_source == "distribution":
        packages = FROM_DISTRIBUTION[system]
        return Wanted(packages, _DOCKER_ONLY, "", "", "", "")
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[machine]
    base = f"{settings.docker_apt_url}/linux/{system}"
    sources = (
        f"{_OURS}; a deploy puts this file back.\n"
        "Types: deb\n"
        f"URIs: {base}\n"
        f"Suites: {codename}\n"
        "Components: stable\n"
        f"Architectures: {architecture}\n"
        f"Signed-By: {KEYRING}\n"
    )
    fingerprint = settings.docker_apt_fingerprint
    return Wanted(FROM_DOCKER, _DISTRIBUTION_ONLY, sources, base, codename, fingerprint)


def install_changes(goal: Wanted, state: DockerState) -> list[Change]:
    """Why packages, source or key have to be touched; empty when they are in place."""
    found = [
        Change(f"{kind} {name}", code)
        for kind, code, names in (
            ("package", Code.MISSING, [one for one in goal.packages if one not in state.packages]),
            ("package", Code.UNFINISHED, state.broken),
            ("package", Code.CONFLICTS, [one for one in goal.conflicts if one in state.packages]),
            ("file", Code.UNFINISHED, state.unfinished),
            ("file", Code.CONFLICTS, doubled(goal, state)),
        )
        for name in names
    ]
    if goal.sources:
        key = _as_text(*state.key) if state.key else None
        found += compare(f"file {KEYRING}", "", _as_text("644|0|0", (goal.fingerprint,)), key)
        if state.files.get(SOURCES) != ("644|0|0", goal.sources.encode()):
            code = Code.DIFFERS if SOURCES in state.files else Code.MISSING
            found.append(Change(f"file {SOURCES}", code))
    elif _is_ours(state):
        found.append(Change(f"file {SOURCES}", Code.UNDECLARED))
    return found


def _is_ours(state: DockerState) -> bool:
    return state.files.get(SOURCES, ("", b""))[1].startswith(_OURS.encode())


def _as_text(owner: str, fingerprints: Iterable[str]) -> str:
    return " ".join((owner, *fingerprints))


def to_install(goal: Wanted, state: DockerState) -> list[str]:
    """The packages that apt is to install or renew; what is held stays as it is."""
    return [name for name in goal.packages if name not in state.held or name not in state.packages]


def naming(goal: Wanted, state: DockerState) -> dict[str, frozenset[str]]:
    """The files with whose entries apt would refuse every source of the host, and the one of ours
    that somebody else wrote; and what else each names.

    Such an entry names the same repository and suite with another key; with the same key or none
    apt takes both (apt 2.6, "Conflicting values set for option Signed-By").
    """

    def conflicts(entry: tuple[str, str, str]) -> bool:
        address, suite, keyring = entry
        return (address, suite) == (goal.address, goal.suite) and keyring not in ("-", KEYRING)

    found = {
        path: frozenset(entry[0] for entry in entries if not conflicts(entry))
        for path, entries in state.sources.items()
        if path != SOURCES and any(map(conflicts, entries))
    }
    if goal.sources and SOURCES in state.sources and not _is_ours(state):
        addresses = frozenset(address for address, *_ in state.sources[SOURCES])
        found[SOURCES] = addresses - {goal.address}
    return found


def doubled(goal: Wanted, state: DockerState) -> list[str]:
    """Those of them that name nothing else, so that this tool's can take their place."""
    return [path for path, others in naming(goal, state).items() if not others]


def too_old(state: DockerState) -> str | None:
    """The installed engine's version when health checks need a newer one."""
    for name in ("docker-ce", "docker.io"):
        version = state.packages.get(name)
        if version and int(version.split(":")[-1].split(".")[0]) < LEAST_ENGINE:
            return f"{name} {version}"
    return None
