"""A run that has lost the host's lock, because its machine slept or the connection stood still,
notices before its next change.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from paramiko import SSHException
from pyinfra.api import Host, State, StringCommand
from pyinfra.api.exceptions import OperationError

from borgstack import lock
from borgstack.lock import LIFETIME, Held, lost
from borgstack.remote import script_text
from tests.unit.told import values


class Clock:
    """The time, as the test says."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(lock, "now", made)
    return made


class Pipe:
    """The other end: answers each line, until it is gone or stands still."""

    def __init__(self) -> None:
        self.answers = True
        self.broken = False

    def write(self, line: str) -> None:
        assert line == "alive\n"

    def flush(self) -> None:
        if self.broken:
            raise OSError("Socket is closed")

    def readline(self) -> str:
        return "kept\n" if self.answers else ""


def host_with(held: Held | None) -> Host:
    data = {} if held is None else {"borgstack_lock": held}
    return cast("Host", SimpleNamespace(connector_data=data))


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


@pytest.fixture
def held(clock: Clock, pipe: Pipe) -> Held:
    return Held(pipe, pipe, confirmed=clock())


def test_a_lock_is_kept_while_each_sign_of_life_is_confirmed(clock: Clock, held: Held) -> None:
    for _ in range(10):
        clock.seconds += LIFETIME - 1
        assert lost(host_with(held)) is None
        held.beat()


def test_a_machine_that_has_slept_has_lost_it_whatever_the_connection_says(
    clock: Clock, held: Held
) -> None:
    held.beat()
    clock.seconds += 3 * 3600
    why = lost(host_with(held)) or ""
    assert "10800" in values(why)


def test_a_sign_that_was_sent_and_not_answered_keeps_nothing(
    clock: Clock, held: Held, pipe: Pipe
) -> None:
    """What the host has not confirmed may stand in this machine's own buffer."""
    pipe.answers = False
    clock.seconds += 20
    held.beat()
    assert held.ended
    assert "20 s old" in (lost(host_with(held)) or "")


def test_the_end_of_the_connection_is_the_end_of_the_lock(held: Held, pipe: Pipe) -> None:
    pipe.broken = True
    held.beat()
    assert lost(host_with(held)) is not None


def test_a_confirmation_counts_from_when_the_sign_was_sent(
    clock: Clock, held: Held, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host counts from when it came, which may be any moment since."""

    def slow() -> str:
        clock.seconds += LIFETIME
        return "kept\n"

    monkeypatch.setattr(pipe, "readline", slow)
    held.beat()
    assert lost(host_with(held)) is not None


def test_without_a_lock_there_is_none_to_lose() -> None:
    assert lost(host_with(None)) is None


@pytest.fixture
def holding() -> Iterator[Any]:
    """`lock_hold` after it has taken the lock, with a second to live."""
    text = script_text("lock_hold")
    loop = text[text.index("echo taken") :]
    words = ["sh", "-c", f"lifetime=1\n{loop}", "borgstack-lock_hold"]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    yield process
    process.kill()
    process.wait()


def test_the_host_confirms_each_sign_and_ends_without_one(holding: Any) -> None:  # noqa: ANN401
    assert holding.stdout.readline() == "taken\n"
    held = Held(holding.stdin, holding.stdout, confirmed=0)
    for _ in range(3):
        held.beat()
        assert not held.ended
        assert lost(host_with(held)) is None
    assert holding.wait(timeout=10) == 0
    held.beat()
    assert held.ended


@pytest.mark.parametrize("error", [EOFError(), OSError("reset"), SSHException("not active")])
def test_a_connection_that_ends_while_the_lock_is_asked_for_refuses_that_host(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Anything but an `OperationError` would end the run on every host."""

    def broken(_: str) -> None:
        raise error

    monkeypatch.setattr(lock, "make_unix_command_for_host", lambda *_, **__: StringCommand("x"))
    client = SimpleNamespace(exec_command=broken)
    host = SimpleNamespace(connector=SimpleNamespace(client=client), connector_data={})
    with pytest.raises(OperationError, match="Nothing was touched"):
        lock.take(cast("State", None), cast("Host", host), {}, 0)
