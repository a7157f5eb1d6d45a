"""`borgstack check`: whether this machine has what a run needs. Asks no host and changes nothing.

Each look is by itself, so that all that is missing is told at once: an inventory or settings that
cannot be used keep nothing else from being told.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from pyinfra.api import Config, Host, Inventory
from pyinfra.context import ctx_config

from borgstack import installed
from borgstack.access.judge import judge
from borgstack.access.keys import open_mode
from borgstack.access.look import look
from borgstack.findings import Finding, Result, missing, ok, warning
from borgstack.host_data import read_secrets, read_settings, referred_file
from borgstack.hosts import describe, limited, load_inventory, new_state, not_in_project
from borgstack.mistakes import Code
from borgstack.run import PRODUCTION, names_of_both
from borgstack.verb import Verb

SCHEMA = 1
_REFERENCE = "Put one there, or change the reference in group_data/*.py or inventory.py."
_WHERE = "Set it in group_data/*.py, in inventory.py or with --data."


@dataclass(frozen=True)
class HostFindings:
    """What was found for one host."""

    host: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class SelfTest:
    """The whole answer: of this machine and the inventory, and for each host."""

    laptop: tuple[Finding, ...] = ()
    hosts: tuple[HostFindings, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """Every finding, wherever."""
        return [*self.laptop, *(one for host in self.hosts for one in host.findings)]

    @property
    def exit_code(self) -> int:
        """0 when nothing is missing, else 1."""
        return int(any(one.fatal for one in self.findings))

    def as_json(self) -> str:
        """The documented form, see docs/check.md."""
        return json.dumps({"schema": SCHEMA, "exit_code": self.exit_code, **asdict(self)})

    def as_text(self) -> str:
        """The form for people: one line a finding."""
        lines = ["this machine:", *(f"  {one.line()}" for one in self.laptop)]
        for host in self.hosts:
            lines += [f"{host.host}:", *(f"  {one.line()}" for one in host.findings)]
        count = Counter(one.result for one in self.findings)
        counts = ", ".join(f"{count[result]} {result}" for result in Result)
        return "\n".join([*lines, f"{counts}. No host was asked."])


def check(
    limit: Iterable[str] = (), data: Iterable[str] = (), inventory: str = "inventory.py"
) -> SelfTest:
    """Look at this machine, and at what it has for the hosts of `inventory` that `limit` leaves.

    :param limit: group names, host names or globs, as pyinfra's `--limit` takes them.
    :param data: `NAME=VALUE` words, as pyinfra's `--data` takes them.
    """
    laptop = installed.judge(installed.look())
    loaded = _load(inventory, data)
    if isinstance(loaded, Finding):
        return SelfTest((*laptop, loaded))
    hosts, about = _chosen(loaded, inventory, tuple(limit))
    found = [HostFindings(host.name, tuple(_of_host(host))) for host in hosts]
    return SelfTest((*laptop, *about), tuple(found))


def _load(file: str, data: Iterable[str]) -> Inventory | Finding:
    if mistake := not_in_project(file):
        expected, _, todo = mistake.removeprefix("expected ").partition("; ")
        return missing("inventory", expected, "none", f"{todo[:1].upper()}{todo[1:]}.")
    ctx_config.set(Config())
    try:
        return load_inventory(new_state(), file, data)
    except Exception as error:  # an inventory and its group_data may raise anything
        place = getattr(error, "filename", None)
        seen = " ".join(f"{describe(error)}{f' in {place}' if place else ''}".split())
        return missing("inventory", f"{file} and group_data/ to load", seen, "Put it right.")


def _chosen(
    inventory: Inventory, file: str, limit: tuple[str, ...]
) -> tuple[list[Host], list[Finding]]:
    """The hosts that are looked at, and what is to be said of the inventory."""
    findings = []
    both = names_of_both(inventory)
    if both:
        expected, seen = "hosts and groups of different names", f"{', '.join(both)} as both"
        todo = f"Give the group or the host another name in {file}."
        findings.append(missing("inventory", expected, seen, todo))
    chosen = list(inventory) if not limit else []
    for word in limit:
        matching = limited(inventory, [word]) or []
        if not matching:
            known = ", ".join(sorted({*inventory.groups, *inventory.hosts}))
            findings.append(
                warning("limit", f"a host or group for {word}", f"only {known}", f"See {file}.")
            )
        chosen += matching
    hosts = sorted(set(chosen), key=lambda host: host.name)
    if not hosts:
        seen = "none that --limit leaves" if limit else "none"
        todo = f"See {file} and --limit." if limit else "Name one there, as the README says."
        findings.append(missing("inventory", f"a host in {file}", seen, todo))
    elif not both:
        findings.append(ok("inventory", _told_of(hosts)))
    return hosts, findings


def _told_of(hosts: list[Host]) -> str:
    production = [host.name for host in hosts if PRODUCTION in host.groups]
    names = ", ".join(host.name for host in hosts)
    reached = f"; production, reached only with --limit: {', '.join(production)}"
    return f"{names}{reached if production else ''}"


def _of_host(host: Host) -> Iterable[Finding]:
    data = host.data.dict()
    yield from judge_settings(data)
    yield from judge_secrets(data)
    yield from judge(look(host))


def judge_settings(data: Mapping[str, object]) -> Iterable[Finding]:
    """Judge one host's settings, its references to secrets apart: those are a look of their own."""
    _, mistakes = read_settings(data)
    others = [one for one in mistakes if one.code != Code.NO_SECRET]
    for mistake in others:
        yield missing("settings", "what docs/settings.md lists", str(mistake), _WHERE)
    if not others:
        yield ok("settings", "every value can be used")


def judge_secrets(data: Mapping[str, object]) -> Iterable[Finding]:
    """Judge the references to secrets; what they lead to is never shown."""
    secrets, without = read_secrets(data)
    for field, mistake in without.items():
        yield missing(field, "a reference that leads to a secret", mistake, _REFERENCE)
    for field in secrets:
        reference = str(data[field])
        yield ok(field, f"{reference} leads to a secret")
        file = referred_file(reference)
        if file and (mode := open_mode(file)):
            alone = f"{file} for its owner alone"
            yield warning(field, alone, f"mode {mode}", f"chmod 600 {file}.")


VERB = Verb(
    "check",
    help="whether this machine has what a run needs; asks no host, changes nothing",
    exit_codes="0 nothing is missing, though there may be warnings; 1 something is",
    run=lambda asked: check(asked.limit, asked.data, asked.inventory),
    document="check",
)
