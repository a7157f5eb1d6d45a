"""`borgstack status` and `borgstack pair` on hosts that answer from a script: whom they ask, what a
person sees, and that a code reaches a terminal and nothing else.
"""

from __future__ import annotations

import io
import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from os import terminal_size
from pathlib import Path
from typing import Any

import gevent
import pytest
from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors.fake import FakeConnector
from pyinfra_cli import util

from borgstack import cli, pair
from borgstack.pair import Outcome
from borgstack.status import status
from tests.operations.conftest import serve
from tests.operations.server import Server, script_of, words
from tests.unit.support import REPOSITORY, REQUIRED
from tests.unit.told import values

CODE = {"state": "connecting", "code": "2@SecretCode", "pairingCode": None, "digest": "d1"}
TYPED = {**CODE, "code": "2@OtherCode", "pairingCode": "ABCD1234", "digest": "d2"}
OPEN = {"state": "open", "number": "4321"}
FIT = [
    'state evolution {"status": "open", "number": "4321", "secret": true}',
    'n8n {"listens": {"inbound": true, "replies": true}, "claimable": false}',
    "wired true",
    "executions read",
]


NO_ROUTE = "no route to it"


class Terminal(io.StringIO):
    """What a person sits at."""

    there = True

    def isatty(self) -> bool:
        return self.there


class World:
    """A project's folder with fake hosts; each question is answered by the next of `says`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.says: Iterator[Any] = iter(())
        self.status = FIT
        self.unreachable = False
        self.sent: list[str] = []
        self.terminal = Terminal()
        self.inventory("staging", chat=REQUIRED)

    def inventory(self, group: str, **hosts: Mapping[str, object]) -> None:
        util.PYTHON_CODES.clear()  # pyinfra keeps what it has read, by name
        found = [(f"@fake/{name}", dict(data)) for name, data in hosts.items()]
        (self.folder / "inventory.py").write_text(f"{group} = {found!r}\n")

    def connect(self, connector: FakeConnector) -> None:
        if self.unreachable:
            raise ConnectError(NO_ROUTE)
        answers = serve(connector, Server({"whatsapp_status": self.status}))
        plain = connector.run_shell_command
        self.sent = connector.executed_commands

        def run_shell_command(command: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
            if "borgstack-evolution_pair" in str(command):
                said = next(self.says)
                if isinstance(said, BaseException):
                    raise said
                answers["evolution_pair"] = [f"pairing {json.dumps(said)}"]
            return plain(command, *rest, **named)

        connector.run_shell_command = run_shell_command  # type: ignore[method-assign]

    def pair(self, *says: object, **named: Any) -> Outcome:  # noqa: ANN401 - its own
        self.says = iter(says)
        return pair.pair(terminal=self.terminal, **named)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(util, "PYTHON_CODES", {})
    monkeypatch.setattr(FakeConnector, "connect", lambda connector: made.connect(connector))
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: terminal_size((80, 50)))
    return made


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Questions are answered at once, and each takes 20 seconds by the clock."""
    seconds = iter(range(0, 100_000, 20))
    monkeypatch.setattr(pair.time, "monotonic", lambda: next(seconds))
    return world


Answered = Callable[..., Outcome]


def test_a_phone_is_paired_and_what_comes_next_is_said(asked: World) -> None:
    outcome = asked.pair(CODE, {"state": "connecting"}, TYPED, OPEN)
    assert outcome.exit_code == 0
    assert {"@fake/chat", "4321", "WhatsApp"} <= values(outcome.text)
    assert "borgstack status --limit @fake/chat" in outcome.text
    assert [words(command)[3] for command in asked.sent[1:]] == ["d1", "d1", "d2"]
    shown = asked.terminal.getvalue()
    assert shown.count("then scan this") == 2
    assert "type: ABCD-1234" in shown


def test_each_code_takes_the_place_of_the_one_before_and_none_stays(asked: World) -> None:
    asked.pair(CODE, TYPED, OPEN)
    wiped = asked.terminal.getvalue().count("F\x1b[J")
    assert wiped == 3
    assert asked.terminal.getvalue().endswith("F\x1b[J")


def test_a_terminal_that_is_too_narrow_is_told_how_wide_it_has_to_be(
    asked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: terminal_size((20, 50)))
    asked.pair(TYPED, OPEN)
    assert "columns." in asked.terminal.getvalue()
    assert "█" not in asked.terminal.getvalue()
    assert "ABCD-1234" in asked.terminal.getvalue()


def test_a_paired_phone_is_left_alone(asked: World) -> None:
    outcome = asked.pair(OPEN)
    assert outcome.exit_code == 0
    assert {"@fake/chat", "4321", "already"} <= values(outcome.text)


def test_a_code_that_nobody_takes_and_none_at_all_end_with_what_to_try(asked: World) -> None:
    shown = asked.pair(CODE, *[{"state": "connecting"}] * 9)
    assert shown.exit_code == 1
    assert {"180", "--timeout"} <= values(shown.text)
    for outcome in (shown, asked.pair(*[{"state": "close"}] * 20, timeout=60)):
        for hint in ("evolution_phone_version", "evolution_image", "docker logs", "docker restart"):
            assert hint in outcome.text
    assert "60" in values(outcome.text)
    assert "--timeout" not in values(outcome.text)  # more time would not help


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"error": "no route"}, {"no", "route"}),
        ({"state": "missing"}, {"instance", "whatsapp", "deploy"}),
    ],
)
def test_what_stands_in_the_way_is_said(asked: World, said: object, expected: set[str]) -> None:
    outcome = asked.pair(said)
    assert outcome.exit_code == 1
    assert {"error", *expected} <= values(outcome.text)


def test_ctrl_c_is_an_answer_and_takes_the_code_away(asked: World) -> None:
    outcome = asked.pair(CODE, KeyboardInterrupt())
    assert outcome.exit_code == 1
    assert "stopped" in values(outcome.text)
    assert KeyboardInterrupt in gevent.get_hub().NOT_ERROR
    assert asked.terminal.getvalue().endswith("F\x1b[J")


def test_a_code_is_shown_on_a_terminal_only(world: World) -> None:
    world.terminal.there = False
    outcome = world.pair()
    assert (outcome.exit_code, world.sent) == (1, [])
    assert "expected a terminal" in outcome.text


def test_the_code_is_in_no_log_and_no_file(
    world: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    assert world.pair(CODE, OPEN, number="5511987654321").exit_code == 0
    told = caplog.text + "".join(capsys.readouterr())
    assert "SecretCode" not in told
    assert "█" not in told
    assert "█" in world.terminal.getvalue()
    assert [path.name for path in world.folder.rglob("*") if path.is_file()] == ["inventory.py"]
    assert [script_of(command) for command in world.sent] == ["evolution_pair"] * 2
    assert words(world.sent[1])[1:4] == ["whatsapp", "5511987654321", "d1"]


def test_a_host_at_which_another_run_is_at_work_gives_no_code(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("borgstack.lock.take", lambda *_: "ops@laptop since 10:00")
    outcome = world.pair(CODE)
    assert (outcome.exit_code, world.sent) == (1, [])
    assert "ops@laptop since 10:00" in outcome.text


def test_one_host_it_is_and_production_by_its_name(world: World) -> None:
    world.inventory("staging", chat=REQUIRED, other=REQUIRED)
    assert "saw @fake/chat, @fake/other; name it" in world.pair().text
    assert "no host matches" in world.pair(limit=["nosuch"]).text
    world.inventory("prod", chat=REQUIRED)
    assert {"@fake/chat", "production", "--limit"} <= values(world.pair().text)
    world.inventory("staging", chat={**REQUIRED, "whatsapp": False})
    assert "switched off" in world.pair().text
    assert world.sent == []


def test_a_host_that_cannot_be_reached_is_an_error_of_both(world: World) -> None:
    world.unreachable = True
    assert NO_ROUTE in world.pair().text
    found = status()
    assert found.exit_code == 1
    assert NO_ROUTE in found.as_text()


def test_the_status_takes_one_command_a_host(world: World) -> None:
    found = status()
    assert (found.exit_code, found.error) == (0, None)
    assert [script_of(command) for command in world.sent] == ["whatsapp_status"]
    assert " WhatsApp http://n8n:5678/" in world.sent[0]


def test_a_host_where_whatsapp_is_switched_off_is_asked_nothing(world: World) -> None:
    world.inventory("staging", chat={**REQUIRED, "whatsapp": False})
    found = status()
    assert (found.exit_code, world.sent) == (0, [])
    assert "switched off" in found.as_text()


@pytest.mark.parametrize(
    ("lines", "told"), [(["blind no-docker"], {"no-docker"}), (["n8n {"], set()), ([], set())]
)
def test_a_look_that_tells_nothing_is_no_success(
    world: World, lines: list[str], told: set[str]
) -> None:
    world.status = lines
    found = status()
    assert found.exit_code == 1
    (host,) = found.hosts
    assert host.bridge is None
    (error,) = host.errors
    assert told <= values(error)
    assert error in found.as_text()


def test_the_commands_answer_with_their_exit_codes(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["borgstack", "status", "--limit", "staging", "--json"])
    assert cli.main() == 0
    assert '"state": "open"' in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["borgstack", "pair", "--limit", "staging"])
    assert cli.main() == 1
    assert "expected a terminal" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["borgstack", "pair", "--json"])
    with pytest.raises(SystemExit):
        cli.main()


@pytest.mark.parametrize("command", ["plan", "verify", "status", "pair"])
def test_each_command_takes_another_inventory(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    """As pyinfra itself does; what is wrong with it is told of it by name."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)  # pair goes nowhere else
    (world.folder / "deploy.py").symlink_to(REPOSITORY / "deploy.py")
    (world.folder / "other.py").write_text("staging = [('@fake/other', {'domain': 'x'})]\n")
    words = ["borgstack", command, "--inventory", "other.py"]
    monkeypatch.setattr(sys, "argv", words)
    assert cli.main() == 1
    assert "@fake/other: " in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*words, "--limit", "@fake/chat"])
    assert cli.main() == 1
    assert "other.py" in capsys.readouterr().out
    for both in ("lab = ['lab']\n", "lab = ['@fake/other']\nrest = ['lab']\n"):
        (world.folder / "other.py").write_text(both)
        util.PYTHON_CODES.clear()
        monkeypatch.setattr(sys, "argv", words)
        assert cli.main() == 1
        assert "lab" in values(capsys.readouterr().out)
