"""Root's .bashrc prints something, or its login shell is an unusual one: a run is as without.

The connection is pyinfra's own over SSH, but for its client: that one hands each command to a shell
of this machine, as sshd does. bash reads the file that BASH_ENV names as it reads .bashrc then.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pyinfra.api import FactBase, Host, State, StringCommand
from pyinfra.api.exceptions import OperationError, PyinfraError
from pyinfra.api.operation import add_op
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.context import ctx_host, ctx_state

from borgstack import lock
from borgstack.facts.files import Files
from borgstack.hosts import ask
from borgstack.lock import Held
from borgstack.login import NOT_BEGUN
from borgstack.operations import Commands, converging_operation, env, snapshot, streamed
from borgstack.run import fit_connection
from tests.operations.conftest import connected, execute
from tests.unit.support import settings_of

NOISE = {
    "a line": "echo '*** managed host ***'",
    "several lines": r"printf 'file missing\n\nstat . directory|755|0|0\nheld nobody\n'",
    "no line end": "printf '*** managed host ***'",
    "control characters": r"printf '\033]0;host\007\033[31mred\000\r'",
    "another encoding": r"printf 'Aten\347\343o\n'; printf 'Aten\347\343o\n' >&2",
    "a last line": "trap 'echo entry REDIS_PASSWORD missing' EXIT",
    "errors": "echo '*** managed host ***' >&2",
}


@dataclass
class Client:
    """What paramiko's is to pyinfra, with a shell here at the other end."""

    bashrc: Path
    shell: str = "bash"

    def get_transport(self) -> None:
        return None

    def exec_command(self, command: str, **_: object) -> tuple[Any, ...]:
        process = subprocess.Popen(
            [self.shell, "-c", command],
            env={"BASH_ENV": str(self.bashrc), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        channel = SimpleNamespace(
            makefile=lambda _: process.stdout,
            makefile_stderr=lambda _: process.stderr,
            recv_exit_status=process.wait,
        )
        return Input(process.stdin), Text(process.stdout, channel), Text(process.stderr, channel)

    def close(self) -> None:
        """The end of it."""


class Input:
    """What goes to a process, as paramiko takes it."""

    def __init__(self, stream: Any) -> None:  # noqa: ANN401 - a process's
        self.stream = stream
        self.flush, self.close = stream.flush, stream.close

    def write(self, data: str | bytes) -> None:
        self.stream.write(data.encode() if isinstance(data, str) else data)


class Text:
    """A stream as paramiko decodes it."""

    def __init__(self, stream: Any, channel: Any) -> None:  # noqa: ANN401 - a process's
        self.stream = stream
        self.channel = channel

    def readline(self) -> str:
        line: bytes = self.stream.readline()
        return line.decode()

    def __iter__(self) -> Iterator[str]:
        return iter(self.readline, "")


Machine = tuple[State, Host, Client]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    bashrc = tmp_path / "bashrc"
    bashrc.touch()
    client = Client(bashrc)

    def connect(connector: SSHConnector) -> None:
        connector.client = client  # type: ignore[assignment]

    monkeypatch.setattr(SSHConnector, "connect", connect)
    state = connected("chat", plan=True)
    (host,) = state.inventory
    fit_connection(host)
    with ctx_state.use(state), ctx_host.use(host):
        yield state, host, client


def prints(client: Client, what: str) -> None:
    client.bashrc.write_text(f"unset BASH_ENV\n{what}\n")


@pytest.mark.parametrize("noise", NOISE.values(), ids=list(NOISE))
def test_a_look_sees_what_it_sees_without(machine: Machine, tmp_path: Path, noise: str) -> None:
    state, host, client = machine
    (tmp_path / "here").write_text("")
    found = []
    for printed in (":", noise):
        prints(client, printed)
        found.append(ask(state, host, Files, directory=str(tmp_path), paths=("here", "gone")))
    assert found[0].keys() == {"here"}
    assert found[1] == found[0]


@pytest.mark.parametrize("noise", NOISE.values(), ids=list(NOISE))
def test_a_run_converges_once(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noise: str
) -> None:
    state, _, client = machine
    prints(client, noise)
    path = tmp_path / "borgstack" / ".env"
    monkeypatch.setattr(env, "ENV_PATH", str(path))
    monkeypatch.setattr(snapshot, "ENV_PATH", str(path))
    metas = [
        meta
        for name in ("first", "second")
        for meta in add_op(state, env.complete, name=name, settings=settings_of()).values()
    ]
    assert [meta.will_change for meta in metas] == [True, True], "nothing is there in the plan"
    execute(state)
    assert [meta.did_change() for meta in metas] == [True, False]


@converging_operation
def say() -> Commands:
    yield streamed(StringCommand("echo done"))


@pytest.mark.usefixtures("echo")
def test_what_a_command_shows_is_its_own(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    state, _, client = machine
    prints(client, NOISE["a line"])
    add_op(state, say, name="say")
    execute(state)
    said = capfd.readouterr().err
    assert "[chat] done" in said
    assert "managed" not in said


def holding(monkeypatch: pytest.MonkeyPatch, text: str) -> Callable[[State, Host], str | None]:
    """A host whose lock this shell text guards."""
    monkeypatch.setattr(lock, "script_command", lambda *_: StringCommand(text))
    monkeypatch.setattr("borgstack.lock.gevent.spawn", lambda *_: None)
    return lambda state, host: lock.take(state, host, {}, 0)


@pytest.mark.parametrize("noise", NOISE.values(), ids=list(NOISE))
def test_the_lock_is_taken_and_kept(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, noise: str
) -> None:
    state, host, client = machine
    prints(client, noise)
    take = holding(monkeypatch, "echo taken; while read line; do echo kept; done")
    assert take(state, host) is None
    held: Held = host.connector_data["borgstack_lock"]
    for _ in range(2):
        held.beat()
        assert lock.lost(host) is None
    held.stdin.close()
    assert held.stdout.readline() == ""


def test_who_holds_the_lock_is_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    state, host, client = machine
    prints(client, NOISE["several lines"])
    take = holding(monkeypatch, "echo held me since today; exit 1")
    assert take(state, host) == "me since today"


@pytest.mark.parametrize("text", ["exit 1", "echo maybe"])
def test_a_lock_that_does_not_answer_is_not_somebody_else(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    state, host, _ = machine
    with pytest.raises(OperationError, match=r"lock_hold\.sh"):
        holding(monkeypatch, text)(state, host)


def test_commands_of_pyinfra_itself_are_read_alike(machine: Machine) -> None:
    """It takes the first line of one for the program that tells sudo a password."""
    _, host, client = machine
    prints(client, NOISE["a line"])
    succeeded, output = host.run_shell_command("echo /tmp/askpass; echo moaned >&2")
    assert succeeded
    assert (output.stdout_lines, output.stderr_lines) == (["/tmp/askpass"], ["moaned"])


class Anything(FactBase[str]):
    """A fact that has something to say of a host that says nothing."""

    def command(self) -> StringCommand:
        return StringCommand("echo", "seen")

    def process(self, output: list[str]) -> str:
        return " ".join(output)


def test_a_login_that_ends_before_the_command_is_named_and_is_no_empty_host(
    machine: Machine, messages: pytest.LogCaptureFixture
) -> None:
    state, host, client = machine
    prints(client, "echo Goodbye.; exit 0")
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        host.get_fact(Anything)
    assert host in state.failed_hosts
    assert "[chat] Goodbye." in messages.text
    assert f"[chat] {NOT_BEGUN}" in messages.text


def test_a_change_fails_when_the_login_ends_before_it(machine: Machine) -> None:
    state, host, client = machine
    add_op(state, say, name="say")
    prints(client, "exit 0")
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        execute(state)
    assert host in state.failed_hosts
