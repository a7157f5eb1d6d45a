"""The configuration that Caddy runs, and the certificates that it keeps."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from borgstack.change import Change, Code
from borgstack.services.base import Fault, Wanted

NAME = "caddy"
CADDYFILE = "config/caddy/Caddyfile"


@dataclass(frozen=True)
class CaddyState:
    """The running Caddy, as `state.sh` prints it.

    :ivar adapted: what it makes of the wanted Caddyfile, as a JSON value; None where it refuses it.
    :ivar running: the configuration that it runs.
    :ivar unstored: the names whose certificate it serves and has no longer in its store.
    """

    adapted: Any
    running: Any
    unstored: tuple[str, ...] = ()


def parse(lines: Iterable[str]) -> CaddyState | None:
    """Read the lines of `state.sh`; None unless both answers are there, whole."""
    rows: dict[str, list[str]] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        rows.setdefault(kind, []).append(rest)
    try:
        adapted, running = (json.loads(rows[kind][-1]) for kind in ("adapted", "running"))
    except (KeyError, ValueError):
        return None
    made = adapted.get("result") if isinstance(adapted, dict) else None
    return CaddyState(made, running, tuple(rows.get("unstored", ())))


def words(wanted: Wanted) -> tuple[str, ...]:
    """What `state.sh` takes: the wanted Caddyfile, and the names that have certificates."""
    caddyfile = base64.b64encode(wanted.contents[CADDYFILE]).decode()
    return (caddyfile, *wanted.public_names)


def changes(_: Wanted, held: CaddyState) -> list[Change]:
    """Why Caddy has to reload; nothing when it runs what its Caddyfile says."""
    if held.adapted is not None and held.adapted == held.running:
        return []
    return [Change("service caddy", Code.NOT_LOADED, "Caddyfile")]


def faults(held: CaddyState) -> Mapping[str, Fault]:
    """A reload keeps what is in memory; only a start obtains a certificate again."""
    if not held.unstored:
        return {}
    return {NAME: (Code.MISSING, f"stored certificate for {', '.join(held.unstored)}")}
