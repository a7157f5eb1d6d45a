"""What tries a live system out: each makes something, says how it went, and removes it again."""

from __future__ import annotations

from borgstack import bridge
from borgstack.operations import Commands, answering, converging_operation
from borgstack.project import DIRECTORY
from borgstack.remote import locked_command, script_command
from borgstack.settings import Settings


@converging_operation
def begin_conversation() -> Commands:
    """Have a made-up contact write, and an agent reply; answers `conversation`."""
    yield answering("conversation", locked_command("chatwoot_conversation", DIRECTORY))


@converging_operation
def send_mail(address: str) -> Commands:
    """Have the worker send a mail, as Chatwoot sends it; answers `mail`."""
    yield answering("mail", script_command("chatwoot_mail", address))


@converging_operation
def pass_message(settings: Settings) -> Commands:
    """Have a message come in by WhatsApp's own way, and a reply go out; answers `whatsapp`."""
    words = (DIRECTORY, settings.whatsapp_instance, *bridge.words(settings))
    yield answering("whatsapp", locked_command("verify_whatsapp", *words))
