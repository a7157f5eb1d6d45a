"""Looks at hosts for `borgstack verify`: from inside, from outside, and by trying things out.

Each host is looked at once from inside (`verify_state.sh`) and, at the same time, from the laptop
(`outside.py`). What was asked for besides comes after that: the looks want a host on which nothing
is going on.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import gevent
from pyinfra.api import Host, State
from pyinfra.api.connect import disconnect_all
from pyinfra.api.exceptions import PyinfraError

from borgstack import outside, services
from borgstack.bridge import words
from borgstack.deploys.probe import Asked, try_out
from borgstack.evidence import Evidence, ExternalObservation, HostObservation
from borgstack.facts.verify import Verify
from borgstack.hosts import UnusableError, ask, carry_out, connect
from borgstack.operations import run_log
from borgstack.project import DIRECTORY, Project
from borgstack.remote import state_program
from borgstack.salted import SALT


@dataclass(frozen=True)
class Observation:
    """What was seen of one host.

    :ivar errors: why it could not be looked at from inside.
    :ivar seconds: how long the looks took.
    """

    evidence: Evidence
    errors: tuple[str, ...]
    seconds: float


def observe(
    state: State, projects: Mapping[Host, Project], asked: Asked
) -> Iterable[tuple[Host, Observation]]:
    """Look at every host, side by side, and try out what was asked for."""
    started = time.monotonic()
    outsides = {host: gevent.spawn(outside.look, one.settings) for host, one in projects.items()}
    with suppress(PyinfraError):  # none can be reached; each says why
        connect(state)
    try:
        insides = {
            host: gevent.spawn(_look_inside, state, host, project)
            for host, project in projects.items()
            if host in state.active_hosts
        }
        gevent.joinall([*outsides.values(), *insides.values()], raise_error=True)
        if asked:
            by_name = {host.name: project for host, project in projects.items()}
            carry_out(state, try_out, projects=by_name, asked=asked)
    finally:
        disconnect_all(state)
    seconds = time.monotonic() - started
    for host in projects:
        inside = insides[host].value if host in insides else None
        yield host, _observation(host, inside, outsides[host].value, asked, seconds)


def _look_inside(state: State, host: Host, project: Project) -> HostObservation:
    settings = project.settings
    before = time.time()
    arguments = {
        "directory": DIRECTORY,
        "smtp_address": settings.smtp_address or "",
        "smtp_port": settings.smtp_port,
        "states": state_program(services.shown(settings), project.wanted, DIRECTORY, SALT),
        "whatsapp": words(settings),
    }
    found: HostObservation
    try:
        found = ask(state, host, Verify, **arguments)
    except UnusableError as error:  # of one host: the others are still told of
        found = HostObservation(blind=f"the look at the host failed: {error}")
    return replace(found, asked=(before, time.time()))


def _observation(
    host: Host,
    inside: HostObservation | None,
    outside: ExternalObservation,
    asked: Asked,
    seconds: float,
) -> Observation:
    refusals = tuple(run_log(host).refusals)
    errors: tuple[str, ...] = ()
    if inside is None:
        errors = refusals or ("it cannot be reached",)
        inside = HostObservation(blind=f"the host cannot be reached by SSH: {errors[0]}")
    elif inside.clock is None:
        errors = (inside.blind or "the look at the host told nothing",)
    evidence = Evidence(
        inside,
        outside,
        time.time(),
        conversation=_answer(host, "conversation", "chatwoot") if asked.conversation else None,
        delivery=_answer(host, "mail", "chatwoot-worker") if asked.mail is not None else None,
        flow=_answer(host, "whatsapp", "evolution") if asked.whatsapp else None,
    )
    return Observation(evidence, errors, seconds)


def _answer(host: Host, kind: str, container: str) -> Mapping[str, Any]:
    """What a probe told, or why it told nothing."""
    said = run_log(host)
    if (found := said.answers.get(kind)) is not None:  # a later one may have been refused
        return found
    if said.refusals:
        return {"error": f"it could not be begun: {said.refusals[-1]}"}
    return {"error": f"no answer from inside {container}"}
