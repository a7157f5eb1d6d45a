"""Docker on the host as one look at it prints it (`borgstack/remote/docker_state.sh`)."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


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
