"""WhatsApp on a live host: the way between it and Chatwoot."""

from __future__ import annotations

from collections.abc import Iterable

from pyinfra.api import FactBase, StringCommand

from borgstack import bridge
from borgstack.bridge import Bridge
from borgstack.facts import read_lines
from borgstack.remote import script_command


class Whatsapp(FactBase[Bridge | str]):
    """The phone, n8n's addresses, what failed: in one look. A text says why there is none."""

    def command(self, states: str, words: tuple[str, str, str]) -> StringCommand:
        """Run `whatsapp_status.sh`, which says what the arguments are."""
        return script_command("whatsapp_status", states, *words)

    def process(self, output: list[str]) -> Bridge | str:
        """Read what it prints."""
        return read_lines("whatsapp_status", _parse, output)

    @staticmethod
    def default() -> Bridge | str:
        """A look that told nothing."""
        return "the look at the host failed; what it said stands above"


def _parse(lines: Iterable[str]) -> Bridge | str:
    rows: dict[str, list[str]] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        rows.setdefault(kind, []).append(rest)
    return rows["blind"][0] if "blind" in rows else bridge.parse(rows)
