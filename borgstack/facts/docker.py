"""How Docker is installed and configured on a host."""

from __future__ import annotations

from pyinfra.api import FactBase, StringCommand

from borgstack import live_docker
from borgstack.docker_packages import EVERY_PACKAGE
from borgstack.facts import read_lines
from borgstack.live_docker import DockerState
from borgstack.remote import script_command


class Docker(FactBase[DockerState]):
    """Packages, key, source, daemon.json and unit, in one look."""

    def command(self) -> StringCommand:
        """Run `docker_state.sh`."""
        return script_command("docker_state", *EVERY_PACKAGE)

    def process(self, output: list[str]) -> DockerState:
        """Read what it prints."""
        return read_lines("docker_state", live_docker.parse, output)

    @staticmethod
    def default() -> DockerState:
        """A host without any of it."""
        return DockerState()
