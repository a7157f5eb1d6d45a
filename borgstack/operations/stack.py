"""The stack: images, services, databases, Caddy; each step touches only what differs."""

from __future__ import annotations

from collections.abc import Iterable

from pyinfra.api.exceptions import OperationError
from pyinfra.context import state

from borgstack import entries, images, networks, remote, services, stack
from borgstack.change import Change, Code
from borgstack.entries import plain_values
from borgstack.live_stack import StackState
from borgstack.operations import (
    Commands,
    Streamed,
    converging_operation,
    log_changes,
    note_unknown,
    refuse,
    run_now,
    streamed,
)
from borgstack.operations.snapshot import (
    env_changes,
    stack_state,
    stack_state_of,
)
from borgstack.project import DIRECTORY, Project
from borgstack.salted import SALT
from borgstack.services import chatwoot
from borgstack.services.base import Service
from borgstack.services.chatwoot import application
from borgstack.stack import ServiceChange

DO_NOT_WAIT = 0
"""In place of a number of seconds."""


def engine_is_stopped(live: StackState) -> bool:
    """Whether a plan can say nothing of the stack because its engine is down.

    :raises OperationError: in a run, in which an earlier step has had it running.
    """
    if state.is_executing and live.engine != "running":
        raise OperationError(
            f"expected the Docker Engine to run, as an earlier step has seen it; saw it "
            f"{live.engine}. 'journalctl -u docker' may say why; run the deploy again."
        )
    if live.engine == "stopped":
        note_unknown("the stack, because Docker does not run")
    return live.engine == "stopped"


def refuse_unreadable(what: str, container: str) -> Commands:
    """Stop a run in which something healthy could not be asked: what differs would stay unseen."""
    if state.is_executing:
        yield from refuse(
            [
                f"expected {what} to answer, since its container is healthy; saw no answer in "
                f"time. 'docker logs {container}' may say why; run the deploy again."
            ]
        )


def silence(live: StackState, container: str) -> str:
    """Why it is not known what is in a container, as far as that was seen."""
    one = live.containers.get(container)
    return "does not answer" if one is not None and one.state == "running" else "does not run"


@converging_operation
def pull_images(project: Project) -> Commands:
    """Pull the images that are not there, telling what is being waited for."""
    live = stack_state(project)
    missing = [] if engine_is_stopped(live) else stack.missing_images(project, live)
    if missing:
        log_changes(Change(f"image {image}", Code.MISSING) for image in missing)
        yield remote.locked_command("images_note", images.NOTED_IN, *missing)
        yield streamed(remote.locked_command("images_pull", *missing))


@converging_operation
def remove_superseded(project: Project) -> Commands:
    """Remove images that this tool has pulled, that nothing uses and no way back needs."""
    live = stack_state(project)
    names = [] if engine_is_stopped(live) else images.superseded(project, live)
    if names:
        log_changes(Change(f"image {name}", Code.SUPERSEDED) for name in names)
        yield remote.locked_command("images_remove", *names)


@converging_operation
def converge_networks(project: Project) -> Commands:
    """Remove the networks that are not as declared; what is in them is then made anew."""
    live = stack_state(project)
    if engine_is_stopped(live):
        return
    changes = networks.network_changes(project, live)
    if changes:
        log_changes(one.change for one in changes)
        yield from _stop_losing(project, project.services, live)
        yield remote.locked_command(
            "networks_remove", DIRECTORY, *(change.word for change in changes)
        )


@converging_operation
def remove_undeclared(project: Project) -> Commands:
    """Remove the containers of what was switched off; their data stays in the volumes."""
    live = stack_state(project)
    names = stack.undeclared(project.settings, live)
    if names:
        log_changes(Change(f"container {name}", Code.UNDECLARED) for name in names)
        yield remote.locked_command("containers_remove", *names)


@converging_operation
def start(project: Project, names: Iterable[str], *, wait: bool = True) -> Commands:
    """Bring the named services, and only those that differ, to run and be healthy.

    :param wait: False leaves the waiting to an operation that comes later.
    """
    names = tuple(names)
    live = stack_state(project)
    if engine_is_stopped(live):
        return
    changes = service_changes(project, names, live)
    log_changes(one.change for one in changes)
    yield from _stop_losing(project, stack.interrupted(changes, live), live)
    if changes and wait:
        differing = {change.service for change in changes}
        beside = [name for name in names if name not in differing]
        starting = stack.unready(project, beside, live)
        yield bring_up([*changes, *starting], project.settings.start_timeout)
    elif changes:
        yield bring_up(changes, DO_NOT_WAIT)
    elif wait:
        yield from _wait_for(project, names, live)


@converging_operation
def wait(project: Project, names: Iterable[str]) -> Commands:
    """Go on only when all of the named services are healthy; a plan has nothing to say of that."""
    if not state.is_executing:
        return
    names, live = tuple(names), stack_state(project)
    if engine_is_stopped(live):
        return
    if gone := stack.gone(project, names, live):
        yield from refuse(
            [
                f"expected the container {name}, which an earlier step has started; saw none. "
                f"Run the deploy again."
                for name in gone
            ]
        )
    else:
        yield from _wait_for(project, names, live)


def _stop_losing(project: Project, away: Iterable[str], live: StackState) -> Commands:
    """Stop what would lose messages while these are away; the step that starts it comes later."""
    if losing := stack.losing(project, away, live):
        yield remote.locked_command("containers_stop", *(one.container for one in losing))


def _wait_for(project: Project, names: Iterable[str], live: StackState) -> Commands:
    starting = stack.unready(project, names, live)
    # Waiting changes nothing, so it is no command.
    if starting and not run_now(bring_up(starting, project.settings.start_timeout)):
        yield from refuse(["The service has to be healthy before the deploy goes on (see above)."])


def service_changes(
    project: Project, names: Iterable[str], live: StackState
) -> list[ServiceChange]:
    """The services that differ, or will because of what an earlier step is about to change."""
    names = tuple(names)
    changes = _differing(project, names, live)
    if state.is_executing:
        return changes
    stores = tuple(services.not_to_be_without(project.settings))
    away = stack.interrupted(_differing(project, stores, live), live)
    known = {change.service for change in changes}
    follow = stack.losing(project, away, live)
    return [*changes, *(one for one in follow if one.service in {*names} - known)]


def _differing(project: Project, names: tuple[str, ...], live: StackState) -> list[ServiceChange]:
    plain = plain_values(project.settings)  # the look has hashed the wanted ones
    changes = stack.service_changes(project, names, live)
    differing = {change.service for change in changes}
    for change in env_changes(project.settings):
        unread = change.name in plain or change.verb == entries.DROP
        for service in () if unread else entries.readers(change.name):
            if service in names and service not in differing:
                differing.add(service)
                of = (project.services[service], "up", Code.FOLLOWS, change.name)
                changes.append(ServiceChange.of(*of))
    return changes


@converging_operation
def prepare(project: Project) -> Commands:
    """Run the one-shot that brings schema, assets and declared state to what they have to be."""
    live = stack_state(project)
    if engine_is_stopped(live):
        return
    change = stack.prepare_change(project, live)
    if change is None:
        change = next(iter(service_changes(project, (chatwoot.PREPARE,), live)), None)
    found = [] if change is None else [change.change]
    if change is None:
        live = stack_state_of(project, chatwoot.SERVICE)
        held = chatwoot.held(live.states)
        if held.locked:
            yield from _has_to_be_free()
            return
        yield from _say_what_is_open(live)
        if held.application is not None:
            found += application.changes(project.settings, held.application, SALT)
    if found:
        again = ServiceChange.of(project.services[chatwoot.PREPARE], "recreate", Code.DIFFERS)
        log_changes(found)
        yield bring_up([change or again], project.settings.prepare_timeout)


def _has_to_be_free() -> Commands:
    note_unknown("what is in Chatwoot, because something holds its tables locked")
    if state.is_executing:
        yield from refuse(
            [
                "expected to read Chatwoot's tables within 5 s; something holds them locked, such "
                "as a migration by hand. When it has ended, run the deploy again."
            ]
        )


def _say_what_is_open(live: StackState) -> Commands:
    if live.states.get(chatwoot.NAME) is None:
        container = "borgstack_postgresql"
        note_unknown(f"what is in Chatwoot, because PostgreSQL {silence(live, container)}")
        yield from refuse_unreadable("PostgreSQL", container)
    elif chatwoot.held(live.states).unreadable:
        note_unknown(
            "what is in Chatwoot, because its tables are not those of version 4.6", lasting=True
        )


@converging_operation
def converge_state(project: Project, service: Service) -> Commands:
    """Have a service hold what it declares, beside its container."""
    live = stack_state_of(project, service)
    declared = service.state
    if engine_is_stopped(live) or declared is None:
        return
    held = live.states.get(service.name)
    if not state.is_executing and service_changes(project, (declared.container,), live):
        if declared.restarted is None:
            return
        held = None if held is None else declared.restarted(held)
    if held is not None:
        found = declared.changes(project.wanted, held)
    elif _is_made_later(service, live):
        found = [Change(declared.subject(project.settings), Code.MISSING)]
    else:
        yield from _unanswered(project, service, live)
        return
    found += [
        Change(declared.subject(project.settings), Code.FOLLOWS, change.name)
        for change in env_changes(project.settings)
        if change.name in declared.secrets(project.wanted) and not found
    ]
    if found:
        log_changes(found)
        orders = declared.words(project.wanted)
        if declared.orders is not None:
            orders = declared.orders(project.wanted, held)
        yield remote.locked_command(f"{service.name}_converge", DIRECTORY, *orders)


def _is_made_later(service: Service, live: StackState) -> bool:
    """Whether a plan may say of a server without Docker that this is missing, and comes about."""
    made = service.state is not None and not service.state.from_start
    return made and live.engine == "missing" and not state.is_executing


def _unanswered(project: Project, service: Service, live: StackState) -> Commands:
    """Say that it is not known what a service holds; a run in which it must answer ends."""
    container = project.services[service.state.container].container if service.state else ""
    note_unknown(f"what {service.title} holds, because it {silence(live, container)}")
    yield from refuse_unreadable(service.title, container)


def bring_up(changes: Iterable[ServiceChange], timeout: int) -> Streamed:
    """The command that makes these services run, and waits for them."""
    words = [change.word for change in changes]
    return streamed(remote.locked_command("services_up", DIRECTORY, str(timeout), *words))
