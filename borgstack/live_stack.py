"""The live stack as one look at it prints it (`borgstack/remote/stack_state.sh`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from borgstack import services
from borgstack.project import DIRECTORY

PROJECT = "borgstack"
"""As Compose labels what belongs to it."""


@dataclass(frozen=True)
class Container:
    """A container as `docker ps` shows it.

    :ivar image: the id of the image that Compose says to have made it from.
    :ivar reference: the image that Docker has made it from, as its maker named it.
    :ivar severed: of its networks, those that were made anew since: it is cut off there.
    :ivar ports: what it publishes, as `80->8080/tcp`; before that the address, if not on all.
    :ivar folder: of the Compose project that it belongs to; empty without that label.
    """

    project: str
    service: str
    hash: str
    image: str
    state: str
    status: str
    networks: frozenset[str]
    reference: str
    ports: frozenset[str] = frozenset()
    severed: frozenset[str] = frozenset()
    folder: str = ""


@dataclass(frozen=True)
class Network:
    """A network as `docker inspect` shows it, with Compose's labels.

    :ivar mtu: of its own; empty for Docker's.
    """

    project: str
    network: str
    internal: bool
    id: str = ""
    subnets: tuple[str, ...] = ()
    mtu: str = ""


@dataclass(frozen=True)
class StackState:
    """One look at the stack, as `stack_state.sh` prints it.

    :ivar engine: `running`, `stopped` or `missing`.
    :ivar images: image id by reference, for the references asked about.
    :ivar local: id and size in bytes of every image that is there, by `repository:tag`.
    :ivar pulled: the images that this tool has pulled, the newest last.
    :ivar hashes: what Compose's config hash of each service would be now.
    :ivar containers: by container name; :ivar networks: by network name.
    :ivar volumes: Compose's project of each volume, by its name; empty without labels.
    :ivar mounts: the volumes that a container has, by container name.
    :ivar override: whether an override file of the operator's own is there.
    :ivar own_networks: whether that file says something of networks.
    :ivar rejected: why Compose can make nothing of the wanted file with that override.
    :ivar states: what services say of themselves by `state.sh`; None of one that does not answer.
    """

    engine: str = "missing"
    images: Mapping[str, str] = field(default_factory=dict)
    local: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    pulled: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    containers: Mapping[str, Container] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    override: bool = False
    own_networks: bool = False
    rejected: tuple[str, ...] = ()
    states: Mapping[str, Any] = field(default_factory=dict)


def parse(lines: Iterable[str]) -> StackState:
    """Read the lines of `stack_state.sh`."""
    rows: dict[str, list[str]] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        rows.setdefault(kind, []).append(rest)
    hashes = (row.partition(" ") for row in rows.get("hash", ()))
    networks = dict(map(_network, rows.get("network", ())))
    return StackState(
        engine=rows.get("engine", ["missing"])[-1],
        images=_images(rows.get("image", ())),
        local=dict(map(_local, rows.get("local", ()))),
        pulled=tuple(rows.get("pulled", ())),
        hashes={service: digest for service, _, digest in hashes},
        containers=_containers(rows, networks),
        networks=networks,
        volumes=dict(_halves(row) for row in rows.get("volume", ())),
        mounts=dict(map(_mounts, rows.get("mounts", ()))),
        override="override" in rows,
        own_networks="own-networks" in rows,
        rejected=tuple(rows.get("rejected", ())),
        states=services.parse_states(rows.get("state", ())),
    )


def _images(rows: Iterable[str]) -> dict[str, str]:
    images: dict[str, str] = {}
    for row in rows:
        identity, tags, digests = row.split("|")
        names = [*(json.loads(tags) or ()), *(json.loads(digests) or ())]
        images |= dict.fromkeys(names, identity)
    return images


_UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


def _local(row: str) -> tuple[str, tuple[str, int]]:
    name, identity, size = row.split("|")
    number = size.rstrip("BkMGT")
    return name, (identity, int(float(number) * _UNITS[size.removeprefix(number)]))


def _containers(
    rows: Mapping[str, list[str]], networks: Mapping[str, Network]
) -> dict[str, Container]:
    found = dict(map(_container, rows.get("container", ())))
    for name, one in found.items():
        if one.folder in rows.get("same-folder", ()):
            found[name] = replace(one, folder=DIRECTORY)
    for row in rows.get("attached", ()):
        name, *pairs = row.removeprefix("/").split(" ")
        of = dict(pair.split("=", 1) for pair in pairs)
        known = {one: networks[one].id for one in of.keys() & networks.keys()}
        severed = frozenset(one for one, now in known.items() if of[one] not in ("", now))
        if name in found:
            found[name] = replace(found[name], severed=severed)
    return found


def _own_name(names: str) -> str:
    """A container's own among its names: the old --link of others, `OTHER/ALIAS`, stands there."""
    return next((one for one in names.split(",") if "/" not in one), names)


def _container(row: str) -> tuple[str, Container]:
    # The folder comes last, since it may hold a bar.
    names, project, service, digest, image, *rest = row.split("|", 10)
    state, status, networks, reference, ports, folder = rest
    attached = frozenset(networks.split(","))
    return _own_name(names), Container(
        project,
        service,
        digest,
        image,
        state,
        status,
        attached,
        reference,
        ports=_published(ports),
        folder=folder,
    )


def _halves(row: str) -> tuple[str, str]:
    name, _, rest = row.partition("|")
    return name, rest


def _mounts(row: str) -> tuple[str, frozenset[str]]:
    names, mounts = _halves(row)
    return _own_name(names), frozenset(mounts.split(",")) - {""}


def _network(row: str) -> tuple[str, Network]:
    name, project, network, internal, identity, subnets, mtu = row.split("|")
    ranges = tuple(subnets.split())
    return name, Network(project, network, internal == "true", identity, ranges, mtu)


def _published(ports: str) -> frozenset[str]:
    """What `docker ps` says is published: `0.0.0.0:80->80/tcp, [::]:80->80/tcp, 2019/tcp`."""
    found = (port.rpartition(":") for port in ports.split(", ") if "->" in port)
    everywhere = {"0.0.0.0", "::", "[::]"}  # noqa: S104 - compared, not bound
    return frozenset(
        port if address in everywhere else f"{address}:{port}" for address, _, port in found
    )


_HUB = ("index.docker.io/", "docker.io/")


def familiar(reference: str) -> str:
    """A reference without what Docker leaves out of it: the Hub's own names."""
    for hub in _HUB:
        reference = reference.removeprefix(hub)
    return reference.removeprefix("library/")


def image_id(state: StackState, reference: str) -> str | None:
    """The id of the local image that `reference` names, or None when it is not there."""
    plain = familiar(reference)
    name, _, pinned = plain.partition("@")
    if pinned:
        return state.images.get(f"{name.rsplit(':', 1)[0]}@{pinned}")
    return state.images.get(plain)
