"""The live stack compared with the rendered one: which services differ, why, and what is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from borgstack import services
from borgstack.change import Change, Code, Scalar
from borgstack.live_stack import PROJECT, Container, StackState, image_id
from borgstack.networks import network_changes
from borgstack.project import DIRECTORY, Project, Service
from borgstack.services import chatwoot, postgresql
from borgstack.services.postgresql.databases import DatabaseState
from borgstack.settings import Settings


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


def is_ours(service: str, live: Container) -> bool:
    """Whether a container is that of our service."""
    return (live.project, live.service) == (PROJECT, service) and not is_elsewhere(live)


def is_elsewhere(live: Container) -> bool:
    """Whether it belongs to a Compose project of our name in a folder of somebody's own."""
    return live.project == PROJECT and live.folder not in ("", DIRECTORY)


def _created_otherwise(
    service: Service, live: Container, state: StackState
) -> ServiceChange | None:
    """Whether the container is another than Compose would create from the wanted files."""
    if not is_ours(service.name, live):
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
    if found := services.fault(state.states, service.name):
        return ServiceChange.of(service, "recreate", *found)
    return None


def service_changes(
    project: Project, names: Iterable[str], state: StackState
) -> list[ServiceChange]:
    """The named services that are not in place."""
    renewed = [change.network for change in network_changes(project, state)]
    found = (service_change(project.services[name], state, renewed) for name in names)
    return [change for change in found if change is not None]


def interrupted(changes: Iterable[ServiceChange], state: StackState) -> list[str]:
    """The services whose running containers these changes stop."""
    found = ((one.service, state.containers.get(one.container)) for one in changes)
    return [name for name, live in found if live is not None and live.state == "running"]


def losing(project: Project, away: Iterable[str], state: StackState) -> list[ServiceChange]:
    """The services at work that would lose what people send while those are away."""
    found = services.losing(project.settings, tuple(away))
    return [
        ServiceChange.of(service, "up", Code.FOLLOWS, f"service {cause}")
        for name, cause in found.items()
        if (service := project.services[name])
        and (live := state.containers.get(service.container)) is not None
        and live.state in {"running", "restarting", "paused"}
    ]


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
        and is_ours(name, live)
        and state.hashes
        and name not in state.hashes
    ]


def prepare_change(project: Project, state: StackState) -> ServiceChange | None:
    """Why prepare has to run: its container, its image, or a database without a schema."""
    service = project.services[chatwoot.PREPARE]
    change = service_change(service, state)
    database: DatabaseState | None = state.states.get(postgresql.NAME)
    if change is None and database and not database.schemas.get(chatwoot.DATABASE.name):
        return ServiceChange.of(service, "recreate", Code.MISSING, "database schema")
    return change
