"""One mistake in a host's settings: scripts and tests read the code, people read the sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """In what way settings are wrong, beside pydantic's types for single values."""

    UNKNOWN = "unknown"
    NO_SECRET = "no_secret"  # noqa: S105 - no secret
    SAME = "same"
    ALONE = "alone"
    USELESS = "useless"
    NAMES_NOTHING = "names_nothing"
    NOT_YOURS = "not_yours"
    TWICE = "twice"
    CONTRADICTS = "contradicts"


@dataclass(frozen=True)
class Mistake:
    """What is wrong.

    :ivar setting: which one; of an entry, with the way to its key: `agents.0.name`.
    :ivar code: a `Code`, or the type of pydantic's error.
    """

    setting: str
    code: str
    text: str

    def __str__(self) -> str:
        return self.text
