"""What is seen of the way between WhatsApp and Chatwoot: the lines of `whatsapp_state.sh`, read.

`borgstack status` shows it, `borgstack verify` judges it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from borgstack import services
from borgstack.services import evolution
from borgstack.services.evolution.instance import InstanceState
from borgstack.settings import Settings
from borgstack.whatsapp import INBOUND_URL, REPLY_URL


@dataclass(frozen=True)
class Failures:
    """What failed of one of n8n's workflows in the last 24 hours."""

    workflow: str
    id: str
    count: int


@dataclass(frozen=True)
class Bridge:
    """One look; None stands for an answer that did not come.

    :ivar phone: the instance of Evolution that keeps it.
    :ivar listens: whether n8n takes calls for `inbound` and for `replies`.
    :ivar claimable: whether n8n offers to become its owner.
    :ivar wired: whether Chatwoot hands replies to n8n.
    """

    phone: InstanceState | None = None
    listens: Mapping[str, bool] | None = None
    claimable: bool | None = None
    wired: bool | None = None
    failures: tuple[Failures, ...] | None = None

    @property
    def unregistered(self) -> list[str]:
        """At whose address n8n does not listen."""
        return [name for name, listens in (self.listens or {}).items() if not listens]


def words(settings: Settings) -> tuple[str, str, str]:
    """The arguments of `whatsapp_state.sh`; all are empty where WhatsApp is switched off."""
    if not settings.whatsapp:
        return "", "", ""
    return settings.whatsapp_inbox, INBOUND_URL, REPLY_URL


def parse(rows: Mapping[str, list[str]]) -> Bridge:
    """Read the lines by their first word.

    :raises ValueError: they are none that the script can have printed.
    """
    n8n = _object(rows, "n8n")
    wired = rows.get("wired")
    return Bridge(
        phone=services.parse_states(rows.get("state", ())).get(evolution.SERVICE.name),
        listens=None if n8n is None else dict(n8n["listens"]),
        claimable=None if n8n is None else bool(n8n["claimable"]),
        wired=wired[-1] == "true" if wired else None,
        failures=_failures(rows) if "executions" in rows else None,
    )


def _object(rows: Mapping[str, list[str]], kind: str) -> dict[str, Any] | None:
    found = json.loads(rows[kind][-1]) if kind in rows else None
    if not isinstance(found, dict | None):
        raise ValueError(f"{kind} is no object")
    return found


def _failures(rows: Mapping[str, list[str]]) -> tuple[Failures, ...]:
    split = (row.split("|", 2) for row in rows.get("failed", ()))
    return tuple(Failures(name, identity, int(count)) for count, identity, name in split)
