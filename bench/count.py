"""Commands and bytes of one run: the host's sshd counts the first, a proxy the second.

At LogLevel VERBOSE sshd writes one line for every command, shell or subsystem that a client starts:
the truth for every tool, however it talks.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.contenders import Contender
from bench.errors import BenchError
from bench.hosts import Route, trust
from bench.measure import CONTROL_SOCKETS, run
from bench.proxy import Proxy
from tests.lab import hosts
from tests.lab.docker import docker

DROP_IN = "/etc/ssh/sshd_config.d/00-bench.conf"
STARTED = "Starting session: "


def count(contender: Contender, name: str) -> dict[str, int]:
    """Run a contender once on a host, by a connection of its own; commands and bytes."""
    with _verbose(name), Proxy(int(hosts.endpoint(name)["port"]), 0) as proxy:
        trust({proxy.port: name})
        before = _sessions(name)
        run(contender, Route((name,), proxy.port))
        close_connections()
        commands = _sessions(name) - before
    if commands < 1:
        raise BenchError(f"sshd of {name} to log what {contender.name} starts", "nothing")
    return {"commands": commands, **proxy.totals}


def close_connections() -> None:
    """End the connections that Ansible keeps open."""
    for path in Path(CONTROL_SOCKETS).glob("*"):
        command = ["ssh", "-O", "exit", "-o", f"ControlPath={path}", "any"]
        subprocess.run(command, capture_output=True, check=False, timeout=20)
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _verbose(name: str) -> Iterator[None]:
    # Not over SSH: that would be counted.
    _inside(name, f"echo LogLevel VERBOSE >{DROP_IN} && systemctl reload ssh")
    try:
        yield
    finally:
        _inside(name, f"rm -f {DROP_IN} && systemctl reload ssh")


def _sessions(name: str) -> int:
    log = _inside(name, "journalctl --sync && journalctl -b --no-pager -o cat -t sshd-session")
    return log.count(STARTED)


def _inside(name: str, command: str) -> str:
    return docker("exec", hosts.container_name(name), "sh", "-c", command)
