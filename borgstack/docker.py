"""Docker as it has to be on the host: packages, source, daemon.json, unit; and the comparison."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from borgstack.change import Change, Code, compare
from borgstack.settings import Settings

KEYRING = "/etc/apt/keyrings/docker.asc"
SOURCES = "/etc/apt/sources.list.d/docker.sources"
_OURS = "# Written by borgstack"
"""How that file begins where this tool wrote it: Docker's documentation names its own so, too."""
DAEMON_JSON = "/etc/docker/daemon.json"
RECORD = "/etc/docker/borgstack.json"
"""Which of `OPTIONAL` this tool has put into daemon.json, with their values: what it may remove."""
OPTIONAL = ("registry-mirrors", "default-address-pools")
"""Keys of daemon.json that are declared only where a setting asks for them."""

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
_READ_ON_RELOAD = frozenset({"live-restore"})
"""Keys that a reload takes up; for the others dockerd has to be restarted (dockerd(8)). For mirrors
too: of one that it refuses a reload says nothing, and the next start, perhaps at a boot, fails."""


@dataclass(frozen=True)
class DockerState:
    """Docker on a host, as `docker_state.sh` prints it.

    :ivar packages: version by name; :ivar broken: packages that a killed run left half installed.
    :ivar held: packages that an administrator keeps as they are.
    :ivar key: owner (`MODE|UID|GID`) and fingerprints of the keyring, or None.
    :ivar files: owner and content by path.
    :ivar sources: what apt is given by each file: address, suite and keyring (`-` without one).
    :ivar unit: systemd's properties of docker.service.
    :ivar socket: what systemd has loaded of docker.socket; without it, dockerd does not start.
    :ivar loaded: whether the running daemon has read daemon.json as it is now.
    :ivar ahead: whether daemon.json's time is in the future, where it proves nothing.
    :ivar flags: what the running dockerd was started with.
    :ivar plugins: Compose plugins that somebody put where they go before the package's, with the
        version that each says to have; empty when it says none.
    :ivar unfinished: what an installation that died has left, for the next to go on with.
    :ivar namespaces: of containerd, in which others than Docker run something.
    :ivar proxies: the file of root's that names proxies for containers; empty without one.
    :ivar snap: whether Docker is there as a snap; :ivar swarm: whether this is a node of a Swarm.
    """

    packages: Mapping[str, str] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    held: frozenset[str] = frozenset()
    key: tuple[str, tuple[str, ...]] | None = None
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    sources: Mapping[str, frozenset[tuple[str, str, str]]] = field(default_factory=dict)
    unit: Mapping[str, str] = field(default_factory=dict)
    socket: str = ""
    loaded: bool = False
    ahead: bool = False
    flags: tuple[str, ...] = ()
    plugins: Mapping[str, str] = field(default_factory=dict)
    unfinished: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    proxies: str = ""
    snap: bool = False
    swarm: bool = False

    @property
    def running(self) -> bool:
        """Whether a daemon runs."""
        return self.unit.get("MainPID", "0") != "0"


def parse(lines: Iterable[str]) -> DockerState:
    """Read the lines of `docker_state.sh`."""
    rows: dict[str, list[str]] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        rows.setdefault(kind, []).append(rest)

    def number(kind: str) -> int:
        return int(rows.get(kind, ["0"])[-1])

    started, written, now = number("started"), number("written"), number("now")
    return DockerState(
        packages=dict(map(_pair, rows.get("package", ()))),
        broken=tuple(_pair(row)[0] for row in rows.get("broken", ())),
        held=frozenset(rows.get("held", ())),
        key=_key(rows),
        files=dict(map(_file, rows.get("file", ()))),
        sources=_sources(rows.get("source", ())),
        unit=dict(_pair(row, "=") for row in rows.get("unit", ())),
        socket=_pair(rows.get("socket", [""])[-1], "=")[1],
        # A start in the future was on a clock that was ahead: what was written since looks older.
        loaded="loaded" in rows or written < started <= now,
        ahead=written > now,
        flags=tuple(rows.get("flag", ())),
        plugins=dict(map(_pair, rows.get("plugin", ()))),
        unfinished=tuple(rows.get("unfinished", ())),
        namespaces=tuple(rows.get("namespace", ())),
        proxies=rows.get("proxies", [""])[-1],
        snap="snap" in rows,
        swarm="swarm" in rows,
    )


def _pair(row: str, between: str = " ") -> tuple[str, str]:
    name, _, value = row.partition(between)
    return name, value


def _key(rows: Mapping[str, list[str]]) -> tuple[str, tuple[str, ...]] | None:
    if "key" not in rows:
        return None
    owner, *fingerprints = rows["key"][-1].split()
    return owner, tuple(fingerprints)


def _file(row: str) -> tuple[str, tuple[str, bytes]]:
    path, owner, content = row.split(" ")
    return path, (owner, base64.b64decode(content))


def _sources(rows: Iterable[str]) -> dict[str, frozenset[tuple[str, str, str]]]:
    found: dict[str, frozenset[tuple[str, str, str]]] = {}
    for row in rows:
        path, address, suite, keyring = row.split()
        found[path] = found.get(path, frozenset()) | {(address.rstrip("/"), suite, keyring)}
    return found


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


def daemon_settings(settings: Settings) -> dict[str, Any]:
    """The keys of daemon.json that this project declares; the operator's others stay."""
    declared: dict[str, Any] = {
        "log-driver": "json-file",
        "log-opts": {
            "max-size": settings.docker_log_max_size,
            "max-file": str(settings.docker_log_max_files),
        },
        "live-restore": True,
    }
    if settings.registry_mirrors:
        declared["registry-mirrors"] = list(settings.registry_mirrors)
    if settings.docker_address_pools:
        declared["default-address-pools"] = [
            pool.model_dump() for pool in settings.docker_address_pools
        ]
    return declared


@dataclass(frozen=True)
class DaemonChange:
    """What has to happen to the daemon.

    :ivar content: of daemon.json; None when it stays.
    :ivar record: of `RECORD`, until daemon.json is written and from then on; `-` when it stays.
    """

    changes: tuple[Change, ...]
    content: str | None
    load: str
    record: tuple[str, str] = ("-", "-")


class UnreadableDaemonJson(Exception):
    """daemon.json is there and is no JSON object; it is the operator's, so it is left alone."""


def daemon_changes(settings: Settings, state: DockerState) -> DaemonChange | None:
    """What brings daemon.json and the unit to where they have to be; None when they are there.

    :raises UnreadableDaemonJson: says why the present file cannot be merged into.
    """
    owner, present = daemon_json(state)
    declared = daemon_settings(settings)
    foreign = foreign_options(present)
    merged = _merge(_without_options(present, foreign), declared)
    recorded = _recorded(state)
    withdrawn = [
        key
        for key in OPTIONAL
        if key not in declared and key in present and _same(present[key], recorded.get(key))
    ]
    for key in withdrawn:
        del merged[key]
    differing = [key for key, value in merged.items() if not _same(present.get(key), value)]
    ours = {
        key: declared[key]
        for key in OPTIONAL
        if key in declared and (key in differing or _same(declared[key], recorded.get(key)))
    }
    differing += withdrawn
    found = [Change(_DAEMON_FILE, Code.DIFFERS, key) for key in differing]
    # No value is shown: a registry's address can hold a password.
    found += [Change(_DAEMON_FILE, Code.CONFLICTS, f"log-opts {name}") for name in foreign]
    found += compare(_DAEMON_FILE, "mode and owner", "644|0|0", owner or None)
    if state.ahead and not state.loaded:
        found.append(Change(_DAEMON_FILE, Code.NOT_LOADED))  # as far as anybody can tell
    content = json.dumps(merged, indent=2) + "\n" if found else None

    record = ("-", "-")
    if not _same(ours, recorded):
        record = json.dumps({**recorded, **ours}), json.dumps(ours)
        found = found or [Change(f"file {RECORD}", Code.DIFFERS)]

    load = "none"
    # A reload leaves alone what stands in the file no longer.
    if not state.loaded or withdrawn or set(differing) - _READ_ON_RELOAD:
        load = "restart"
    elif differing:
        load = "reload"
    if not state.loaded and not found:
        found.append(Change(_DAEMON_FILE, Code.NOT_LOADED))
    found += _unit_changes(state.unit)
    if state.socket == "masked":
        found.append(Change("unit docker.socket", Code.DIFFERS, "UnitFileState", actual="masked"))
        load = "restart"
    return DaemonChange(tuple(found), content, load, record) if found else None


_DAEMON_FILE = f"file {DAEMON_JSON}"


def daemon_json(state: DockerState) -> tuple[str, dict[str, Any]]:
    """Owner (`MODE|UID|GID`) and content of daemon.json; an empty one is a good one to dockerd.

    :raises UnreadableDaemonJson: says why it cannot be read.
    """
    owner, raw = state.files.get(DAEMON_JSON, ("", b"{}"))
    try:
        present = json.loads(raw or b"{}", parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UnreadableDaemonJson(str(error)) from error
    if not isinstance(present, dict):
        raise UnreadableDaemonJson("it holds no JSON object")
    return owner, present


_OF_EVERY_DRIVER = frozenset(
    [
        "labels",
        "labels-regex",
        "env",
        "env-regex",
        "tag",
        "mode",
        "max-buffer-size",
        "max-size",
        "max-file",
    ]
)
"""Options that json-file takes as others do; with one that it does not know dockerd does not start
or makes no container (moby, daemon/logger/jsonfilelog)."""


def foreign_options(present: Mapping[str, Any]) -> list[str]:
    """The options in daemon.json that belong to the log driver which json-file replaces."""
    options = present.get("log-opts")
    if (present.get("log-driver") or "json-file") == "json-file" or not isinstance(options, dict):
        return []
    return [name for name in options if name not in _OF_EVERY_DRIVER]


def _without_options(present: dict[str, Any], foreign: Iterable[str]) -> dict[str, Any]:
    options = present.get("log-opts")
    if not isinstance(options, dict):
        return present
    kept = {name: value for name, value in options.items() if name not in set(foreign)}
    return {**present, "log-opts": kept}


def _unit_changes(unit: Mapping[str, str]) -> list[Change]:
    wanted = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}
    return [
        Change("unit docker.service", Code.DIFFERS, name, value, unit.get(name) or "unknown")
        for name, value in wanted.items()
        if unit.get(name) != value
    ]


def _recorded(state: DockerState) -> dict[str, Any]:
    """What `RECORD` says; a record that cannot be read says that nothing is ours."""
    try:
        found = json.loads(state.files.get(RECORD, ("", b"{}"))[1])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _same(one: object, other: object) -> bool:
    """Whether both are the same JSON: to Python 1 equals true, to dockerd it does not."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _merge(present: dict[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(present)
    for key, value in declared.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged
