"""A verb of the `borgstack` command: its name, what it takes, and what runs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Answer(Protocol):
    """What a verb has found out; one with a documented form has `as_json` too."""

    @property
    def exit_code(self) -> int:
        """The command's."""

    def as_text(self) -> str:
        """The form for people."""


def _nothing(_: ArgumentParser) -> None:
    pass


@dataclass(frozen=True)
class Verb:
    """One verb. `limit`, `data` and `inventory` it takes like every other.

    :ivar exit_codes: what they mean, for `--help`.
    :ivar arguments: adds what it takes besides.
    :ivar document: below docs/, where its JSON is described; empty without one.
    """

    name: str
    help: str
    exit_codes: str
    run: Callable[[Namespace], Answer]
    arguments: Callable[[ArgumentParser], None] = _nothing
    document: str = ""
