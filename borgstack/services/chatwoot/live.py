"""What Chatwoot holds, as its database tells it: no Rails boot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from borgstack.services.base import Wanted

NAME = "chatwoot"


@dataclass(frozen=True)
class ChatwootState:
    """The answer of `state.sh`.

    :ivar application: what people find in Chatwoot, see `application.py`; None without its tables.
    :ivar unreadable: whether the tables are others than those of version 4.6.
    :ivar locked: whether something holds them locked.
    :ivar first_passwords: logins of agents whose first password still lies on the host.
    """

    application: Mapping[str, Any] | None = None
    unreadable: bool = False
    locked: bool = False
    first_passwords: frozenset[str] = frozenset()


def parse(lines: Iterable[str]) -> ChatwootState | None:
    """Read the lines of `state.sh`; None while the database could not be asked."""
    rows: dict[str, list[str]] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        rows.setdefault(kind, []).append(rest)
    if "read" not in rows:
        return None
    said = rows.get("application", [])
    return ChatwootState(
        json.loads(said[-1]) if said else None,
        "unreadable" in rows,
        "locked" in rows,
        frozenset(rows.get("first-password", ())),
    )


def held(states: Mapping[str, Any]) -> ChatwootState:
    """Chatwoot's among the states of services; an empty one while it is not known."""
    found: ChatwootState | None = states.get(NAME)
    return found or ChatwootState()


def words(wanted: Wanted) -> tuple[str, ...]:
    """What `state.sh` takes: the administrator's login."""
    return (wanted.settings.admin_email.lower(),)
