"""Commands over SSH, whatever root's login shell is and whatever it prints.

sshd gives every command to that shell. fish and tcsh read quotes in ways of their own, and what
stands in a .bashrc may print. So a command travels packed, in characters that every shell reads
alike, and its own output stands between two lines that say so.
"""

from __future__ import annotations

import base64
import gzip
from collections import deque
from collections.abc import Iterator
from typing import Any

BEGINS, ENDS = "borgstack-begins", "borgstack-ends"
"""The lines around what a command itself prints."""
_UNPACK = 'echo; echo "$0"; line=$(printf %s "$1" | base64 -d | gzip -d) && exec sh -c "$line"'
"""What was printed before may have no line end, hence the first word. Shells differ in what they
make of a single quote, a backslash, `!` or a line end within single quotes: there is none."""
_SHOWN = 20
"""Lines of a login shell that are shown when nothing else came."""
NOT_BEGUN = (
    "expected the login shell to run a command; saw it, or the connection, end without that. "
    "What it printed, if anything, stands above. Does a file like .bashrc exit?"
)
"""Said in place of what a command would have printed."""


def packed(command: str) -> str:
    """A command line for sh as one that every login shell reads alike, and hands to sh."""
    line = f"{command}\nstatus=$?; echo {ENDS}; exit $status"
    word = base64.b64encode(gzip.compress(line.encode(), mtime=0)).decode()
    return f"sh -c '{_UNPACK}' {BEGINS} {word}"


class Lines:
    """The lines of a stream of a connection, read as UTF-8 even where one is something else."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - paramiko's
        self._stream = stream

    def readline(self) -> str:
        """The next line with its end; empty when there is none."""
        line: bytes = self._stream.readline()
        return line.decode(errors="replace")

    def __iter__(self) -> Iterator[str]:
        """The lines to the end."""
        return iter(self.readline, "")


class Output(Lines):
    """What a packed command prints, without what a login shell prints before and after it.

    A command that was not even begun has failed, whatever the login shell says. Its output then is
    what that one printed, and an explanation.
    """

    def __init__(self, channel: Any) -> None:  # noqa: ANN401 - paramiko's
        super().__init__(channel.makefile("rb"))
        self._channel = channel
        self._begun = False
        self._left: deque[str] | None = None  # to hand out, once nothing more is to be read

    def readline(self) -> str:
        """The next line of the command; it waits until the command has begun."""
        if not self._begun and self._left is None:
            self._begin()
        if self._left is not None:
            return self._left.popleft() if self._left else ""
        line = super().readline()
        own = line.rstrip("\r\n")
        if not own.endswith(ENDS):
            return line
        self._left = deque()
        return own.removesuffix(ENDS)

    def _begin(self) -> None:
        before: deque[str] = deque(maxlen=_SHOWN)
        while line := super().readline():
            if line.rstrip("\r\n") == BEGINS:
                self._begun = True
                return
            before.append(line)
        before.append(f"{NOT_BEGUN}\n")
        self._left = before

    @property
    def channel(self) -> Output:
        """Whom pyinfra asks for the exit status."""
        return self

    def recv_exit_status(self) -> int:
        """The command's exit status, once it has ended."""
        status: int = self._channel.recv_exit_status()
        return status if self._begun else status or 1


def read(channel: Any) -> tuple[Output, Lines]:  # noqa: ANN401 - paramiko's
    """Standard output and errors of the packed command that runs on a channel."""
    return Output(channel), Lines(channel.makefile_stderr("rb"))
