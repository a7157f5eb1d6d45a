"""The inside of a live host, for `borgstack verify`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError

from borgstack import evidence
from borgstack.evidence import HostObservation
from borgstack.facts import last_object
from borgstack.remote import locked_command, script_command


class Verify(FactBase[HostObservation]):
    """Containers, volumes, jobs, database, web process, sockets and disks, in one look."""

    def command(
        self,
        directory: str,
        smtp_address: str,
        smtp_port: int,
        states: str,
        whatsapp: tuple[str, str, str, str],
    ) -> StringCommand:
        """Run `verify_state.sh`, which says what the arguments are."""
        words = (directory, smtp_address, str(smtp_port), states)
        return script_command("verify_state", *words, *whatsapp)

    def process(self, output: list[str]) -> HostObservation:
        """Read what it prints."""
        try:
            return evidence.parse(output)
        except (IndexError, TypeError, ValueError) as error:
            said = f"{type(error).__name__}: {error}"
            raise FactProcessError(
                f"verify_state.sh printed what cannot be read: {said}"
            ) from error

    @staticmethod
    def default() -> HostObservation:
        """A look that told nothing."""
        return HostObservation(blind="the look at the host failed; what it said stands above")


class Conversation(FactBase[Mapping[str, Any]]):
    """How a conversation went that was begun for this question and removed again."""

    def command(self, directory: str) -> StringCommand:
        """Run `chatwoot_conversation.sh`, while nothing else changes the host."""
        return locked_command("chatwoot_conversation", directory)

    def process(self, output: list[str]) -> Mapping[str, Any]:
        """Read what it prints."""
        return last_object("conversation", output) or self.default()

    @staticmethod
    def default() -> Mapping[str, Any]:
        """A question that nobody answered."""
        return {"error": "no answer from inside chatwoot"}


class Delivery(FactBase[Mapping[str, Any]]):
    """What became of a mail that the worker was asked to send."""

    def command(self, address: str) -> StringCommand:
        """Run `chatwoot_mail.sh`, which changes nothing on the host."""
        return script_command("chatwoot_mail", address)

    def process(self, output: list[str]) -> Mapping[str, Any]:
        """Read what it prints."""
        return last_object("mail", output) or self.default()

    @staticmethod
    def default() -> Mapping[str, Any]:
        """A worker that said nothing."""
        return {}


class MessageFlow(FactBase[Mapping[str, Any]]):
    """How a message went through WhatsApp's own way, and a reply; both are removed again."""

    def command(self, directory: str, whatsapp: tuple[str, str, str, str]) -> StringCommand:
        """Run `verify_whatsapp.sh`, while nothing else changes the host."""
        return locked_command("verify_whatsapp", directory, *whatsapp)

    def process(self, output: list[str]) -> Mapping[str, Any]:
        """Read what it prints."""
        return last_object("whatsapp", output) or self.default()

    @staticmethod
    def default() -> Mapping[str, Any]:
        """A question that nobody answered."""
        return {"error": "no answer from inside evolution"}
