"""Reads private keys, the agent and known_hosts, as paramiko reads them for a login.

Nobody is asked for a passphrase, and an agent that does not answer is not waited for.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import paramiko
from paramiko.agent import get_agent_connection
from pyinfra.connectors.ssh_util import load_key_with_certificate

from borgstack.access.evidence import Agent, HostKey, KeyFile, KeyState

AGENT_SECONDS = 5
_CLASSES = (paramiko.RSAKey, paramiko.ECDSAKey, paramiko.Ed25519Key)


def key_file(path: str, passphrase: str | None = None, certificate: str | None = None) -> KeyFile:
    """Read a private key as pyinfra would, and ask nobody for its passphrase."""
    file = Path(path).expanduser()
    try:
        if not file.is_file():
            return KeyFile(path, KeyState.ABSENT)
        mode = open_mode(file)
    except OSError:
        return KeyFile(path, KeyState.UNREADABLE)
    try:
        load_key_with_certificate(path, passphrase, certificate, allow_prompt=False)
    except OSError:
        return KeyFile(path, KeyState.UNREADABLE, mode)
    except Exception:  # of paramiko, cryptography or pyinfra: it says nothing that is wanted here
        return KeyFile(path, _why_not(file, passphrase), mode)
    return KeyFile(path, KeyState.FINE, mode)


def open_mode(file: Path) -> str:
    """The file's mode, where others than its owner may do anything with it; else empty."""
    mode = stat.S_IMODE(file.stat().st_mode)
    return f"{mode:o}" if mode & (stat.S_IRWXG | stat.S_IRWXO) else ""


def _why_not(file: Path, passphrase: str | None) -> KeyState:
    for one in _CLASSES:
        try:
            one.from_private_key_file(str(file))
        except paramiko.PasswordRequiredException:
            return KeyState.WRONG if passphrase else KeyState.LOCKED
        except Exception:  # noqa: S112 - another kind of key, or none
            continue
    return KeyState.NO_KEY


def agent(address: str | None) -> Agent:
    """Ask the agent, which is on this machine, how many keys it holds.

    :param address: its socket, as IdentityAgent names it; else that of SSH_AUTH_SOCK.
    """
    with _asking(address):
        where = os.environ.get("SSH_AUTH_SOCK")
        if not where:
            return Agent(trouble="SSH_AUTH_SOCK is not set")
        # An agent at the other end of a connection that broke may never answer.
        with gevent.Timeout(AGENT_SECONDS, False):
            connection = get_agent_connection()
            if connection is None:
                return Agent(trouble=f"nobody answers at {where}")
            connection.close()
            try:
                asked = paramiko.Agent()
            except paramiko.SSHException as error:
                return Agent(trouble=f"{where}: {error}")
            keys = len(asked.get_keys())
            asked.close()
            return Agent(keys)
    return Agent(trouble=f"no answer at {where} for {AGENT_SECONDS} seconds")


@contextmanager
def _asking(address: str | None) -> Iterator[None]:
    """Have paramiko ask another agent, as pyinfra does it."""
    before = os.environ.get("SSH_AUTH_SOCK")
    if address:
        os.environ["SSH_AUTH_SOCK"] = address
    try:
        yield
    finally:
        if address and before is None:
            del os.environ["SSH_AUTH_SOCK"]
        elif address and before is not None:
            os.environ["SSH_AUTH_SOCK"] = before


def known(name: str, files: tuple[str, ...], strict: str) -> HostKey:
    """Look for a server's key, hashed names included."""
    keys, unreadable = paramiko.HostKeys(), []
    for file in files:
        try:
            keys.load(file)
        except FileNotFoundError:
            continue
        except Exception as error:  # a line may be anything; pyinfra goes on without the rest, too
            unreadable.append(f"{type(error).__name__} in {file}")
    return HostKey(
        name,
        files,
        known=keys.lookup(name) is not None,
        strict=strict,
        unreadable=tuple(unreadable),
        can_be_added=bool(files) and os.path.isdir(os.path.dirname(files[0]) or "."),  # noqa: PTH112, PTH120
    )
