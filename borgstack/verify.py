"""`borgstack verify`: asks a live system whether it works, from inside and from outside.

The hosts are looked at (`observe.py`), the checks (`checks/`) judge what was seen; here it is
presented.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from pydantic import TypeAdapter, ValidationError
from pyinfra.api import Host
from pyinfra.api.exceptions import PyinfraError

from borgstack.checks import CHECKS, CONVERSATION, DELIVERY, FLOW, Check, Result, Verdict, judge
from borgstack.deploys.probe import Asked
from borgstack.hosts import UnusableError, select_hosts
from borgstack.observe import Observation, observe
from borgstack.project import Project, render
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
    table = _table(asked)
    seen = observe(state, projects, asked)
    return Report(tuple(_report(host, projects[host], one, table) for host, one in seen))


def _not_an_address(text: str) -> str:
    try:
        TypeAdapter(Email).validate_python(text)
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, ")
    return ""


def _table(asked: Asked) -> tuple[Check, ...]:
    more = (
        (CONVERSATION, asked.conversation),
        (DELIVERY, asked.mail is not None),
        (FLOW, asked.whatsapp),
    )
    return (*CHECKS, *(check for check, wanted in more if wanted))


def _report(
    host: Host, project: Project, seen: Observation, table: tuple[Check, ...]
) -> HostReport:
    verdicts = [judge(check, project, seen.evidence) for check in table]
    named = [
        replace(
            one,
            next=one.next.replace("--limit HOST", f"--limit {host.name}"),
            reason=one.reason.replace("--limit HOST", f"--limit {host.name}"),
        )
        for one in verdicts
    ]
    checks = tuple(zip(table, named, strict=True))
    return HostReport(host.name, seen.errors, checks, seen.seconds)


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
