"""`borgstack verify`: asks a live system whether it works, from inside and from outside.

Each host is looked at once from inside (`verify_state.sh`) and, at the same time, from the laptop
(`outside.py`). The checks (`checks/`) judge what was seen; here it is collected and presented.
"""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import gevent
from pydantic import TypeAdapter, ValidationError
from pyinfra.api import FactBase, Host, State
from pyinfra.api.connect import disconnect_all
from pyinfra.api.exceptions import PyinfraError

from borgstack import outside, services
from borgstack.bridge import words
from borgstack.checks import CHECKS, CONVERSATION, DELIVERY, FLOW, Check, Result, Verdict, judge
from borgstack.evidence import Evidence, ExternalObservation, HostObservation
from borgstack.facts.verify import Conversation, Delivery, MessageFlow, Verify
from borgstack.hosts import UnusableError, ask, connect, select_hosts
from borgstack.operations import run_log
from borgstack.project import DIRECTORY, Project, render
from borgstack.remote import state_program
from borgstack.salted import SALT
from borgstack.values import Email
from borgstack.verb import Verb

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
    more = verdict.reason or verdict.note
    yield f"{line}: {more}" if more else line
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
    whatsapp: bool = False,
) -> Report:
    """Look at the hosts of `inventory` that `limit` leaves, and judge what is seen.

    :param limit: group names, host names or globs, as pyinfra's `--limit` takes them.
    :param data: `NAME=VALUE` words, as pyinfra's `--data` takes them.
    :param conversation: whether to begin a conversation, too, and remove it again.
    :param mail: an address to send a mail to, too.
    :param whatsapp: likewise for a message that comes in as from WhatsApp, and a reply to it.
    """
    if mail is not None and (mistake := _not_an_address(mail)):
        return Report(error=f"--mail: {mistake}")
    asked = Asked(conversation, mail, whatsapp)
    try:
        state, settings = select_hosts(inventory, limit, data)
        projects = {host: render(one) for host, one in settings.items()}
    except (UnusableError, PyinfraError) as error:
        return Report(error=str(error))
    return Report(tuple(_look_at_all(state, projects, asked)))


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
    whatsapp: bool

    @property
    def checks(self) -> tuple[Check, ...]:
        """The table of checks, with these."""
        more = (
            (CONVERSATION, self.conversation),
            (DELIVERY, self.mail is not None),
            (FLOW, self.whatsapp),
        )
        return (*CHECKS, *(check for check, wanted in more if wanted))


def _look_at_all(state: State, projects: dict[Host, Project], asked: Asked) -> Iterable[HostReport]:
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
        # Afterwards: the looks want a host on which nothing is going on.
        tried = {host: _try(state, host, projects[host], asked) for host in insides}
    finally:
        disconnect_all(state)
    seconds = time.monotonic() - started
    for host, project in projects.items():
        inside = insides[host].value if host in insides else None
        seen = Looks(inside, outsides[host].value, tried.get(host, {}), seconds)
        yield _report(host, project, seen, asked.checks)


@dataclass(frozen=True)
class Looks:
    """What came back from one host; `inside` is None where SSH did not get through.

    :ivar tried: what was done beside looking, by `conversation`, `delivery` and `flow`.
    """

    inside: HostObservation | None
    outside: ExternalObservation
    tried: Mapping[str, Mapping[str, Any]]
    seconds: float


def _look_inside(state: State, host: Host, project: Project) -> HostObservation:
    settings = project.settings
    judged = [one for one in services.enabled(settings) if one.checks]
    before = time.time()
    arguments = {
        "directory": DIRECTORY,
        "smtp_address": settings.smtp_address or "",
        "smtp_port": settings.smtp_port,
        "states": state_program(judged, settings, DIRECTORY, SALT),
        "whatsapp": words(settings),
    }
    found: HostObservation
    try:
        found = ask(state, host, Verify, **arguments)
    except UnusableError as error:  # of one host: the others are still told of
        found = HostObservation(blind=f"the look at the host failed: {error}")
    return replace(found, asked=(before, time.time()))


def _try(state: State, host: Host, project: Project, asked: Asked) -> dict[str, Mapping[str, Any]]:
    """Do what was asked for beside looking; one after the other."""
    settings = project.settings
    place: dict[str, object] = {"directory": DIRECTORY}
    # What the settings switch off is not tried; its check says so.
    questions: tuple[tuple[str, bool, type[FactBase[Any]], dict[str, object]], ...] = (
        ("conversation", asked.conversation, Conversation, place),
        (
            "delivery",
            asked.mail is not None and settings.smtp_address is not None,
            Delivery,
            {"address": asked.mail},
        ),
        (
            "flow",
            asked.whatsapp and settings.whatsapp,
            MessageFlow,
            {**place, "whatsapp": words(settings)},
        ),
    )
    found: dict[str, Mapping[str, Any]] = {}
    for name, wanted, fact, arguments in questions:
        if not wanted:
            continue
        try:
            found[name] = ask(state, host, fact, **arguments)
        except UnusableError as error:
            found[name] = {"error": f"it could not be begun: {error}"}
    return found


def _report(host: Host, project: Project, looks: Looks, table: tuple[Check, ...]) -> HostReport:
    inside = looks.inside
    errors: tuple[str, ...] = ()
    if inside is None:
        errors = tuple(run_log(host).refusals) or ("it cannot be reached",)
        inside = HostObservation(blind=f"the host cannot be reached by SSH: {errors[0]}")
    elif inside.clock is None:
        errors = (inside.blind or "the look at the host told nothing",)
    evidence = Evidence(inside, looks.outside, time.time(), **looks.tried)
    verdicts = [judge(check, project, evidence) for check in table]
    named = [
        replace(
            one,
            next=one.next.replace("--limit HOST", f"--limit {host.name}"),
            reason=one.reason.replace("--limit HOST", f"--limit {host.name}"),
        )
        for one in verdicts
    ]
    checks = tuple(zip(table, named, strict=True))
    return HostReport(host.name, errors, checks, looks.seconds)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--conversation",
        action="store_true",
        help="begin a conversation, too, and remove it again",
    )
    parser.add_argument(
        "--mail", metavar="ADDRESS", help="send a mail there, too, as Chatwoot would send it"
    )
    parser.add_argument(
        "--whatsapp",
        action="store_true",
        help="have a message come in as from WhatsApp, too, and a reply go out; no phone needed",
    )


VERB = Verb(
    "verify",
    help="whether the live system works, from inside and from outside; changes nothing",
    exit_codes="0 every check passed or was skipped with a reason, 1 otherwise",
    run=lambda asked: verify(
        asked.limit,
        asked.data,
        asked.inventory,
        conversation=asked.conversation,
        mail=asked.mail,
        whatsapp=asked.whatsapp,
    ),
    arguments=_arguments,
    document="verify",
)
