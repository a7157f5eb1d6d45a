"""One run at a time on each host: a lock that dies with the connection that took it.

A second run says who holds it since when. A command that outlives its run, because only the laptop
died, is waited for: every changing script holds a second lock while it works (`host.change`).
"""

from __future__ import annotations

import getpass
import socket
from typing import Any

import gevent
from pyinfra.api import Host, State
from pyinfra.connectors.util import make_unix_command_for_host

from borgstack.host import script

HEARTBEAT = 15
"""Seconds between two signs of life; the host gives up after 60 without one."""
_LOGIN_ARGUMENTS = ("_sudo", "_sudo_user", "_sudo_password", "_use_sudo_login", "_su_user", "_doas")


def take(state: State, host: Host, arguments: dict[str, Any], wait: int) -> str | None:
    """Take the host's lock for the rest of this run; None when it was taken.

    :param arguments: pyinfra's global arguments of the operation, for sudo.
    :param wait: seconds to wait for another run to end.
    :returns: who holds it since when, when that is somebody else. Connections other than SSH have
        no lock: they are this machine's own.
    """
    client = getattr(host.connector, "client", None)
    if client is None or "borgstack_lock" in host.connector_data:
        return None
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    login = {key: arguments[key] for key in _LOGIN_ARGUMENTS if arguments.get(key)}
    command = make_unix_command_for_host(
        state, host, script("lock_hold", who, str(wait)), **login
    ).get_raw_value()
    stdin, stdout, _ = client.exec_command(command)
    answer = stdout.readline().strip()
    if answer != "taken":
        return answer.removeprefix("held ") or "an answer that is neither yes nor no"
    host.connector_data["borgstack_lock"] = (stdin, stdout, gevent.spawn(_stay_alive, stdin))
    return None


def _stay_alive(stdin: Any) -> None:  # noqa: ANN401 - paramiko's file
    while True:
        gevent.sleep(HEARTBEAT)
        try:
            stdin.write("alive\n")
            stdin.flush()
        except OSError:
            return  # the connection is gone, and the lock with it
