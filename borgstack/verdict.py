"""How a check ends: passed, failed with what to do about it, or skipped with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """The three ways in which a check ends."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Verdict:
    """How one check ended.

    :ivar expected: of a failure, as are `seen` and `next`.
    :ivar reason: of a skip: why the check could not run.
    :ivar note: of a pass: what was measured, if anything was.
    """

    result: Result
    expected: str = ""
    seen: str = ""
    next: str = ""
    reason: str = ""
    note: str = ""


PASSED = Verdict(Result.PASSED)
DEPLOY = "deploy again: pyinfra inventory.py deploy.py --limit HOST"
"""What puts right whatever the project itself has made; the host's name is filled in later."""


def failed(expected: str, seen: str, next: str) -> Verdict:
    """What was expected, what was seen, and what to do next."""
    return Verdict(Result.FAILED, expected, seen, next)


def passed(note: str) -> Verdict:
    """Passed, and what was measured."""
    return Verdict(Result.PASSED, note=note)


def skipped(reason: str) -> Verdict:
    """Why the check could not run; it says nothing about the system."""
    return Verdict(Result.SKIPPED, reason=reason)


def unless(problems: list[str], expected: str, next: str) -> Verdict:
    """Passed without problems; otherwise all of them are what was seen."""
    return failed(expected, "; ".join(problems), next) if problems else PASSED
