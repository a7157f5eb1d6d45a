"""A server as people have them: what is on it before the first deploy, and a look at all of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from tests import lab
from tests.e2e.support import HostUnderTest

_FOLDER = Path(__file__).parent
_GREETING = "*** managed host ***"


def prepare(host: HostUnderTest) -> None:
    """Put everything there."""
    script = (_FOLDER / "strangers_prepare.sh").read_text()
    lab.ssh(host.name, f"bash -s {host.chatwoot}", input=script)


class Greeting(HostUnderTest):
    """A host that greets every login."""

    def ssh(self, command: str, *, check: bool = True, user: str = "root") -> str:
        """Run a command on the host; its output without the greeting."""
        return super().ssh(command, check=check, user=user).removeprefix(f"{_GREETING}\n")


@dataclass
class Strangers:
    """Everything on a host that a deploy did not make, as it was first seen."""

    host: HostUnderTest
    first: dict[str, str] = field(default_factory=dict)

    def look(self) -> dict[str, str]:
        """What there is, by its kind."""
        script = (_FOLDER / "strangers_look.sh").read_text()
        lines = lab.ssh(self.host.name, "bash -s", input=script).stdout.splitlines()
        found = dict(line.partition(" ")[::2] for line in lines if " " in line)
        found.pop(_GREETING.partition(" ")[0], None)
        return found

    def unharmed(self) -> None:
        """Assert that all of it is there as it was; packages may have been added."""
        now = self.look()
        before, after = (set(seen.pop("packages").split(";")) for seen in ({**self.first}, now))
        assert before <= after, before - after
        assert now == {key: one for key, one in self.first.items() if key != "packages"}
        daemon = json.loads(self.host.ssh("cat /etc/docker/daemon.json"))
        assert (daemon["debug"], daemon["userland-proxy"], daemon["icc"]) == (True, False, False)
        assert daemon["log-opts"]["tag"] == "{{.Name}}"
