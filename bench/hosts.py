"""The hosts that are measured on, and how contenders reach them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests import lab
from tests.lab import config, hosts
from tests.lab.shell import lock, write_file

REPOSITORY = Path(__file__).parents[1]
WORK = REPOSITORY / ".bench"
"""What a run makes and the next one may use again; not in the repository."""
RENDERED = WORK / "rendered"
KNOWN_HOSTS = WORK / "known_hosts"
INVENTORY = WORK / "inventory.json"
DOCKER_KEY = WORK / "docker.asc"
NAMES = tuple(f"bench{number}" for number in range(1, 7))
WITH_WHATSAPP = ("bench7",)
"""Its stack has n8n and Evolution API beside the core, which is all that the others bring about."""


@dataclass(frozen=True)
class Route:
    """Which hosts a run works on, and where their sshd is reached.

    :ivar port: of a proxy in front of the only host; None leads straight to each host.
    """

    names: tuple[str, ...]
    port: int | None = None
    known_hosts: Path = field(default=KNOWN_HOSTS)

    @property
    def pyinfra(self) -> list[str]:
        """The words that lead pyinfra and borgstack there."""
        words = [word for name in self.names for word in ("--limit", name)]
        if self.port is not None:
            words += ["--data", f"ssh_port={self.port}"]
            words += ["--data", f"ssh_known_hosts_file={self.known_hosts}"]
        return words

    @property
    def ansible(self) -> list[str]:
        """The words that lead ansible-playbook there."""
        words = ["--inventory", str(INVENTORY), "--limit", ",".join(self.names)]
        return words if self.port is None else [*words, "--extra-vars", f"ansible_port={self.port}"]

    @property
    def openssh(self) -> list[str]:
        """An OpenSSH command for the first host, without the remote command."""
        (*command, address, _, _) = hosts.ssh_command(self.names[0], "root", "")
        if self.port is not None:
            command[command.index("-p") + 1] = str(self.port)
            trusted = f"UserKnownHostsFile={config.KNOWN_HOSTS}"
            command[command.index(trusted)] = f"UserKnownHostsFile={self.known_hosts}"
        return [*command, address, "--"]


def bring_up(names: Sequence[str]) -> None:
    """Have these hosts, and for them the files that the other contenders put."""
    lab.up(names, data={"whatsapp": False})
    trust({})
    url = f"http://{config.DOWNLOAD_NAME}/linux/debian/gpg"
    fetched = lab.ssh(names[0], f"curl -fsS --retry 5 --retry-all-errors {url}")
    write_file(DOCKER_KEY, fetched.stdout)
    subprocess.run([sys.executable, "-m", "bench.render", *names], cwd=REPOSITORY, check=True)


def bring_up_with_whatsapp() -> None:
    """Have the host whose stack is more than the core; only this project deploys to it."""
    lab.up(WITH_WHATSAPP, data={"whatsapp": True})
    trust({})


def remove(names: Sequence[str] = (*NAMES, *WITH_WHATSAPP)) -> None:
    """Remove hosts of the benchmark; the lab and its other hosts stay."""
    with lock():
        for name in names:
            if name in hosts.existing():
                hosts.remove_host(name)
        hosts.write_hosts_json()


def trust(ports: Mapping[int, str]) -> None:
    """Write the host keys, also for the ports of proxies, by the host that each leads to."""
    lines = config.KNOWN_HOSTS.read_text()
    for port, name in ports.items():
        kind, key, *_ = (config.HOSTS / name / "host-key.pub").read_text().split()
        lines += f"[127.0.0.1]:{port} {kind} {key}\n"
    write_file(KNOWN_HOSTS, lines)
