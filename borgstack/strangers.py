"""What stands in the way and was not made by this tool: named with the way out, never touched."""

from __future__ import annotations

from collections.abc import Iterable

from borgstack import services
from borgstack.live_stack import PROJECT, StackState
from borgstack.project import Project
from borgstack.stack import is_elsewhere, is_ours


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


def strangers(project: Project, state: StackState) -> list[tuple[str, str, str]]:
    """What has one of our names and was not made by this tool: what, its name, the way out.

    A network or a volume without Compose's labels is ours all the same when ours alone use it: that
    is how one looks that an operator has made anew or restored (docs/decisions/0009).
    """
    ours = {
        service.container: service
        for service in project.services.values()
        if (live := state.containers.get(service.container)) and is_ours(service.name, live)
    }
    elsewhere: dict[str, list[str]] = {}
    for name, live in sorted(state.containers.items()):
        if is_elsewhere(live):
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
