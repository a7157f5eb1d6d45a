"""The table of services, in the order of docker-compose.yml, and all that follows from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from borgstack.services import caddy, chatwoot, evolution, n8n, postgresql, redis
from borgstack.services.base import (
    Database,
    Entry,
    Fault,
    Kind,
    Mount,
    ProjectFile,
    Service,
    Template,
)
from borgstack.settings import Settings

FOLDER = Path(__file__).parent
SERVICES: tuple[Service, ...] = (
    postgresql.SERVICE,
    redis.SERVICE,
    chatwoot.SERVICE,
    evolution.SERVICE,
    n8n.SERVICE,
    caddy.SERVICE,
)

_GENERAL = (
    Entry(
        "DOMAIN",
        Kind.PLAIN,
        "The domain under which the public names live; follows the settings.",
        "example.com",
        value=lambda settings: settings.domain,
    ),
    Entry(
        "CADDY_EMAIL",
        Kind.PLAIN,
        "Where the certificate authority sends its warnings; follows the settings.",
        "admin@example.com",
        value=lambda settings: settings.caddy_email,
    ),
)
"""Entries that belong to no service alone."""


def enabled(settings: Settings) -> tuple[Service, ...]:
    """The services that these settings want."""
    return tuple(one for one in SERVICES if one.enabled(settings))


def disabled(settings: Settings) -> tuple[Service, ...]:
    """The services that these settings have switched off."""
    return tuple(one for one in SERVICES if not one.enabled(settings))


def entries(services: Iterable[Service] = SERVICES) -> tuple[Entry, ...]:
    """The entries of `.env` of these services, each with everybody who reads it."""
    services = tuple(services)
    own = [*_GENERAL, *(entry for one in services for entry in one.entries)]
    return tuple(
        replace(entry, readers=(*_database_reader(services, entry.name), *entry.readers, *others))
        for entry in own
        for others in [[name for one in services for name in one.reads.get(entry.name, ())]]
    )


def _database_reader(services: Iterable[Service], name: str) -> tuple[str, ...]:
    passwords = {database.password for one in services for database in one.databases}
    return postgresql.SERVICE.containers if name in passwords else ()


def databases(settings: Settings) -> tuple[Database, ...]:
    """The databases of what runs; those of what is switched off stay as they are."""
    return tuple(database for one in enabled(settings) for database in one.databases)


def mounts(settings: Settings) -> tuple[Mount, ...]:
    """Where what runs keeps its data."""
    return tuple(mount for one in enabled(settings) for mount in one.mounts)


def volumes(settings: Settings) -> tuple[str, ...]:
    """The volumes of what runs; those of what is switched off stay, and are nobody's."""
    return tuple(dict.fromkeys(mount.volume for mount in mounts(settings)))


def memory(size: str) -> dict[str, str]:
    """The memory limit of each container on a server of this size."""
    return {name: limits[size] for one in SERVICES for name, limits in one.memory.items()}


def memory_limits(settings: Settings) -> dict[str, str]:
    """The same, as these settings want it."""
    return {**memory(settings.size), **settings.memory_limits}


def not_to_be_without(settings: Settings) -> set[str]:
    """The services that others lose messages without."""
    return {name for one in enabled(settings) for name in one.loses_without}


def losing(settings: Settings, away: Collection[str]) -> dict[str, str]:
    """The containers that lose what people send while those are away, each with which of them."""
    return {
        container: name
        for one in enabled(settings)
        for name in one.loses_without
        if name in away
        for container in one.containers
    }


def containers(services: Iterable[Service] = SERVICES) -> tuple[str, ...]:
    """What these services are called in the compose file."""
    return tuple(name for one in services for name in one.containers)


def parse_states(rows: Iterable[str]) -> dict[str, Any]:
    """Read lines `SERVICE …` of services' `state.sh`; None where they are no answer."""
    lines: dict[str, list[str]] = {}
    for row in rows:
        name, _, line = row.partition(" ")
        lines.setdefault(name, []).append(line)
    return {
        one.name: one.state.parse(lines[one.name])
        for one in SERVICES
        if one.state and one.name in lines
    }


def shown(settings: Settings) -> tuple[Service, ...]:
    """The services whose state a person is told of."""
    return tuple(one for one in enabled(settings) if one.checks or (one.state and one.state.shown))


def fault(states: Mapping[str, Any], container: str) -> Fault | None:
    """What is wrong with a running container, by what services say of themselves."""
    for one in SERVICES:
        held = states.get(one.name)
        if one.state and held is not None and container in one.containers:
            return one.state.faults(held).get(container)
    return None


def pages(settings: Settings) -> dict[str, tuple[str, str]]:
    """By service, the user interfaces that there are: public name, and where it answers inside."""
    return {
        one.name: (one.page.host(settings), one.page.upstream)
        for one in enabled(settings)
        if one.page
    }


def public_names(settings: Settings) -> tuple[str, ...]:
    """The names that Caddy asks certificates for."""
    hosts = pages(settings)
    opened = (host for name, (host, _) in hosts.items() if name in settings.editors)
    return (settings.chatwoot_host, *opened)


def files(settings: Settings) -> list[ProjectFile | Template]:
    """The files of what runs, those that a container reads at its start first."""
    wanted = enabled(settings)
    return [
        *(file for one in wanted for file in one.startup_files(settings)),
        *(file for one in wanted for file in one.files(settings)),
    ]
