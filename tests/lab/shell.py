"""Run programs, and write files so that a kill at any moment leaves the old one or the new one."""

from __future__ import annotations

import fcntl
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab import config
from tests.lab.console import LabError, say

# Programs inherit the lock: if this process is killed, the next one waits until they have ended.
lock_fds: list[int] = []


def run(
    command: Sequence[str],
    *,
    check: bool = True,
    stdin: str | bytes | None = None,
    timeout: float | None = None,
    env: dict[str, str] | None = None,
    next_step: str = "read the message above; `make lab-down lab-up` starts afresh",
) -> subprocess.CompletedProcess[str]:
    """Run a program and return its output; with check, a failure becomes a LabError."""
    done = subprocess.run(
        list(command),
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        timeout=timeout,
        env={**os.environ, **env} if env else None,
        pass_fds=tuple(lock_fds),
    )
    result = subprocess.CompletedProcess(
        done.args,
        done.returncode,
        done.stdout.decode(errors="replace"),
        done.stderr.decode(errors="replace"),
    )
    if check and result.returncode:
        raise command_error(result, next_step)
    return result


def command_error(done: subprocess.CompletedProcess[str], next_step: str) -> LabError:
    """Describe a failed program by the end of what it printed."""
    printed = (done.stdout + done.stderr).strip().splitlines()[-30:]
    return LabError(
        f"`{shlex.join(done.args)[:300]}` to succeed",
        f"exit code {done.returncode}\n" + "\n".join(printed),
        next_step,
    )


def wait_until(
    ready: Callable[[], bool], what: str, seconds: float, seen: Callable[[], str], next_step: str
) -> None:
    """Poll until ready() is true; after the given seconds raise a LabError."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise LabError(f"{what} within {seconds:.0f} s", seen(), next_step)
        time.sleep(0.1)


def write_file(path: Path, content: str, mode: int = 0o644) -> None:
    """Replace a file atomically, and only if its content differs."""
    if path.exists() and path.read_text() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.touch(mode=mode)
    temporary.write_text(content)
    temporary.replace(path)


@contextmanager
def lock() -> Iterator[None]:
    """Let one command at a time change the lab."""
    config.STATE.mkdir(mode=0o700, exist_ok=True)
    with config.LOCK.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another lab command, or for what a killed one left running")
            fcntl.flock(handle, fcntl.LOCK_EX)
        lock_fds.append(handle.fileno())
        try:
            yield
        finally:
            lock_fds.remove(handle.fileno())
