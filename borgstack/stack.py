"""The live stack compared with the rendered one: which services differ, why, and what is done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from borgstack import services
from borgstack.change import Change, Code, Scalar
from borgstack.project import DIRECTORY, NetworkGoal, Project, Service
from borgstack.services import n8n
from borgstack.services.n8n import workflows
from borgstack.services.n8n.workflows import N8nState
from borgstack.services.postgresql import databases
from borgstack.services.postgresql.databases import DatabaseState
from borgstack.services.redis import CONF as REDIS_CONF
from borgstack.services.redis import live as live_redis
from borgstack.services.redis.live import RedisChange, RedisState
from borgstack.settings import Settings

PROJECT = "borgstack"
REDIS = "redis"
DATA_STORES = ("postgresql", REDIS)
PREPARE = "chatwoot-prepare"
WEB = "chatwoot"
PREPARED = (WEB, "chatwoot-worker")
"""Services that may start only after prepare has succeeded on their image."""
PUBLISHER = "caddy"
"""Starts last: nothing is reachable from outside before everything behind it is ready."""


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
    :ivar database: None while PostgreSQL does not answer; :ivar redis: None while Redis does not.
    :ivar application: what is in Chatwoot, see its `application.py`; None without its tables.
    :ivar first_passwords: logins of agents whose first password still lies on the host.
    :ivar unreadable: whether Chatwoot's tables are others than those of its version 4.6.
    :ivar caddy: the configuration of the Caddyfile and the one that runs, both as JSON values, None
        for a Caddyfile that Caddy refuses; None for both while it does not answer.
    :ivar unstored: the names whose certificate Caddy serves and has no longer in its store.
    :ivar n8n: None while its database does not answer.
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
    database: DatabaseState | None = None
    redis: RedisState | None = None
    application: Mapping[str, Any] | None = None
    unreadable: bool = False
    locked: bool = False
    first_passwords: frozenset[str] = frozenset()
    caddy: tuple[Any, Any] | None = None
    unstored: tuple[str, ...] = ()
    n8n: N8nState | None = None
    states: Mapping[str, Any] = field(default_factory=dict)


def parse(lines: Iterable[str]) -> StackState:
    """Read the lines of `stack_state.sh`."""
    lines = list(lines)
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
        database=_database(lines),
        redis=live_redis.parse(lines),
        application=_json(rows.get("application", [""])[-1]),
        unreadable="application-unreadable" in rows,
        locked="application-locked" in rows,
        first_passwords=frozenset(rows.get("first-password", ())),
        caddy=_caddy(rows),
        unstored=tuple(rows.get("caddy-unstored", ())),
        n8n=workflows.parse_n8n(rows),
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


def _caddy(rows: Mapping[str, list[str]]) -> tuple[Any, Any] | None:
    """None unless both answers are there, whole."""
    try:
        adapted, live = (json.loads(rows[kind][-1]) for kind in ("caddy-adapted", "caddy-live"))
    except (KeyError, ValueError):
        return None
    return adapted.get("result") if isinstance(adapted, dict) else None, live


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
        elif kind == "database-unread":  # a full server, say: what it lacks is not known
            return None
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
    """Why a service is not in place, and what `services_up.sh` is to do with it.

    :ivar one_shot: whether it is up when it has ended well, and not when it runs.
    """

    service: str
    container: str
    change: Change
    action: str
    one_shot: bool = False

    @classmethod
    def of(
        cls,
        service: Service,
        action: str,
        code: Code,
        attribute: str = "",
        expected: Scalar = None,
        actual: Scalar = None,
    ) -> ServiceChange:
        """What has to be done with this service, and why."""
        change = Change(f"service {service.name}", code, attribute, expected, actual)
        return cls(service.name, service.container, change, action, service.one_shot)

    @property
    def word(self) -> str:
        """The argument that `services_up.sh` takes."""
        kind = ":once" if self.one_shot else ""
        return f"{self.service}:{self.container}:{self.action}{kind}"


def service_change(
    service: Service, state: StackState, renewed: Iterable[str] = ()
) -> ServiceChange | None:
    """Compare one service with its container; None when it is in place.

    :param renewed: networks that are made anew before the service is started.
    """
    live = state.containers.get(service.container)
    if live is None:
        return ServiceChange.of(service, "up", Code.MISSING, "container")
    created = _created_otherwise(service, live, state)
    if created or service.one_shot:
        return created or _not_completed(service, live)
    return (
        _network_change(service, service.networks & frozenset(renewed), Code.FOLLOWS)
        or _not_running(service, live)
        or _network_change(service, service.networks - live.networks, Code.NOT_CONNECTED)
        or _network_change(service, service.networks & live.severed, Code.STALE)
        or _not_working(service, live, state)
    )


def _is_ours(service: str, live: Container) -> bool:
    return (live.project, live.service) == (PROJECT, service) and not _is_elsewhere(live)


def _is_elsewhere(live: Container) -> bool:
    """Whether it belongs to a Compose project of our name in a folder of somebody's own."""
    return live.project == PROJECT and live.folder not in ("", DIRECTORY)


def _created_otherwise(
    service: Service, live: Container, state: StackState
) -> ServiceChange | None:
    """Whether the container is another than Compose would create from the wanted files."""
    if not _is_ours(service.name, live):
        # The preflight has refused it; Compose refuses it once more, and nothing is lost.
        return ServiceChange.of(service, "up", Code.FOREIGN, "container")
    # Without the Compose plugin there are no hashes; the step that installs it comes first.
    if state.hashes and live.hash != state.hashes.get(service.name):
        return ServiceChange.of(service, "up", Code.DIFFERS, "configuration")
    if live.image != image_id(state, service.image):
        return ServiceChange.of(service, "up", Code.DIFFERS, "image")
    # Tools that recreate a container copy Compose's labels, whatever they change.
    if live.reference not in {service.image, live.image}:
        of = ("image reference", service.image, live.reference)
        return ServiceChange.of(service, "recreate", Code.DIFFERS, *of)
    return None


def _not_completed(service: Service, live: Container) -> ServiceChange | None:
    """Whether a one-shot has to run again; one that is at work is never cut short."""
    if live.state == "exited" and live.status.startswith("Exited (0)"):
        return None
    if live.state == "running":
        return ServiceChange.of(service, "wait", Code.BUSY, actual=live.status)
    if live.state == "paused":
        return ServiceChange.of(service, "unpause", Code.NOT_RUNNING, actual="paused")
    actual = f"{live.state}: {live.status}"
    return ServiceChange.of(service, "recreate", Code.FAILED, actual=actual)


_ACTIONS = {
    "paused": "unpause",
    "restarting": "recreate",
    "dead": "recreate",
    "removing": "recreate",
}
"""By the state of a container that does not run; any other is started as it is."""


def _not_running(service: Service, live: Container) -> ServiceChange | None:
    if live.state == "running":
        return None
    action = _ACTIONS.get(live.state, "up")
    return ServiceChange.of(service, action, Code.NOT_RUNNING, actual=live.state)


def _network_change(service: Service, networks: frozenset[str], code: Code) -> ServiceChange | None:
    named = " and ".join(sorted(networks))
    return ServiceChange.of(service, "recreate", code, f"network {named}") if networks else None


def _not_working(service: Service, live: Container, state: StackState) -> ServiceChange | None:
    """Whether the running container does not do what it has to."""
    # An override may publish what it likes; Compose's hash of the service holds it.
    if live.ports != service.ports and not state.override:
        ports = [", ".join(sorted(one)) or "none" for one in (service.ports, live.ports)]
        return ServiceChange.of(service, "recreate", Code.DIFFERS, "published ports", *ports)
    if "(unhealthy)" in live.status:
        return ServiceChange.of(service, "recreate", Code.UNHEALTHY)
    if service.name == REDIS and state.redis and state.redis.password != "ok":  # noqa: S105
        return ServiceChange.of(service, "recreate", Code.DIFFERS, "password")
    if (
        service.name == n8n.WEB
        and state.n8n
        and (silent := workflows.unregistered_webhooks(state.n8n))
    ):
        webhook = f"webhook of {', '.join(silent)}"
        return ServiceChange.of(service, "recreate", Code.UNREGISTERED, webhook)
    if service.name == PUBLISHER and state.unstored:
        # A reload keeps what is in memory; only a start obtains it again.
        certificate = f"stored certificate for {', '.join(state.unstored)}"
        return ServiceChange.of(service, "recreate", Code.MISSING, certificate)
    return None


def service_changes(
    project: Project, names: Iterable[str], state: StackState
) -> list[ServiceChange]:
    """The named services that are not in place."""
    renewed = [change.network for change in network_changes(project, state)]
    found = (service_change(project.services[name], state, renewed) for name in names)
    return [change for change in found if change is not None]


@dataclass(frozen=True)
class NetworkChange:
    """Why a network has to be made anew, and the services that are in it."""

    network: str
    change: Change
    services: tuple[str, ...]

    @property
    def word(self) -> str:
        """The argument that `networks_remove.sh` takes."""
        return f"{self.network}:{','.join(self.services)}"


def network_changes(project: Project, state: StackState) -> list[NetworkChange]:
    """The networks that are there and not as declared; Compose makes one that is missing."""
    found = []
    for name, goal in project.networks.items():
        live = state.networks.get(name)
        if live is None:
            continue
        change = _created_by_hand(name, goal, live)
        # What an override declares of a network is not known here.
        if change is None and not state.own_networks:
            change = _addressed_otherwise(project.settings, name, goal, live)
        if change:
            services = (one.name for one in project.services.values() if name in one.networks)
            found.append(NetworkChange(name, change, tuple(services)))
    return found


def _created_by_hand(name: str, goal: NetworkGoal, live: Network) -> Change | None:
    subject = f"network {name}"
    if (live.project, live.network) != (PROJECT, name):
        return Change(subject, Code.FOREIGN)
    if live.internal != goal.internal:
        return Change(subject, Code.DIFFERS, "internal", goal.internal, live.internal)
    return None


def _addressed_otherwise(
    settings: Settings, name: str, goal: NetworkGoal, live: Network
) -> Change | None:
    subject = f"network {name}"
    # Without a goal it is Docker's, which daemon.json may set for every network.
    if goal.mtu and live.mtu != goal.mtu:
        return Change(subject, Code.DIFFERS, "MTU", goal.mtu, live.mtu or "Docker's default")
    outside = _outside(settings, live)
    pools = "one of docker_address_pools"
    return Change(subject, Code.DIFFERS, "range", pools, outside) if outside else None


def _outside(settings: Settings, live: Network) -> str:
    """The network's range when it is in none of the wanted pools; empty when it is, or none are."""
    pools = [ip_network(pool.base, strict=False) for pool in settings.docker_address_pools]
    for subnet in map(ip_network, live.subnets):
        alike = [pool for pool in pools if pool.version == subnet.version]
        if alike and not any(_within(subnet, pool) for pool in alike):
            return str(subnet)
    return ""


def _within(subnet: IPv4Network | IPv6Network, pool: IPv4Network | IPv6Network) -> bool:
    return (
        pool.network_address <= subnet.network_address  # type: ignore[operator]
        and subnet.broadcast_address <= pool.broadcast_address  # type: ignore[operator]
    )


def unready(project: Project, names: Iterable[str], state: StackState) -> list[ServiceChange]:
    """Services that are there and not healthy: to be waited for, if they are not to be changed."""
    services = [project.services[name] for name in names]
    return [
        ServiceChange.of(service, "wait", Code.STARTING)
        for service in services
        if (live := state.containers.get(service.container))
        and not service.one_shot
        and not (live.state == "running" and _well(live))
    ]


def answers(state: StackState, container: str) -> bool:
    """Whether a container runs and is well, so that it ought to answer."""
    live = state.containers.get(container)
    return live is not None and live.state == "running" and _well(live)


def publishers(state: StackState, port: int) -> list[str]:
    """The running containers that publish this port of the host, on whatever address."""

    def publishes(published: str) -> bool:
        numbers = published.partition("->")[0].rpartition(":")[2].split("-")
        return int(numbers[0]) <= port <= int(numbers[-1])

    return [
        name
        for name, live in state.containers.items()
        if any(map(publishes, live.ports)) and live.state == "running"
    ]


def gone(project: Project, names: Iterable[str], state: StackState) -> list[str]:
    """The containers of these services that are not there."""
    containers = (project.services[name].container for name in names)
    return [name for name in containers if name not in state.containers]


def _well(live: Container) -> bool:
    """Whether it is healthy, or has no health check."""
    return "(health: starting)" not in live.status and "(unhealthy)" not in live.status


def undeclared(settings: Settings, state: StackState) -> list[str]:
    """Containers of services that are switched off, and no override declares.

    Nothing else is ever removed, whatever its labels say: it may be an operator's own.
    """
    return [
        name
        for name in services.containers(services.disabled(settings))
        if (live := state.containers.get(name))
        and _is_ours(name, live)
        and state.hashes
        and name not in state.hashes
    ]


def strangers(project: Project, state: StackState) -> list[tuple[str, str, str]]:
    """What has one of our names and was not made by this tool: what, its name, the way out.

    A network or a volume without Compose's labels is ours all the same when ours alone use it: that
    is how one looks that an operator has made anew or restored (docs/decisions/0009).
    """
    ours = {
        service.container: service
        for service in project.services.values()
        if (live := state.containers.get(service.container)) and _is_ours(service.name, live)
    }
    elsewhere: dict[str, list[str]] = {}
    for name, live in sorted(state.containers.items()):
        if _is_elsewhere(live):
            elsewhere.setdefault(live.folder, []).append(name)
    found = [
        (f"Compose project {PROJECT}", f"in {folder}, with {', '.join(names)}", _NAME)
        for folder, names in elsewhere.items()
    ]
    taken = {name for names in elsewhere.values() for name in names}
    found += [
        (f"container {name}", f"made from {state.containers[name].reference}", _RENAME.format(name))
        for name in (service.container for service in project.services.values())
        if name in state.containers and name not in {*ours, *taken}
    ]
    for name in project.networks:
        net = state.networks.get(name)
        users = {one for one, it in state.containers.items() if name in it.networks}
        if net and (net.project, net.network) != (PROJECT, name) and not users & set(ours):
            found.append((f"network {name}", _users(users), _REMOVE.format(name)))
    for name in services.volumes(project.settings):
        users = {one for one, mounted in state.mounts.items() if name in mounted}
        marked = state.volumes.get(name, PROJECT)
        if marked != PROJECT and users and not users & set(ours):
            found.append((f"volume {name}", _users(users), _COPY.format(name)))
    return found


def _users(names: Iterable[str]) -> str:
    return f"used by {', '.join(sorted(names)) or 'no running container'}"


_NAME = (
    "Give that project another name ('name:' in its file), or take it elsewhere with its data; "
    "its volumes keep the old name until then."
)
_RENAME = "Rename it, which leaves its data and lets it run on: 'docker rename {0} my-{0}'."
_REMOVE = "Take what is in it elsewhere, then 'docker network rm {0}'; the deploy makes its own."
_COPY = (
    "Stop that container, copy /var/lib/docker/volumes/{0}/_data, start it with the copy and look "
    "whether all is there; then 'docker volume rm {0}', which the stack would take for its own. "
    "If the data is the stack's own, stop the container and remove it."
)


def prepare_change(project: Project, state: StackState) -> ServiceChange | None:
    """Why prepare has to run: its container, its image, or a database without a schema."""
    service = project.services[PREPARE]
    change = service_change(service, state)
    if change is None and state.database is not None and not state.database.schema:
        return ServiceChange.of(service, "recreate", Code.MISSING, "database schema")
    return change


def database_changes(settings: Settings, state: StackState) -> list[Change]:
    """What the SQL has to put right; empty while PostgreSQL cannot be asked."""
    wanted = services.databases(settings)
    return databases.changes(wanted, state.database) if state.database else []


def redis_changes(project: Project, state: StackState, *, starts: bool) -> list[RedisChange]:
    """What the running Redis has to be told; one that `starts` anew reads its redis.conf."""
    found = live_redis.onboarding_changes(state.redis)
    if not starts:
        wanted = live_redis.parse_conf(project.content(REDIS_CONF))
        found += live_redis.settings_changes(wanted, state.redis)
    return found


def caddy_change(state: StackState) -> Change | None:
    """Why Caddy has to reload, or None when it runs what its Caddyfile says."""
    if state.caddy is None or (state.caddy[0] == state.caddy[1] and state.caddy[0] is not None):
        return None
    return Change("service caddy", Code.NOT_LOADED, "Caddyfile")
