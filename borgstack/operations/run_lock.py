"""The host's lock, for a run that changes something there; see `borgstack/lock.py`."""

from __future__ import annotations

from typing import Any

from pyinfra.context import ctx_host, ctx_state, host, state

from borgstack import lock
from borgstack.operations import Commands, converging_operation, refuse
from borgstack.settings import Settings


def taken_by(settings: Settings) -> str | None:
    """Take the host's lock for the rest of this run; why not, where somebody else holds it."""
    arguments: dict[str, Any] = dict(host.current_op_global_arguments or {})
    holder = lock.take(ctx_state.get(), ctx_host.get(), arguments, settings.lock_wait)
    if holder is None:
        return None
    return (
        f"expected to be alone on this host; saw {holder}. Wait until that run has "
        "ended, or let this one wait: --data lock_wait=600. Nothing was touched."
    )


@converging_operation
def hold(settings: Settings) -> Commands:
    """Go on only when no other run is at work on this host, and keep others out."""
    if state.is_executing and (why := taken_by(settings)):
        yield from refuse([why])
