"""pyinfra, in a process that counts its SSH commands and dies, or loses its connection, at one.

Usage: kill_at_ssh.py PYINFRA-ARGUMENT...
Reads KILL_TRACE, a file that gets a line for each SSH command, and KILL_AT: `NUMBER MOMENT WAY`,
or nothing. MOMENT is `before` (it is sent), `sent` (the host has begun it; its stdin is still to
come) or `ended`. WAY is `operator` (SIGKILL) or `connection` (a TCP reset; the process lives on).
"""

from __future__ import annotations

import base64
import gzip
import os
import re
import signal
import socket
import struct
import sys
from pathlib import Path

from pyinfra_cli.main import main  # first of all: gevent patches the standard library

# isort: split
import gevent
from paramiko import ChannelFile
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.sshuserclient.client import SSHClient
from pyinfra.connectors.util import CommandOutput

from borgstack.login import BEGINS

TRACE = Path(os.environ["KILL_TRACE"])
NUMBER, MOMENT, WAY = (os.environ.get("KILL_AT") or "0 never nobody").split()

_execute, _run = SSHClient.exec_command, SSHConnector.run_shell_command
_begun: dict[object, int] = {}
_count = 0


def _tell(line: str) -> None:
    with TRACE.open("a") as trace:
        trace.write(f"{line}\n")


def _die(client: SSHClient, number: int, moment: str) -> None:
    if (str(number), moment) != (NUMBER, MOMENT):
        return
    _tell(f"reached: {moment} the {number}th SSH command")
    if WAY == "operator":
        os.kill(os.getpid(), signal.SIGKILL)
    transport = client.get_transport()
    assert transport is not None
    # Closed with nothing lingering, a connection ends by a reset.
    transport.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.sock.close()


def _unpacked(command: str) -> str:
    """The command that travels in a packed one, see `borgstack.login`."""
    before, _, word = command.rpartition(f" {BEGINS} ")
    return gzip.decompress(base64.b64decode(word)).decode() if before else command


def exec_command(client: SSHClient, command: str, **options: bool) -> tuple[ChannelFile, ...]:
    global _count
    _count += 1
    number = _begun[gevent.getcurrent()] = _count
    names = re.findall(r"borgstack-([a-z0-9_]+)", _unpacked(command))
    _tell(f"{number} {names[-1] if names else command[:60]}")
    _die(client, number, "before")
    answer = _execute(client, command, **options)
    _die(client, number, "sent")
    return answer


def run_shell_command(
    connector: SSHConnector, *words: object, **options: object
) -> tuple[bool, CommandOutput]:
    answer = _run(connector, *words, **options)
    assert connector.client is not None
    _die(connector.client, _begun[gevent.getcurrent()], "ended")
    return answer


SSHClient.exec_command = exec_command
SSHConnector.run_shell_command = run_shell_command

if __name__ == "__main__":
    sys.exit(main())
