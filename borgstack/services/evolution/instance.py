"""Evolution's instance, which keeps the paired phone: what it has to be, and what differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from borgstack.change import Change, Code, Scalar
from borgstack.settings import Settings
from borgstack.whatsapp import INBOUND_URL

SETTINGS: Mapping[str, object] = {
    "rejectCall": False,
    "groupsIgnore": True,
    "alwaysOnline": False,
    "readMessages": False,
    "readStatus": False,
    "syncFullHistory": False,
}
"""Of the Evolution instance; groups and status posts are no conversations with customers."""
WEBHOOK: Mapping[str, object] = {
    "enabled": True,
    "url": INBOUND_URL,
    "byEvents": False,
    "base64": False,
    "events": ["MESSAGES_UPSERT", "MESSAGES_EDITED", "MESSAGES_DELETE"],
}
"""Its own webhook: the global one sends no header and refuses names without a dot (Evolution
2.2.3, webhook.controller.ts).
With base64, Evolution would take every file into its memory, of whatever size, before it tells of
it; n8n asks for those that are not too large."""


@dataclass(frozen=True)
class InstanceState:
    """The Evolution instance.

    :ivar status: `open`, `connecting` or `close`; None when there is no instance.
    :ivar number: the last four digits of the phone that was paired; empty before.
    :ivar since: when it opened or closed, as Evolution says it.
    :ivar webhook: its values by the names of `WEBHOOK`; :ivar settings: likewise.
    :ivar secret: whether its webhook shows n8n the secret of `.env`.
    :ivar former: instances of an earlier name, which show that secret too: what their phones get
        comes in. They are named, and unlinked only when the settings say so.
    """

    status: str | None
    webhook: Mapping[str, object]
    settings: Mapping[str, object]
    secret: bool
    number: str = ""
    since: str | None = None
    former: tuple[str, ...] = ()


def parse(lines: list[str]) -> InstanceState | None:
    """Read the line of `state.js`; None when Evolution did not answer."""
    try:
        found: Any = json.loads(lines[-1] if lines else "")
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    return InstanceState(
        found["status"],
        found.get("webhook", {}),
        found.get("settings", {}),
        bool(found["secret"]),
        str(found.get("number", "")),
        found.get("since"),
        tuple(found.get("former", ())),
    )


def subject(settings: Settings) -> str:
    """How a change names it."""
    return f"instance {settings.whatsapp_instance}"


def changes(settings: Settings, live: InstanceState) -> list[Change]:
    """What has to be told to Evolution."""
    leaving = [one for one in live.former if one in settings.former_instances]
    former = [Change(f"instance {one}", Code.UNDECLARED) for one in leaving]
    return [*_own_changes(settings, live), *former]


def _own_changes(settings: Settings, live: InstanceState) -> list[Change]:
    name = subject(settings)
    if live.status is None:
        return [Change(name, Code.MISSING)]
    found = [
        Change(name, Code.DIFFERS, f"{what} {field}", _plain(value), _plain(seen.get(field)))
        for what, seen, declared in (
            ("webhook", live.webhook, WEBHOOK),
            ("setting", live.settings, SETTINGS),
        )
        for field, value in declared.items()
        if seen.get(field) != value
    ]
    return found if live.secret else [*found, Change(name, Code.DIFFERS, "webhook secret")]


def _plain(value: object) -> Scalar:
    """A value of JSON as a change shows it."""
    return value if isinstance(value, str | bool | int | None) else json.dumps(value)


def words(settings: Settings) -> tuple[str, str]:
    """The instance's name, and what `converge.js` brings about, as JSON."""
    leaving = list(settings.former_instances)
    declared = json.dumps({"settings": SETTINGS, "webhook": WEBHOOK, "leaving": leaving})
    return settings.whatsapp_instance, declared
