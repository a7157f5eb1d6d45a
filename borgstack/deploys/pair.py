"""What `borgstack pair` does on the one host."""

from __future__ import annotations

from pyinfra.api import deploy

from borgstack.operations import pairing, run_lock
from borgstack.operations.pairing import Dialogue
from borgstack.settings import Settings


@deploy("Pair")
def pair_phone(settings: Settings, dialogue: Dialogue) -> None:
    """Have WhatsApp give codes until a phone has taken one, while no deploy restarts Evolution."""
    run_lock.hold(name="Have this host to itself", settings=settings)
    pairing.ask_for_codes(name="Show codes until a phone has taken one", dialogue=dialogue)
