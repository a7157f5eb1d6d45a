"""`borgstack verify`: asks a live system whether it works, from inside and from outside.

Each host is looked at once from inside (`verify_state.sh`) and, at the same time, from the laptop
(`outside.py`). The checks (`checks/`) judge what was seen; here it is collected and presented.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import gevent
from pydantic import TypeAdapter, ValidationError
from pyinfra.api import Host, State
from pyinfra.api.connect import disconnect_all
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.facts import get_fact
from pyinfra.context import ctx_host, ctx_state

from borgstack import outside
from borgstack.checks import CHECKS, CONVERSATION, DELIVERY, Check, Result, Verdict, judge
from borgstack.evidence import Evidence, Inside, Outside
from borgstack.facts.verify import Conversation, Delivery, Verify
from borgstack.hosts import choose_hosts, connect, describe, new_state, not_in_project
from borgstack.operations import told
from borgstack.project import DIRECTORY, Project, render
from borgstack.run import quicken
from borgstack.settings import settings_of_all
from borgstack.values import Email

SCHEMA = 1
_MARKS = {Result.PASSED: "ok", Result.FAILED: "FAILED", Result.SKIPPED: "skipped"}


@dataclass(frozen=True)
class HostReport:
    """What was found on one host.

    :ivar errors: why it could not be looked at from inside, which is a failure of its own.
    :ivar seconds: how long the looks took.
    """

    host: str
    errors: tuple[str, ...]
    checks: tuple[tuple[Check, Verdict], ...]
    seconds: float

    def count(self, result: Result) -> int:
        """How many checks ended like this."""
        return sum(verdict.result is result for _, verdict in self.checks)

    @property
    def fine(self) -> bool:
        """Nothing failed and nothing stood in the way."""
        return not self.errors and not self.count(Result.FAILED)


@dataclass(frozen=True)
class Report:
    """The whole answer: one entry a host, and what stopped it as a whole."""

    hosts: tuple[HostReport, ...] = ()
    error: str | None = None

    @property
    def exit_code(self) -> int:
        """0 when every check of every host passed or was skipped with a reason, else 1."""
        return int(bool(self.error) or not self.hosts or any(not host.fine for host in self.hosts))

    def as_json(self) -> str:
        """The documented form, see docs/verify.md."""
        hosts = [
            {
                "host": host.host,
                "errors": host.errors,
                "seconds": round(host.seconds, 1),
                "checks": [_row(check, verdict) for check, verdict in host.checks],
            }
            for host in self.hosts
        ]
        return json.dumps(
            {"schema": SCHEMA, "exit_code": self.exit_code, "error": self.error, "hosts": hosts}
        )

    def as_text(self) -> str:
        """The form for people: one line a check, and of a failure what to do."""
        lines = [f"error: {self.error}"] if self.error else []
        for host in self.hosts:
            lines.append(f"{host.host}:")
            lines += [f"  error: {error}" for error in host.errors]
            for check, verdict in host.checks:
                lines += _lines(check, verdict)
            counts = ", ".join(f"{host.count(result)} {result}" for result in Result)
            lines.append(f"{host.host}: {counts}, {host.seconds:.1f} s")
        return "\n".join(lines)


def _row(check: Check, verdict: Verdict) -> dict[str, object]:
    return {"name": check.name, "title": check.title, "story": check.story, **asdict(verdict)}


def _lines(check: Check, verdict: Verdict) -> Iterable[str]:
    number = f"{check.story}." if check.story else ""
    line = f"  {_MARKS[verdict.result]:<8}{number:<3}{check.name:<12} {check.title}"
    remark = verdict.reason if verdict.result is not Result.PASSED else verdict.seen
    yield f"{line}: {remark}" if remark else line
    if verdict.result is Result.FAILED:
        yield f"             expected  {verdict.expected}"
        yield f"             seen      {verdict.seen}"
        yield f"             next      {verdict.next}"


def verify(
    limit: Iterable[str] = (),
    data: Iterable[str] = (),
    inventory: str = "inventory.py",
    *,
    conversation: bool = False,
    mail: str | None = None,
) -> Report:
    """Look at the hosts of `inventory` that `limit` leaves, and judge what is seen.

    :param limit: group names, host names or globs, as pyinfra's `--limit` takes them.
    :param data: `NAME=VALUE` words, as pyinfra's `--data` takes them.
    :param conversation: whether to begin a conversation, too, and remove it again.
    :param mail: an address to send a mail to, too.
    """
    if mail is not None and (mistake := _not_an_address(mail)):
        return Report(error=f"--mail: {mistake}")
    if missing := not_in_project(inventory):
        return Report(error=missing)
    state = new_state()
    try:
        hosts = choose_hosts(state, inventory, limit, data)
        settings = settings_of_all((host.name, host.data.dict()) for host in hosts)
        projects = {name: render(one) for name, one in settings.items()}
    except PyinfraError as error:
        return Report(error=str(error))
    except Exception as error:  # an inventory may raise anything
        return Report(error=f"{inventory} cannot be used: {describe(error)}")
    if not hosts:
        return Report(error="no host matches; see inventory.py and --limit")
    return Report(tuple(_look_at_all(state, hosts, projects, Asked(conversation, mail))))


def _not_an_address(text: str) -> str:
    try:
        TypeAdapter(Email).validate_python(text)
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return ""


@dataclass(frozen=True)
class Asked:
    """What was asked for beyond the looks, since it does something."""

    conversation: bool
    mail: str | None

    @property
    def checks(self) -> tuple[Check, ...]:
        """The table of checks, with these."""
        conversation = (CONVERSATION,) if self.conversation else ()
        return (*CHECKS, *conversation, *((DELIVERY,) if self.mail else ()))


def _look_at_all(
    state: State, hosts: list[Host], projects: dict[str, Project], asked: Asked
) -> Iterable[HostReport]:
    started = time.monotonic()
    outsides = {host: gevent.spawn(outside.look, projects[host.name].settings) for host in hosts}
    with suppress(PyinfraError):  # none can be reached; each says why
        connect(state)
    try:
        insides = {
            host: gevent.spawn(_look_inside, state, host, projects[host.name])
            for host in hosts
            if host in state.active_hosts
        }
        gevent.joinall([*outsides.values(), *insides.values()], raise_error=True)
        # Afterwards: the looks want a host on which nothing is going on.
        flows = {host: _converse(state, host) for host in insides if asked.conversation}
        mails = {
            host: _send(state, host, asked.mail)
            for host in insides
            if asked.mail and projects[host.name].settings.smtp_address
        }
    finally:
        disconnect_all(state)
    seconds = time.monotonic() - started
    for host in hosts:
        inside = insides[host].value if host in insides else None
        looks = Looks(inside, outsides[host].value, flows.get(host), mails.get(host), seconds)
        yield _report(host, projects[host.name], looks, asked.checks)


@dataclass(frozen=True)
class Looks:
    """What came back from one host; `inside` is None where SSH did not get through."""

    inside: Inside | None
    outside: Outside
    conversation: Mapping[str, Any] | None
    delivery: Mapping[str, Any] | None
    seconds: float


def _look_inside(state: State, host: Host, project: Project) -> Inside:
    quicken(host)
    settings = project.settings
    before = time.time()
    arguments = {
        "directory": DIRECTORY,
        "smtp_address": settings.smtp_address or "",
        "smtp_port": settings.smtp_port,
    }
    found: Inside
    try:
        with ctx_state.use(state), ctx_host.use(host):
            found = get_fact(state, host, Verify, kwargs=arguments, apply_failed_hosts=False)
    except EOFError:
        found = Inside(blind="sudo asks for a password, and nobody is there to type it")
    except Exception as error:  # of one host: the others are still told of
        found = Inside(blind=f"the look at the host failed: {describe(error)}")
    return replace(found, asked=(before, time.time()))


def _converse(state: State, host: Host) -> Mapping[str, Any]:
    arguments = {"directory": DIRECTORY}
    try:
        with ctx_state.use(state), ctx_host.use(host):
            found: Mapping[str, Any] = get_fact(
                state, host, Conversation, kwargs=arguments, apply_failed_hosts=False
            )
    except Exception as error:  # of one host: the others are still told of
        return {"error": f"it could not be begun: {describe(error)}"}
    return found


def _send(state: State, host: Host, address: str) -> Mapping[str, Any]:
    try:
        with ctx_state.use(state), ctx_host.use(host):
            found: Mapping[str, Any] = get_fact(
                state, host, Delivery, kwargs={"address": address}, apply_failed_hosts=False
            )
    except Exception as error:  # of one host: the others are still told of
        return {"error": f"it could not be sent: {describe(error)}"}
    return found


def _report(host: Host, project: Project, looks: Looks, table: tuple[Check, ...]) -> HostReport:
    inside = looks.inside
    errors: tuple[str, ...] = ()
    if inside is None:
        errors = tuple(told(host).refusals) or ("it cannot be reached",)
        inside = Inside(blind=f"the host cannot be reached by SSH: {errors[0]}")
    elif inside.clock is None:
        errors = (inside.blind or "the look at the host told nothing",)
    evidence = Evidence(inside, looks.outside, time.time(), looks.conversation, looks.delivery)
    verdicts = [judge(check, project, evidence) for check in table]
    named = [
        replace(one, next=one.next.replace("--limit HOST", f"--limit {host.name}"))
        for one in verdicts
    ]
    checks = tuple(zip(table, named, strict=True))
    return HostReport(host.name, errors, checks, looks.seconds)
