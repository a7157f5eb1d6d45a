"""What a look finds, of `borgstack check` and of preflight: fine, missing, or likely to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How a look at something ends."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """What one look found.

    :ivar name: what was looked at; it stays, the words may change.
    :ivar expected: of what is not fine, as is `next`.
    :ivar next: what to do.
    """

    name: str
    result: Result
    seen: str
    expected: str = ""
    next: str = ""

    @property
    def fatal(self) -> bool:
        """Whether a run would fail of it."""
        return self.result is Result.MISSING

    def __str__(self) -> str:
        """The form in a run, which tells of nothing that is fine."""
        weight = "must be put right" if self.fatal else "warning"
        return f"{weight}: expected {self.expected}; saw {self.seen}. {self.next}"

    def line(self) -> str:
        """The form of `borgstack check`."""
        if self.result is Result.OK:
            return f"{self.result:<8} {self.name}: {self.seen}"
        return (
            f"{self.result:<8} {self.name}: expected {self.expected}; saw {self.seen}. {self.next}"
        )


def ok(name: str, seen: str) -> Finding:
    """It is as it should be."""
    return Finding(name, Result.OK, seen)


def warning(name: str, expected: str, seen: str, next: str) -> Finding:
    """A run may fail of it, or somebody may read or be what they should not."""
    return Finding(name, Result.WARNING, seen, expected, next)


def missing(name: str, expected: str, seen: str, next: str) -> Finding:
    """A run would fail of it."""
    return Finding(name, Result.MISSING, seen, expected, next)


def softened(findings: Iterable[Finding]) -> list[Finding]:
    """The findings where it cannot be said that a run would fail."""
    return [
        warning(one.name, one.expected, one.seen, one.next) if one.fatal else one
        for one in findings
    ]
