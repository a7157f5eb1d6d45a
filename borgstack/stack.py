"""The live stack compared with the rendered one: which services differ, why, and what is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from borgstack import database
from borgstack.database import DatabaseState
from borgstack.project import Project, Service

PROJECT = "borgstack"
DATA_STORES = ("postgresql", "redis")
PREPARE = "chatwoot-prepare"
PREPARED = ("chatwoot", "chatwoot-worker")
"""Services that may start only after prepare has succeeded on their image."""
PUBLISHER = "caddy"
"""Starts last: nothing is reachable from outside before everything behind it is ready."""


@dataclass(frozen=True)
class Container:
    """A container as `docker ps` shows it; `image` is the id that Compose made it from."""

    project: str
    service: str
    hash: str
    image: str
    state: str
    status: str
    networks: frozenset[str]
    reference: str


@dataclass(frozen=True)
class StackState:
    """One look at the stack, as `stack_state.sh` prints it.

    :ivar engine: `running`, `stopped` or `missing`.
    :ivar images: image id by reference, for the references asked about.
    :ivar hashes: what Compose's config hash of each service would be now.
    :ivar containers: by container name.
    :ivar database: None while PostgreSQL does not answer.
    :ivar caddy: the configuration of the Caddyfile and the one that runs, both as JSON values.
    """

    engine: str = "missing"
    images: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    containers: Mapping[str, Container] = field(default_factory=dict)
    database: DatabaseState | None = None
    caddy: tuple[Any, Any] | None = None


def parse(lines: Iterable[str]) -> StackState:
    """Read the lines of `stack_state.sh`."""
    engine = "missing"
    images: dict[str, str] = {}
    hashes: dict[str, str] = {}
    containers: dict[str, Container] = {}
    rows: list[str] = []
    adapted = live = ""
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "engine":
            engine = rest
        elif kind == "image":
            identity, tags, digests = rest.split("|")
            names = [*(json.loads(tags) or ()), *(json.loads(digests) or ())]
            images |= dict.fromkeys(names, identity)
        elif kind == "hash":
            service, _, value = rest.partition(" ")
            hashes[service] = value
        elif kind == "container":
            name, project, service, digest, image, state, status, networks, reference = rest.split(
                "|"
            )
            containers[name] = Container(
                project,
                service,
                digest,
                image,
                state,
                status,
                frozenset(networks.split(",")),
                reference,
            )
        elif kind == "caddy-adapted":
            adapted = rest
        elif kind == "caddy-live":
            live = rest
        else:
            rows.append(line)
    caddy = (_json(adapted), _json(live)) if adapted or live else None
    return StackState(engine, images, hashes, containers, _database(rows), caddy)


def _json(text: str) -> Any:  # noqa: ANN401 - whatever the JSON holds
    try:
        return json.loads(text)
    except ValueError:
        return None


def _database(rows: Iterable[str]) -> DatabaseState | None:
    roles: dict[str, str] = {}
    databases: dict[str, str] = {}
    passwords: dict[str, str] = {}
    extensions: dict[str, set[str]] = {}
    schema, read = "", False
    for row in rows:
        kind, _, rest = row.partition(" ")
        name, _, value = rest.partition(" ")
        if kind == "role":
            roles[name] = value
        elif kind == "database":
            databases[name] = value
        elif kind == "password":
            passwords[name] = value
        elif kind == "extension":
            extensions.setdefault(name, set()).add(value)
        elif kind == "schema" and name == "chatwoot_db":
            schema = value
        elif kind == "database-read":
            read = True
    if not read:
        return None
    present = {name: frozenset(found) for name, found in extensions.items()}
    return DatabaseState(roles, databases, present, passwords, schema)


def image_id(state: StackState, reference: str) -> str | None:
    """The id of the local image that `reference` names, or None when it is not there."""
    plain = reference.removeprefix("docker.io/").removeprefix("library/")
    name, _, pinned = plain.partition("@")
    if pinned:
        return state.images.get(f"{name.rsplit(':', 1)[0]}@{pinned}")
    return state.images.get(plain)


def missing_images(project: Project, state: StackState) -> list[str]:
    """The images that have to be pulled."""
    return [image for image in project.images if image_id(state, image) is None]


@dataclass(frozen=True)
class ServiceChange:
    """Why a service is not in place, and what `services_up.sh` is to do with it."""

    service: str
    container: str
    reason: str
    action: str

    @property
    def word(self) -> str:
        """The argument that `services_up.sh` takes."""
        return f"{self.service}:{self.container}:{self.action}"

    def __str__(self) -> str:
        return f"{self.service}: {self.reason}"


def service_change(service: Service, state: StackState) -> ServiceChange | None:
    """Compare one service with its container; None when it is in place."""

    def change(reason: str, action: str) -> ServiceChange:
        return ServiceChange(service.name, service.container, reason, action)

    live = state.containers.get(service.container)
    if live is None:
        return change("there is no container", "up")
    if live.project != PROJECT or live.service != service.name:
        return change("the container is not Compose's", "replace")
    if live.hash != state.hashes.get(service.name):
        return change("its configuration differs", "up")
    if live.image != image_id(state, service.image):
        return change("its image differs", "up")
    if service.one_shot:
        if live.state == "exited" and live.status.startswith("Exited (0)"):
            return None
        return change(f"it has not ended well ({live.state}: {live.status})", "up")
    if live.state == "paused":
        return change("it is paused", "unpause")
    if live.state in {"restarting", "dead", "removing"}:
        return change(f"it is {live.state}", "recreate")
    if live.state != "running":
        return change(f"it is {live.state}", "up")
    missing = service.networks - live.networks
    if missing:
        return change(f"it is not in {', '.join(sorted(missing))}", "recreate")
    if "(unhealthy)" in live.status:
        return change("it is unhealthy", "recreate")
    return None


def service_changes(
    project: Project, names: Iterable[str], state: StackState
) -> list[ServiceChange]:
    """The named services that are not in place."""
    found = (service_change(project.services[name], state) for name in names)
    return [change for change in found if change is not None]


def still_starting(
    project: Project, names: Iterable[str], state: StackState
) -> list[ServiceChange]:
    """Services that are in place but not healthy yet: to be waited for, not to be changed."""
    services = [project.services[name] for name in names]
    return [
        ServiceChange(service.name, service.container, "it is still starting", "wait")
        for service in services
        if (live := state.containers.get(service.container))
        and "(health: starting)" in live.status
        and service_change(service, state) is None
    ]


def prepare_change(project: Project, state: StackState) -> ServiceChange | None:
    """Why prepare has to run: its container, its image, or a database without a schema."""
    service = project.services[PREPARE]
    change = service_change(service, state)
    if change is None and state.database is not None and not state.database.schema:
        reason = "the database has no schema"
        return ServiceChange(service.name, service.container, reason, "recreate")
    return change


def database_changes(state: StackState) -> list[database.DatabaseChange]:
    """What the SQL has to put right; empty while PostgreSQL cannot be asked."""
    return database.changes(state.database) if state.database else []


def caddy_change(state: StackState) -> str | None:
    """Why Caddy has to reload, or None when it runs what its Caddyfile says."""
    if state.caddy is None or state.caddy[0] == state.caddy[1]:
        return None
    return "Caddy runs another configuration than its Caddyfile"
