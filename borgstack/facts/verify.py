"""The inside of a live host, for `borgstack verify`."""

from __future__ import annotations

from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError

from borgstack import evidence
from borgstack.evidence import HostObservation
from borgstack.remote import script_command


class Verify(FactBase[HostObservation]):
    """Containers, volumes, jobs, database, web process, sockets and disks, in one look."""

    def command(
        self,
        directory: str,
        smtp_address: str,
        smtp_port: int,
        states: str,
        whatsapp: tuple[str, str, str],
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
