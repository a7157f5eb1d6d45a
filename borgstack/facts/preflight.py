"""What a server is like before anything is touched."""

from __future__ import annotations

from pyinfra.api import FactBase, StringCommand

from borgstack import live_server
from borgstack.facts import read_lines
from borgstack.live_server import ServerState
from borgstack.remote import script_command


class Server(FactBase[ServerState]):
    """System, capacity, rights, ports, clock and names, in one look."""

    def command(self, names: tuple[str, ...]) -> StringCommand:
        """Run `preflight.sh` for these public names."""
        return script_command("preflight", *names)

    def process(self, output: list[str]) -> ServerState:
        """Read what it prints."""
        return read_lines("preflight", live_server.parse, output)
