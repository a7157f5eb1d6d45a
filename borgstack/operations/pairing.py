"""WhatsApp's codes for the phone, asked for until somebody has enough of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from borgstack.operations import Commands, answer, answering, converging_operation
from borgstack.remote import locked_command


class Dialogue(Protocol):
    """Whoever shows the codes."""

    def question(self) -> tuple[str, ...] | None:
        """What `evolution_pair.sh` is to be asked next; None ends it."""

    def hear(self, said: Mapping[str, Any] | None) -> None:
        """What it answered; None for nothing."""


@converging_operation
def ask_for_codes(dialogue: Dialogue) -> Commands:
    """Ask what the dialogue wants to know, and tell it; a code reaches nothing else."""
    while (words := dialogue.question()) is not None:
        yield answering("pairing", locked_command("evolution_pair", *words))
        dialogue.hear(answer("pairing"))
