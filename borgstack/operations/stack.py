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
    stack_state_with,
)
from borgstack.project import DIRECTORY, Project
from borgstack.salted import SALT
from borgstack.services import caddy, chatwoot, redis
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


def _wait_for(project: Project, names: Iterable[str], live: StackState) -> Commands:
    starting = stack.unready(project, names, live)
    # Waiting changes nothing, so it is no command.
    if starting and not run_now(bring_up(starting, project.settings.start_timeout)):
        yield from refuse(["The service has to be healthy before the deploy goes on (see above)."])


def service_changes(
    project: Project, names: Iterable[str], live: StackState
) -> list[ServiceChange]:
    """The services that differ, or will because a secret that they read is about to change."""
    names = tuple(names)
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
        if live.locked:
            yield from _has_to_be_free()
            return
        _say_what_is_open(live)
        if live.application is not None:
            found += application.changes(project.settings, live.application, SALT)
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


def _say_what_is_open(live: StackState) -> None:
    if live.database is None:
        why = silence(live, "borgstack_postgresql")
        note_unknown(f"whether the database has a schema, because PostgreSQL {why}")
    elif live.unreadable:
        note_unknown(
            "what is in Chatwoot, because its tables are not those of version 4.6", lasting=True
        )


@converging_operation
def converge_databases(project: Project) -> Commands:
    """Run the SQL of first boot again when roles, owners, passwords or extensions differ."""
    live = stack_state_with(project, "database")
    if engine_is_stopped(live):
        return
    if live.database is None:
        why = silence(live, "borgstack_postgresql")
        note_unknown(f"roles, databases and extensions, because PostgreSQL {why}")
        yield from refuse_unreadable("PostgreSQL", "borgstack_postgresql")
        return
    changes = stack.database_changes(project.settings, live)
    roles = services.databases(project.settings)
    passwords = {"POSTGRES_PASSWORD", *(database.password for database in roles)}
    changes += [
        Change("PostgreSQL's roles", Code.FOLLOWS, change.name)
        for change in env_changes(project.settings)
        if change.name in passwords
    ]
    if changes:
        log_changes(changes)
        yield remote.locked_command("postgresql_converge", DIRECTORY)


@converging_operation
def converge_redis(project: Project) -> Commands:
    """Have Redis run with the settings of its redis.conf, and Chatwoot's onboarding closed."""
    live = stack_state_with(project, "redis")
    if engine_is_stopped(live):
        return
    if live.redis is None:
        note_unknown(f"Redis' settings, because Redis {silence(live, 'borgstack_redis')}")
        yield from refuse_unreadable("Redis", "borgstack_redis")
        return
    starts = bool(service_changes(project, (redis.NAME,), live))  # only in a plan
    changes = stack.redis_changes(project, live, starts=starts)
    if changes:
        log_changes(one.change for one in changes)
        yield remote.locked_command("redis_converge", *(change.command for change in changes))


@converging_operation
def reload_caddy(project: Project) -> Commands:
    """Have Caddy take up its Caddyfile without dropping a connection."""
    live = stack_state_with(project, "caddy")
    if engine_is_stopped(live) or service_changes(project, (caddy.NAME,), live):
        return  # only in a plan: a container that starts reads its Caddyfile
    if live.caddy is None:
        note_unknown("the configuration that Caddy runs, because it does not answer")
        yield from refuse_unreadable("Caddy", "borgstack_caddy")
        return
    change = stack.caddy_change(live)
    if change:
        log_changes([change])
        yield remote.locked_command("caddy_reload")


@converging_operation
def converge_state(project: Project, service: Service) -> Commands:
    """Have a service hold what it declares, beside its container."""
    live = stack_state_of(project, service)
    if engine_is_stopped(live) or service.state is None:
        return
    held, found = live.states.get(service.name), []
    if held is not None:
        found = service.state.changes(project.settings, held)
    elif live.engine == "missing" and not state.is_executing:
        found = [Change(service.state.subject(project.settings), Code.MISSING)]
    else:
        container = project.services[service.state.container].container
        note_unknown(f"what {service.title} holds, because it {silence(live, container)}")
        yield from refuse_unreadable(service.title, container)
    found += [
        Change(service.state.subject(project.settings), Code.FOLLOWS, change.name)
        for change in env_changes(project.settings)
        if change.name in service.state.secrets and not found
    ]
    if found:
        log_changes(found)
        words = service.state.words(project.settings)
        yield remote.locked_command(f"{service.name}_converge", DIRECTORY, *words)


def bring_up(changes: Iterable[ServiceChange], timeout: int) -> Streamed:
    """The command that makes these services run, and waits for them."""
    words = [change.word for change in changes]
    return streamed(remote.locked_command("services_up", DIRECTORY, str(timeout), *words))
