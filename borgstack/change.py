"""One difference between a host and what is expected there: what every comparison returns.

Scripts and tests read the code, which stays; people read the sentence, which comes from one table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Scalar = str | int | bool | None


class Code(StrEnum):
    """In what way a subject differs; `docs/plan.md` lists them for scripts."""

    MISSING = "missing"
    DIFFERS = "differs"
    EMPTY = "empty"
    UNDECLARED = "undeclared"
    SUPERSEDED = "superseded"
    FOREIGN = "foreign"
    CONFLICTS = "conflicts"
    UNFINISHED = "unfinished"
    UNREADABLE = "unreadable"
    NOT_LOADED = "not_loaded"
    NOT_RUNNING = "not_running"
    UNHEALTHY = "unhealthy"
    STARTING = "starting"
    BUSY = "busy"
    FAILED = "failed"
    NOT_CONNECTED = "not_connected"
    STALE = "stale"
    UNREGISTERED = "unregistered"
    EXPOSED = "exposed"
    FOLLOWS = "follows"


SENTENCES: Mapping[Code, str] = {
    Code.MISSING: "is missing",
    Code.DIFFERS: "differs",
    Code.EMPTY: "is empty",
    Code.UNDECLARED: "is there and not declared any more",
    Code.SUPERSEDED: "is superseded, and no container uses it",
    Code.FOREIGN: "was not made by this tool",
    Code.CONFLICTS: "conflicts with what is declared",
    Code.UNFINISHED: "is left by a run that did not come to its end",
    Code.UNREADABLE: "cannot be read",
    Code.NOT_LOADED: "is not what the running process has loaded",
    Code.NOT_RUNNING: "is not running",
    Code.UNHEALTHY: "is unhealthy",
    Code.STARTING: "is still starting",
    Code.BUSY: "is still running",
    Code.FAILED: "has failed",
    Code.NOT_CONNECTED: "is not connected",
    Code.STALE: "is one that has been removed since",
    Code.UNREGISTERED: "is not registered",
    Code.EXPOSED: "is open to anybody",
    Code.FOLLOWS: "changes in this run",
}


@dataclass(frozen=True)
class Change:
    """What a run will put right, or has put right.

    :ivar subject: what differs, with its kind: `service chatwoot`, `network borgstack_internal`.
    :ivar attribute: the part of it that differs, such as `image`; empty for the whole.
    :ivar expected: by the settings; :ivar actual: on the host. Both None where there is nothing to
        show, as of a secret, whose value never leaves the host.
    """

    subject: str
    code: Code
    attribute: str = ""
    expected: Scalar = None
    actual: Scalar = None

    def __str__(self) -> str:
        what = f"{self.attribute} " if self.attribute else ""
        return f"{self.subject}: {what}{SENTENCES[self.code]}{self._values()}"

    def _values(self) -> str:
        named = (("expected", self.expected), ("actual", self.actual))
        shown = ", ".join(f"{name} {_shown(one)}" for name, one in named if one is not None)
        return f" ({shown})" if shown else ""


def compare(subject: str, attribute: str, expected: Scalar, actual: Scalar) -> list[Change]:
    """One change where the two differ, else none; with an actual value of None it is missing."""
    if actual == expected:
        return []
    code = Code.MISSING if actual is None else Code.DIFFERS
    return [Change(subject, code, attribute, expected, actual)]


def _shown(value: Scalar) -> str:
    """A value in a line of text: quoted where it could be taken for a part of the sentence."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return text if re.fullmatch(r"[!-~]+( [!-~]+)*", text) else repr(text)
