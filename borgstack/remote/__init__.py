"""What runs on the server: shell and awk, and what these hand to Ruby, Node and Redis in
containers.

They need what a bare Debian or Ubuntu has: POSIX sh, awk, coreutils, gzip, tar. A script gets
its arguments as words and secrets only on stdin; it says on stderr what was expected, what it saw
and what to do next.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pyinfra.api import QuoteString, StringCommand

from borgstack import services
from borgstack.services.base import Kind, Service, Wanted

_FOLDER = Path(__file__).parent


@cache
def script_text(name: str) -> str:
    """A script's text, its `@file@` marks replaced by those files and its comments left out."""
    text = with_inclusions(f"{name}.sh")
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def with_inclusions(file: str) -> str:
    """The text of a file, its `@file@` marks replaced by those files.

    :param file: of `borgstack/remote`, or `SERVICE_FILE` for one in that service's folder.
    """
    text = _path(file).read_text(encoding="utf-8").replace("@plain_names@", _PLAIN_NAMES)
    return re.sub(
        r"@([a-z0-9_]+\.(?:awk|js|lua|rb|sh|sql))@", lambda mark: with_inclusions(mark[1]), text
    )


def state_program(asked: Iterable[Service], wanted: Wanted, directory: str, salt: str) -> str:
    """What asks these services for their state, side by side, in the shell of a look.

    That shell has `process CONTAINER`, and a folder `$parts`, into which goes a line
    `state SERVICE LINE` for each line of a service's `state.sh`, the last one whole though its
    answer broke off. What a service complains of is dropped: its silence says enough.
    """
    looks = [
        f"(\nset -- {shlex.join((directory, salt, *one.state.words(wanted)))}\n"
        f"{script_text(f'{one.name}_state')}\n) 2>/dev/null |"
        f" sed -e 's/^/state {one.name} /' -e '$a\\' >\"$parts/5-{one.name}\" &"
        for one in asked
        if one.state
    ]
    return "\n".join(looks)


def _path(file: str) -> Path:
    service, _, name = file.partition("_")
    own = services.FOLDER / service / name
    return own if name and own.is_file() else _FOLDER / file


_PLAIN_NAMES = "|".join(one.name for one in services.entries() if one.kind is Kind.PLAIN)


WORK_LOCK = "/run/borgstack-work.lock"
"""Held by each script that changes something, for as long as it works."""
_LOCKED = f"""(umask 077 && >>{WORK_LOCK} && chmod 600 {WORK_LOCK})
exec flock -o -w 1800 {WORK_LOCK} "$@\""""
"""The lock file is created for root alone first: flock would create it readable for everybody, and
who can open a lock file can hold the lock."""

_THIS_HOSTS = """unset DOCKER_TLS DOCKER_TLS_VERIFY COMPOSE_ENV_FILES
export DOCKER_HOST=unix:///run/docker.sock
export COMPOSE_PROJECT_NAME=borgstack COMPOSE_REMOVE_ORPHANS=0"""
"""Docker as systemd runs it, and our project. /etc/environment or root's context may name another
Docker, even another machine's; .env, as a moved installation has it, another project. What the
environment says of either goes before both."""


def locked_command(name: str, *arguments: str, stdin: str | None = None) -> StringCommand:
    """Like `script_command`, for a script that changes the host: no two such run at once.

    The one that is waited for may be what an interrupted run left behind.

    :param stdin: what the script reads; the only way for a secret to reach the host.
    """
    return _command(("sh", "-c", _LOCKED, "locked"), name, arguments, stdin)


def script_command(name: str, *arguments: str) -> StringCommand:
    """The command that runs `borgstack/remote/NAME.sh` on the host, to look.

    :param arguments: words for the script; visible in its process list, so never a secret.
    """
    return _command((), name, arguments, None)


def _command(
    before: tuple[str, ...], name: str, arguments: tuple[str, ...], stdin: str | None
) -> StringCommand:
    text = f"{_THIS_HOSTS}\n{script_text(name)}"
    words = (*before, "sh", "-c", text, f"borgstack-{name}", *arguments)
    quoted = [QuoteString(word) for word in words]
    return StringCommand(*quoted) if stdin is None else StringCommand(*quoted, _stdin=stdin)
