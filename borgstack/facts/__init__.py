"""What is there now: one fact is one command on the host and one value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pyinfra.api.exceptions import FactProcessError

Value = TypeVar("Value")


def read_lines(
    script: str, parse: Callable[[Iterable[str]], Value], output: Iterable[str]
) -> Value:
    """Parse what a script printed; lines that it cannot have printed fail the host, and only it.

    :raises FactProcessError: which script, and of what kind the mistake is; it quotes no line.
    """
    try:
        return parse(output)
    except (ValueError, LookupError, RecursionError) as error:
        raise FactProcessError(
            f"expected the lines of {script}.sh; saw others ({type(error).__name__}). "
            "Does something in the background print there?"
        ) from None


def last_object(kind: str, output: Iterable[str]) -> Mapping[str, Any] | None:
    """The object in the last line `KIND JSON`; None without one."""
    said = [line.partition(" ")[2] for line in output if line.startswith(f"{kind} ")]
    try:
        found = json.loads(said[-1])
    except (IndexError, ValueError):
        return None
    return found if isinstance(found, dict) else None
