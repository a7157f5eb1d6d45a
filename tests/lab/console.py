"""What a person sees: one line a step with its duration, and errors that say what to do next."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class LabError(Exception):
    """A failure told in three parts: what was expected, what was seen, what to do next."""

    def __init__(self, expected: str, seen: str, next_step: str) -> None:
        self.expected = expected
        self.seen = seen.strip() or "(nothing)"
        self.next_step = next_step
        super().__init__(f"expected: {expected}\nseen:     {self.seen}\nnext:     {next_step}")


def say(line: str) -> None:
    """Print a progress line. Standard error, so that a command's own output stays clean."""
    print(f"lab: {line}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a slow step, and when it is done say how long it took."""
    say(f"{what} ...")
    started = time.monotonic()
    yield
    say(f"{what}: done in {time.monotonic() - started:.1f} s")
