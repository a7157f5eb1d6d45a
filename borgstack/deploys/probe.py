"""What `borgstack verify` does beside looking; whatever it makes is removed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyinfra.api import deploy
from pyinfra.context import host

from borgstack.operations import probe, run_lock
from borgstack.project import Project


@dataclass(frozen=True)
class Asked:
    """What was asked for beyond the looks, since it does something.

    :ivar mail: an address to send a mail to.
    """

    conversation: bool = False
    mail: str | None = None
    whatsapp: bool = False

    def __bool__(self) -> bool:
        return self.conversation or self.mail is not None or self.whatsapp


@deploy("Probe")
def try_out(projects: Mapping[str, Project], asked: Asked) -> None:
    """Try what was asked for, one after the other; not what the settings switch off."""
    settings = projects[host.name].settings
    run_lock.hold(name="Have this host to itself", settings=settings)
    if asked.conversation:
        probe.begin_conversation(name="Begin a conversation, and remove it")
    if asked.mail is not None and settings.smtp_address is not None:
        probe.send_mail(name="Send a mail", address=asked.mail)
    if asked.whatsapp and settings.whatsapp:
        probe.pass_message(name="Pass a message through WhatsApp's way", settings=settings)
