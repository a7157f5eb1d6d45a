"""How the benchmark fails: loudly, with what it expected and what it saw."""

from __future__ import annotations


class BenchError(Exception):
    """Something measured was not what it says it is; no number may come of it."""

    def __init__(self, expected: str, seen: str) -> None:
        super().__init__(f"expected: {expected}\nseen:     {seen.strip() or '(nothing)'}")
