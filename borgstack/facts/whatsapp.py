"""WhatsApp on a live host: the way to Chatwoot, and the phone that is to be paired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyinfra.api import FactBase, StringCommand

from borgstack import bridge
from borgstack.bridge import Bridge
from borgstack.facts import last_object, read_lines
from borgstack.remote import locked_command, script_command


class Whatsapp(FactBase[Bridge | str]):
    """The phone, n8n's addresses, what failed: in one look. A text says why there is none."""

    def command(self, directory: str, words: tuple[str, str, str, str]) -> StringCommand:
        """Run `whatsapp_status.sh`, which says what the arguments are."""
        return script_command("whatsapp_status", directory, *words)

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


class Pairing(FactBase[Mapping[str, Any]]):
    """How the connection to WhatsApp is, with a code for the phone while it waits for one."""

    def command(self, instance: str, number: str, seen: str, seconds: int) -> StringCommand:
        """Run `evolution_pair.sh`, while nothing else changes the host."""
        return locked_command("evolution_pair", instance, number, seen, str(seconds))

    def process(self, output: list[str]) -> Mapping[str, Any]:
        """Read what it prints."""
        return last_object("pairing", output) or self.default()

    @staticmethod
    def default() -> Mapping[str, Any]:
        """A question that nobody answered."""
        return {"error": "no answer from inside the container evolution"}
