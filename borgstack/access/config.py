"""~/.ssh/config as pyinfra applies it to a host name, without connecting anywhere.

It is read by pyinfra's own reader. Which of it applies is repeated here from
`SSHClient.parse_config`, which connects to jump hosts as it goes; a test holds the two equal.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyinfra.connectors.sshuserclient.config import SSHConfig


class Config(SSHConfig):
    """~/.ssh/config as pyinfra reads it, without the two questions that paramiko puts to DNS."""

    TOKENS_BY_CONFIG_KEY = {  # noqa: RUF012 - paramiko's own form
        key: [token for token in tokens if token != "%l"]  # noqa: S105 - no secret
        for key, tokens in SSHConfig.TOKENS_BY_CONFIG_KEY.items()
    }

    def canonicalize(self, hostname: str, options: Any, domains: Any) -> str:  # noqa: ANN401
        """The name as it is; paramiko would ask DNS for longer ones."""
        return hostname


@dataclass(frozen=True)
class Way:
    """Whom a login would reach and with what, by data and ~/.ssh/config."""

    target: str
    address: str
    port: int | str
    user: str
    identities: tuple[str, ...]
    certificate: str | None
    known_hosts: tuple[str, ...]
    agent: str | None
    options: Mapping[str, Any]


def is_there(path: str) -> bool:
    """Whether there is such a file, and it can be told."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises below a closed folder


def read_config(path: str | None) -> tuple[Config | None, list[str]]:
    """~/.ssh/config, or the file of `ssh_config_file`; and what is wrong with it."""
    file = Path(path) if path else Path("~/.ssh/config").expanduser()
    if not is_there(str(file)):
        return None, []
    config = Config()
    try:
        with file.open(encoding="utf-8") as lines:
            config.parse(lines)  # type: ignore[no-untyped-call]
    except Exception as error:  # pyinfra raises a bare one for a loop of Includes
        # What it says may quote a line, and the file may be anything, even a private key.
        return None, [f"{file}, which cannot be read: {type(error).__name__}"]
    return config, []


def way(config: Config | None, target: str, data: Mapping[str, Any]) -> Way:
    """What applies to a host name or an alias.

    :raises Exception: ~/.ssh/config has a value that cannot be used.
    """
    options: Mapping[str, Any] = config.lookup(target) if config else {}
    files = options.get("userknownhostsfile", "~/.ssh/known_hosts").split()
    if data.get("ssh_known_hosts_file"):
        files = [data["ssh_known_hosts_file"]]
    agent = options.get("identityagent", "none")
    return Way(
        target,
        address=options.get("hostname", target),
        # A jump host's port of ~/.ssh/config stays text, and is then never the usual 22.
        port=data.get("ssh_port") or int(options.get("port", 22)),
        user=data.get("ssh_user") or options.get("user") or getpass.getuser(),
        identities=tuple(options.get("identityfile", ())),
        certificate=next(iter(options.get("certificatefile", "").split()), None),
        known_hosts=tuple(os.path.expanduser(file) for file in files),  # noqa: PTH111
        agent=None if agent.lower() == "none" else os.path.expanduser(agent),  # noqa: PTH111
        options=options,
    )
