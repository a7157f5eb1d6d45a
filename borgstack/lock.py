"""One run at a time on each host: a lock that dies with the connection that took it.

A second run says who holds it since when. A command that outlives its run, because only the laptop
died, is waited for: every changing script holds a second lock while it works
(`remote.locked_command`).

A laptop that sleeps gives no sign of life, and the host then gives the lock to whoever asks next.
So the host confirms each sign, and a run goes on only while the last one confirmed still holds.
"""

from __future__ import annotations

import getpass
import socket
import time
from dataclasses import dataclass, field
from typing import Any

import gevent
from paramiko import SSHException
from pyinfra.api import Host, State
from pyinfra.api.exceptions import OperationError
from pyinfra.connectors.util import make_unix_command_for_host

from borgstack.remote import script_command

HEARTBEAT = 15
"""Seconds between two signs of life."""
LIFETIME = 60
"""Seconds after a sign of life in which the host waits for the next, see `lock_hold.sh`."""
_HELD = "borgstack_lock"
_LOGIN_ARGUMENTS = ("_sudo", "_sudo_user", "_sudo_password", "_use_sudo_login", "_su_user", "_doas")
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Seconds on a clock that goes on while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


@dataclass
class Held:
    """A lock that was taken.

    :ivar confirmed: when the last sign of life was sent that the host has answered.
    :ivar ended: the host has said that it is over, or the connection has.
    """

    stdin: Any
    stdout: Any
    confirmed: float = field(default_factory=now)
    ended: bool = False

    def beat(self) -> None:
        """Give one sign of life, and wait until the host has taken it."""
        sent = now()
        try:
            self.stdin.write("alive\n")
            self.stdin.flush()
            answer = self.stdout.readline()
        except OSError:
            answer = ""
        if answer:
            self.confirmed = sent
        else:
            self.ended = True


def take(state: State, host: Host, arguments: dict[str, Any], wait: int) -> str | None:
    """Take the host's lock for the rest of this run; None when it was taken.

    :param arguments: pyinfra's global arguments of the operation, for sudo.
    :param wait: seconds to wait for another run to end.
    :returns: who holds it since when, when that is somebody else. Connections other than SSH have
        no lock: they are this machine's own.
    :raises OperationError: the host does not say.
    """
    client = getattr(host.connector, "client", None)
    if client is None or _HELD in host.connector_data:
        return None
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    login = {key: arguments[key] for key in _LOGIN_ARGUMENTS if arguments.get(key)}
    command = make_unix_command_for_host(
        state, host, script_command("lock_hold", who, str(wait), str(LIFETIME)), **login
    ).get_raw_value()
    try:
        stdin, stdout, _ = client.exec_command(command)
        answer: str = stdout.readline().strip()
    except (EOFError, OSError, SSHException) as error:
        # Left alone, it would end the run on every host.
        raise OperationError(
            f"expected to ask this host for its lock; saw the connection end ({error!r}). "
            "Nothing was touched."
        ) from error
    if answer.startswith("held "):
        return answer.removeprefix("held ")
    if answer != "taken":
        raise OperationError(
            f"expected lock_hold.sh to say whether this host is free; saw {answer!r}. "
            "Nothing was touched."
        )
    held = host.connector_data[_HELD] = Held(stdin, stdout)
    gevent.spawn(_stay_alive, held)
    return None


def lost(host: Host) -> str | None:
    """Why this run holds the host's lock no more; None while it does, or where there is none."""
    held: Held | None = host.connector_data.get(_HELD)
    if held is None:
        return None
    silent = now() - held.confirmed
    if not held.ended and silent < LIFETIME:
        return None
    return (
        "expected to be alone on this host until this run has ended; saw that its lock was lost: "
        f"the last sign of life that the host confirmed is {silent:.0f} s old (this machine may "
        "have slept, or the connection stood still). Another run may have begun. This one changes "
        "nothing more on this host; run it again."
    )


def _stay_alive(held: Held) -> None:
    while not held.ended:
        gevent.sleep(HEARTBEAT)
        held.beat()
