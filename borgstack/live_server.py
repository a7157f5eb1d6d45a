"""A server as one look before anything is touched prints it (`borgstack/remote/preflight.sh`)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ServerState:
    """One look at a server, as `preflight.sh` prints it."""

    uid: int = -1
    user: str = ""
    root: bool = False
    os: tuple[str, str] = ("unknown", "unknown")
    codename: str = "unknown"
    machine: str = ""
    systemd: bool = False
    memory: int = 0
    disk: int = 0
    folder: str = "/var/lib/docker"
    """Where Docker keeps images and volumes."""
    clock_skew: float = 0.0
    time_source: str = ""
    ports: Mapping[int, str] = field(default_factory=dict)
    udp: str = ""
    """Who listens on port 443 by UDP, where HTTP/3 goes."""
    addresses: frozenset[str] = frozenset()
    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ipv6_alone: bool = False
    """Whether the only way out is by IPv6."""
    mtu: int = 0
    """Of the interface that leads out by IPv4; 0 without one, or where that is not known."""
    clusters: frozenset[str] = frozenset()
    """The PG_VERSION files in PostgreSQL's volume, where its image looks for them."""


def parse(lines: Iterable[str], now: float | None = None) -> ServerState:
    """Read the lines of `preflight.sh`; `now` is the laptop's clock in seconds."""
    one: dict[str, str] = {}
    ports: dict[int, str] = {}
    names: dict[str, set[str]] = {}
    addresses: set[str] = set()
    clusters: set[str] = set()
    for line in lines:
        key, _, value = line.partition(" ")
        if key == "port":
            number, _, who = value.partition(" ")
            ports[int(number)] = who
        elif key == "name":
            name, _, address = value.partition(" ")
            names.setdefault(name, set()).add(address)
        elif key == "address":
            addresses.add(value)
        elif key == "cluster":
            clusters.add(value)
        else:
            one[key] = value
    system, version, codename = (one.get("os", "").split() + ["unknown"] * 3)[:3]
    reference = time.time() if now is None else now
    return ServerState(
        uid=int(one.get("uid", -1)),
        user=one.get("user", ""),
        root=one.get("root") == "yes",
        os=(system, version),
        codename=codename,
        machine=one.get("machine", ""),
        systemd=one.get("init") == "systemd",
        memory=int(float(one.get("memory", 0))),
        disk=int(float(one.get("disk", 0))),
        folder=one.get("folder", "/var/lib/docker"),
        clock_skew=float(one.get("clock", reference)) - reference,
        time_source=one.get("time", ""),
        ports=ports,
        udp=one.get("udp", ""),
        addresses=frozenset(addresses),
        names={name: frozenset(found) for name, found in names.items()},
        ipv6_alone=one.get("out") == "ipv6",
        mtu=int(one.get("mtu", 0)),
        clusters=frozenset(clusters),
    )
