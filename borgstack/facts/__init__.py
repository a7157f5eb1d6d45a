"""What is there now: one fact is one command on the host and one value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

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
