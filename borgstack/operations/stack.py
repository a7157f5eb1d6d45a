"""The stack: images, services, databases, Caddy; each step touches only what differs."""

from __future__ import annotations

from collections.abc import Iterable

from borgstack import stack
from borgstack.facts.stack import Stack
from borgstack.host import script
from borgstack.operations import (
    Commands,
    Streamed,
    carry_out,
    converges,
    explain,
    observe,
    refuse,
    streamed,
)
from borgstack.project import DIRECTORY, Project
from borgstack.stack import ServiceChange, StackState


def stack_state(project: Project) -> StackState:
    """The stack as it is on this host."""
    return observe(Stack, directory=DIRECTORY, images=project.images)


@converges
def pull_images(project: Project) -> Commands:
    """Pull the images that are not there, telling what is being waited for."""
    missing = stack.missing_images(project, stack_state(project))
    if missing:
        explain(f"{image} is not on the host" for image in missing)
        yield streamed(script("images_pull", *missing))


@converges
def start(project: Project, names: Iterable[str]) -> Commands:
    """Bring the named services, and only those that differ, to run and be healthy."""
    names = tuple(names)
    live = stack_state(project)
    changes = stack.service_changes(project, names, live)
    starting = stack.still_starting(project, names, live)
    command = _bring_up([*changes, *starting], project.settings.start_timeout)
    explain(changes)
    if changes:
        yield command
    elif starting and not carry_out(command):  # waiting changes nothing, so it is no command
        yield from refuse(["The service has to be healthy before the deploy goes on (see above)."])


@converges
def prepare(project: Project) -> Commands:
    """Run the one-shot that brings schema, account and assets to the image's version."""
    change = stack.prepare_change(project, stack_state(project))
    if change is not None:
        explain([change])
        yield _bring_up([change], project.settings.prepare_timeout)


@converges
def converge_databases(project: Project) -> Commands:
    """Run the SQL of first boot again when roles, owners, passwords or extensions differ."""
    changes = stack.database_changes(stack_state(project))
    if changes:
        explain(changes)
        yield script("database_converge", DIRECTORY)


@converges
def reload_caddy(project: Project) -> Commands:
    """Have Caddy take up its Caddyfile without dropping a connection."""
    reason = stack.caddy_change(stack_state(project))
    if reason:
        explain([reason])
        yield script("caddy_reload")


def _bring_up(changes: Iterable[ServiceChange], timeout: int) -> Streamed:
    words = [change.word for change in changes]
    return streamed(script("services_up", DIRECTORY, str(timeout), *words))
