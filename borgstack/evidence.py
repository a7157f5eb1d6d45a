"""What `borgstack verify` has seen of a host, from inside and from outside, before it is judged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from borgstack import bridge, services
from borgstack.bridge import Bridge


@dataclass(frozen=True)
class Disk:
    """A file system: free and all bytes, free and all inodes (0 where it does not count them)."""

    free: int
    size: int
    free_inodes: int
    inodes: int


@dataclass(frozen=True)
class Container:
    """A container as `docker inspect` shows it; `started` is in seconds since 1970."""

    service: str
    status: str
    exit_code: int
    health: str
    restarts: int
    started: float


@dataclass(frozen=True)
class Volume:
    """A named volume in a container.

    :ivar kept: device and inode of the folder that Docker keeps on the host.
    :ivar used: those of the folder that the processes in the container see; `-` without any.
    """

    service: str
    name: str
    path: str
    kept: str
    used: str


@dataclass(frozen=True)
class Memory:
    """What a container holds and cannot give back, its limit, and processes killed for want."""

    used: int
    limit: int
    kills: int


@dataclass(frozen=True)
class Socket:
    """Something that listens; `who` is a process, or a container that publishes the port."""

    address: str
    port: int
    who: str

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.address.startswith("127.") or self.address in {"::1", "[::1]"}


@dataclass(frozen=True)
class Process:
    """A Sidekiq process: when it last said that it lives, and whether it takes no more jobs."""

    beat: float
    quiet: bool


@dataclass(frozen=True)
class Jobs:
    """Redis and what Sidekiq keeps in it.

    :ivar info: what Redis says of its own memory and files, in its words.
    :ivar now: Redis' clock, which all the times here go by.
    :ivar renewed: when Sidekiq's own job last renewed its key; the start renews it too.
    :ivar next: when that job is due again; only the job itself writes this.
    :ivar waiting: since when the oldest job of each queue waits.
    """

    ping: str = ""
    policy: str = ""
    info: Mapping[str, str] = field(default_factory=dict)
    now: float = 0
    onboarding: bool | None = None
    renewed: float | None = None
    next: float | None = None
    processes: Mapping[str, Process] = field(default_factory=dict)
    waiting: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class HostObservation:
    """One look at a host by `verify_state.sh`; None stands for an answer that did not come.

    :ivar blind: why nothing but the clock and the disks could be looked at.
    :ivar asked: the laptop's clock just before and just after the look.
    :ivar ssh_port: where this very look came in; unknown behind sudo.
    :ivar env: `TYPE|MODE|UID|GID` of `.env`, or `missing`.
    :ivar engine: `running`, `stopped` or `missing`.
    :ivar containers: those of the stack, by service.
    :ivar migrated: the versions of the database's schema.
    :ivar web: what the web process answered, see `chatwoot_web.rb`.
    :ivar alive: whether the worker's health port says so.
    :ivar smtp: `ok`, or why not.
    :ivar states: what services say of themselves by `state.sh`; those that a check judges.
    :ivar bridge: what is seen of WhatsApp; where it is switched off, nothing.
    """

    blind: str = ""
    asked: tuple[float, float] = (0, 0)
    clock: float | None = None
    ssh_port: int = 22
    disks: Mapping[str, Disk] = field(default_factory=dict)
    env: str | None = None
    engine: str = "missing"
    containers: Mapping[str, Container] = field(default_factory=dict)
    volumes: tuple[Volume, ...] = ()
    memory: Mapping[str, Memory] = field(default_factory=dict)
    sockets: tuple[Socket, ...] = ()
    migrated: tuple[str, ...] | None = None
    jobs: Jobs | None = None
    web: Mapping[str, Any] | None = None
    alive: bool | None = None
    smtp: str | None = None
    states: Mapping[str, Any] = field(default_factory=dict)
    bridge: Bridge = field(default_factory=Bridge)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True)
class Certificate:
    """A certificate whose chain and name were verified; times in seconds since 1970."""

    names: tuple[str, ...]
    not_before: float
    not_after: float


@dataclass(frozen=True)
class ExternalObservation:
    """What the laptop sees; a string in an answer's place says why there is none.

    :ivar address: where it connected.
    :ivar silent: why nothing answers over HTTPS; empty when something does.
    :ivar answers: by the names of `borgstack.outside.REQUESTS`.
    :ivar websocket: what the server said first over the websocket, or why it said nothing.
    :ivar ports: whether a port takes connections.
    """

    address: str = ""
    silent: str = ""
    answers: Mapping[str, Answer | str] = field(default_factory=dict)
    certificate: Certificate | str = ""
    websocket: str = ""
    ports: Mapping[int, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """Both looks; `now` is the laptop's clock.

    :ivar conversation: what `chatwoot_conversation.sh` says; None when it was not asked for.
    :ivar delivery: likewise of `chatwoot_mail.sh`.
    :ivar flow: likewise of `verify_whatsapp.sh`.
    """

    inside: HostObservation
    outside: ExternalObservation
    now: float
    conversation: Mapping[str, Any] | None = None
    delivery: Mapping[str, Any] | None = None
    flow: Mapping[str, Any] | None = None


def parse(lines: Iterable[str]) -> HostObservation:
    """Read the lines of `verify_state.sh`."""
    rows: dict[str, list[str]] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        rows.setdefault(kind, []).append(rest)
    one = {kind: found[0] for kind, found in rows.items()}
    containers = [row.split("|") for row in rows.get("container", ())]
    return HostObservation(
        blind=one.get("blind", ""),
        clock=float(one["clock"]) if "clock" in one else None,
        ssh_port=int(one.get("ssh", 22)),
        disks={path: Disk(*map(_number, rest)) for path, *rest in _split(rows, "disk")},
        env=one.get("env"),
        engine=one.get("engine", "missing"),
        containers={row[2]: _container(row) for row in containers if row[1] == "borgstack"},
        volumes=tuple(Volume(*row) for row in _split(rows, "volume")),
        memory={name: Memory(*map(_number, rest)) for name, *rest in _split(rows, "memory")},
        sockets=(*map(_socket, rows.get("listen", ())), *_published(rows)),
        migrated=tuple(one["migrated"].split()) if "migrated" in one else None,
        jobs=_jobs(rows["redis"]) if "redis" in rows else None,
        web=json.loads(one["web"]) if "web" in one else None,
        alive=one["alive"] == "yes" if "alive" in one else None,
        smtp=one.get("smtp"),
        states=services.parse_states(rows.get("state", ())),
        bridge=bridge.parse(rows),
    )


def _split(rows: Mapping[str, list[str]], kind: str) -> Iterable[list[str]]:
    return (row.split("|") for row in rows.get(kind, ()))


def _number(text: str) -> int:
    """A file system without inodes says `-`, a container without a limit `max`."""
    return int(text) if text.isdigit() else 0


def _container(row: list[str]) -> Container:
    _, _, service, status, exit_code, health, restarts, started = row[:8]
    since = datetime.fromisoformat(f"{started[:19]}+00:00").timestamp()
    return Container(service, status, int(exit_code), health, int(restarts), since)


def _socket(row: str) -> Socket:
    where, _, who = row.partition(" ")
    address, _, port = where.rpartition(":")
    return Socket(address.partition("%")[0], int(port), who)


def _published(rows: Mapping[str, list[str]]) -> Iterable[Socket]:
    for name, port, address, host_port in _split(rows, "published"):
        protocol = port.rpartition("/")[2]
        yield Socket(address, int(host_port), f"container {name.lstrip('/')} ({protocol})")


def _jobs(rows: Iterable[str]) -> Jobs:
    found: dict[str, Any] = {"info": {}, "processes": {}, "waiting": {}}
    for row in rows:
        kind, *words = row.split(" ")
        if kind in {"ping", "policy"}:
            found[kind] = " ".join(words)
        elif kind == "info":
            found["info"][words[0]] = words[1]
        elif kind in {"now", "renewed", "next"}:
            found[kind] = float(words[0])
        elif kind == "onboarding":
            found[kind] = words[0] != "0"
        elif kind == "process":
            found["processes"][words[0]] = Process(float(words[1]), words[2] == "true")
        elif kind == "queue":
            found["waiting"][words[0]] = float(words[2])
    return Jobs(**found)
