"""`borgstack verify` on hosts that answer from a script: whom it looks at, what it sends, and what
becomes of a host that cannot be looked at.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from paramiko import SSHException
from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors.fake import FakeConnector
from pyinfra_cli import util

from borgstack import cli, outside
from borgstack.checks import Result
from borgstack.operations import last_object
from borgstack.settings import Settings
from borgstack.verify import Report, verify
from tests.operations.conftest import serve
from tests.operations.server import Server, script_of, words
from tests.unit.support import REQUIRED
from tests.unit.test_checks import HERE, NOW, OUTSIDE, fit_lines
from tests.unit.told import values

Verify = Callable[..., Report]
NO_ROUTE = "no route to it"


class World:
    """A project's folder with fake hosts, seen from outside as a healthy one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unreachable: set[str] = set()
        self.answers: dict[str, list[str]] = {}
        self.tried: dict[str, list[str]] = {}
        self.sent: dict[str, list[str]] = {}
        self.asked: list[Settings] = []
        self.inventory({"chat": REQUIRED})

    def inventory(self, hosts: Mapping[str, Mapping[str, object]]) -> None:
        found = [(f"@fake/{name}", dict(data)) for name, data in hosts.items()]
        self.write(f"staging = {found!r}\n")

    def write(self, inventory: str) -> None:
        util.PYTHON_CODES.clear()  # pyinfra keeps what it has read, by name
        (self.folder / "inventory.py").write_text(inventory)

    def connect(self, connector: FakeConnector) -> None:
        name = connector.host.name.removeprefix("@fake/")
        if name in self.unreachable:
            raise ConnectError(NO_ROUTE)
        seen = self.answers.get(name, fit_lines())
        serve(connector, Server({"verify_state": seen, **self.tried}))
        self.sent[name] = connector.executed_commands

    def look(self, settings: Settings) -> outside.ExternalObservation:
        self.asked.append(settings)
        return OUTSIDE


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(util, "PYTHON_CODES", {})
    monkeypatch.setattr(FakeConnector, "connect", lambda connector: made.connect(connector))
    monkeypatch.setattr(outside, "look", made.look)
    times = iter([HERE[0], HERE[1], *[NOW] * 20])
    monkeypatch.setattr("borgstack.observe.time.time", lambda: next(times))
    return made


def failures(report: Report) -> list[str]:
    return [
        check.name
        for host in report.hosts
        for check, verdict in host.checks
        if verdict.result is Result.FAILED
    ]


def test_a_healthy_host_passes_by_one_command(world: World) -> None:
    report = verify()
    assert (failures(report), report.exit_code, report.error) == ([], 0, None)
    (command,) = world.sent["chat"]
    assert words(command) == ["verify_state"]
    assert [one.chatwoot_host for one in world.asked] == ["chatwoot.example.com"]


def test_a_fault_on_the_host_is_a_failure(world: World) -> None:
    world.answers["chat"] = [line.replace("|600|", "|644|") for line in fit_lines()]
    report = verify()
    assert (failures(report), report.exit_code) == (["env"], 1)


def test_host_data_of_the_command_line_counts(world: World) -> None:
    report = verify(data=["smtp_address=mail.example.com", "smtp_port=25"])
    assert report.hosts[0].count(Result.SKIPPED) == 0
    (command,) = world.sent["chat"]
    assert " /opt/borgstack mail.example.com 25 " in command
    assert " WhatsApp http://n8n:5678/" in command


MAIL_SERVER = ["smtp_address=mail.example.com"]


def sent_by_the_worker(report: Report) -> list[tuple[str, Result]]:
    return [
        (host.host, verdict.result)
        for host in report.hosts
        for check, verdict in host.checks
        if check.name == "delivery"
    ]


def test_a_mail_is_sent_after_the_looks_and_only_when_asked_for(world: World) -> None:
    assert sent_by_the_worker(verify(data=MAIL_SERVER)) == []
    report = verify(data=MAIL_SERVER, mail="ops@example.com")
    assert sent_by_the_worker(report) == [("@fake/chat", Result.FAILED)]  # it says nothing
    look, mail = world.sent["chat"]
    assert (words(look), words(mail)) == (["verify_state"], ["chatwoot_mail", "ops@example.com"])


def test_no_mail_is_sent_without_a_server_or_to_a_host_that_is_not_there(world: World) -> None:
    report = verify(mail="ops@example.com")
    assert sent_by_the_worker(report) == [("@fake/chat", Result.SKIPPED)]
    assert [script_of(command) for command in world.sent["chat"]] == ["verify_state"]
    world.unreachable = {"chat"}
    report = verify(data=MAIL_SERVER, mail="ops@example.com")
    assert sent_by_the_worker(report) == [("@fake/chat", Result.SKIPPED)]


def test_what_is_no_address_stops_before_anything_runs(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in ("", "ops", "ops@example.com, x@example.com", "a@b.c\r\nBcc: d@e.f"):
        report = verify(data=MAIL_SERVER, mail=wrong)
        assert (report.exit_code, report.hosts) == (1, ())
        assert "--mail: " in (report.error or "")
    monkeypatch.setattr(sys, "argv", ["borgstack", "verify", "--mail", "ops"])
    assert cli.main() == 1
    assert {"--mail", "ops"} <= values(capsys.readouterr().out)
    assert world.sent == {}


def test_a_host_that_cannot_be_reached_is_an_error_and_still_seen_from_outside(
    world: World,
) -> None:
    world.unreachable = {"chat"}
    report = verify()
    (host,) = report.hosts
    assert report.exit_code == 1
    assert NO_ROUTE in host.errors[0]
    results = {check.name: verdict.result for check, verdict in host.checks}
    assert (results["ui"], results["running"]) == (Result.PASSED, Result.SKIPPED)


def test_a_look_that_tells_nothing_is_an_error(world: World) -> None:
    world.answers["chat"] = []
    report = verify()
    assert report.exit_code == 1
    assert report.hosts[0].errors


def test_a_look_that_cannot_be_read_is_an_error(world: World) -> None:
    world.answers["chat"] = ["clock soon"]
    report = verify()
    assert report.exit_code == 1
    (host,) = report.hosts
    (error,) = host.errors
    verdicts = {check.name: verdict for check, verdict in host.checks}
    assert (verdicts["running"].result, verdicts["running"].reason) == (Result.SKIPPED, error)


def test_only_the_hosts_of_the_limit_are_looked_at(world: World) -> None:
    world.inventory({"chat": REQUIRED, "other": {**REQUIRED, "domain": "example.net"}})
    report = verify(limit=["@fake/other"])
    assert [host.host for host in report.hosts] == ["@fake/other"]
    assert list(world.sent) == ["other"]
    assert [one.domain for one in world.asked] == ["example.net"]


def test_no_host_and_no_project_and_wrong_settings_are_errors(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "no host matches" in (verify(limit=["nosuch"]).error or "")
    assert "no such setting" in (verify(data=["domian=x"]).error or "")
    world.write("staging = []\n")
    assert "no host matches" in (verify().error or "")
    world.write("1 / 0\n")
    assert "ZeroDivisionError" in (verify().error or "")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "expected inventory.py" in (verify().error or "")
    assert world.sent == {}


def test_the_command_answers_with_the_exit_code_in_both_forms(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["borgstack", "verify", "--limit", "staging"])
    assert cli.main() == 0
    assert "@fake/chat: 26 passed, 0 failed, 1 skipped" in capsys.readouterr().out
    world.unreachable = {"chat"}
    monkeypatch.setattr(sys, "argv", ["borgstack", "verify", "--json"])
    assert cli.main() == 1
    assert '"exit_code": 1' in capsys.readouterr().out


def test_every_command_on_the_host_is_a_script_of_ours(world: World) -> None:
    verify()
    assert [script_of(command) for command in world.sent["chat"]] == ["verify_state"]


def test_a_conversation_and_a_message_go_only_when_asked_for_and_after_the_look(
    world: World,
) -> None:
    went = {"taken": True, "in": 4, "out": 5, "told": True, "removed": True}
    world.tried = {"verify_whatsapp": [f"whatsapp {json.dumps(went)}"], "chatwoot_conversation": []}
    report = verify(conversation=True, whatsapp=True)
    ran = [script_of(command) for command in world.sent["chat"]]
    assert ran == ["verify_state", "chatwoot_conversation", "verify_whatsapp"]
    results = {check.name: verdict for check, verdict in report.hosts[0].checks}
    assert {"4", "5"} <= values(results["flow"].note)
    assert failures(report) == ["conversation"]


PROBES = {
    "chatwoot_conversation": ("conversation", {"conversation": True}),
    "chatwoot_mail": ("delivery", {"mail": "ops@example.com", "data": MAIL_SERVER}),
    "verify_whatsapp": ("flow", {"whatsapp": True}),
}


@pytest.mark.parametrize("script", PROBES)
@pytest.mark.parametrize("said", [[], ["{kind} {{"], ["{kind} []"], ["Error: no daemon"]])
def test_a_probe_that_the_host_says_nothing_of_has_failed(
    world: World, script: str, said: list[str]
) -> None:
    check, asked = PROBES[script]
    kind = {"delivery": "mail", "flow": "whatsapp"}.get(check, check)
    world.tried = {script: [line.format(kind=kind) for line in said]}
    report = verify(**asked)
    assert [script_of(command) for command in world.sent["chat"]] == ["verify_state", script]
    assert failures(report) == [check]


def test_what_an_answer_says_before_its_last_line_is_noise() -> None:
    assert last_object("mail", ["noise", 'mail {"step": "text"}']) == {"step": "text"}


def test_a_host_at_which_another_run_is_at_work_is_not_tried_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("borgstack.lock.take", lambda *_: "ops@laptop since 10:00")
    report = verify(conversation=True)
    assert [script_of(command) for command in world.sent["chat"]] == ["verify_state"]
    assert failures(report) == ["conversation"]
    verdicts = {check.name: verdict for check, verdict in report.hosts[0].checks}
    assert "ops@laptop since 10:00" in verdicts["conversation"].seen


def test_what_a_probe_has_told_counts_although_the_next_one_was_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    went = {"in": True, "out": True, "seen": True, "arrived": True, "removed": True}
    world.tried = {"chatwoot_conversation": [f"conversation {json.dumps(went)}"]}
    lost = iter([None, "the lock was lost"])
    monkeypatch.setattr("borgstack.lock.lost", lambda _: next(lost))
    report = verify(conversation=True, whatsapp=True)
    ran = [script_of(command) for command in world.sent["chat"]]
    assert ran == ["verify_state", "chatwoot_conversation"]
    assert failures(report) == ["flow"]
    verdicts = {check.name: verdict for check, verdict in report.hosts[0].checks}
    assert "the lock was lost" in verdicts["flow"].seen


@pytest.mark.parametrize("error", [OSError("reset"), EOFError(), SSHException("no session")])
def test_a_connection_that_breaks_in_a_probe_fails_that_host_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    world.inventory({"chat": REQUIRED, "other": {**REQUIRED, "domain": "example.net"}})
    went = {"in": True, "out": True, "seen": True, "arrived": True, "removed": True}
    world.tried = {"chatwoot_conversation": [f"conversation {json.dumps(went)}"]}
    plain = FakeConnector.run_shell_command

    def breaking(self: FakeConnector, command: object, *rest: object, **more: object) -> object:
        if self.host.name == "@fake/chat" and "chatwoot_conversation" in str(command):
            raise error
        return plain(self, command, *rest, **more)

    monkeypatch.setattr(FakeConnector, "run_shell_command", breaking)
    report = verify(conversation=True)
    results = {
        (host.host, verdict.result)
        for host in report.hosts
        for check, verdict in host.checks
        if check.name == "conversation"
    }
    assert results == {("@fake/chat", Result.FAILED), ("@fake/other", Result.PASSED)}


def test_where_whatsapp_is_switched_off_no_message_is_sent(world: World) -> None:
    world.inventory({"chat": {**REQUIRED, "whatsapp": False}})
    report = verify(whatsapp=True)
    skipped = [check.name for check, one in report.hosts[0].checks if "switched off" in one.reason]
    assert skipped == ["whatsapp", "n8n_owner", "executions", "flow"]
    assert [script_of(command) for command in world.sent["chat"]] == ["verify_state"]


def test_the_step_to_take_names_the_host(world: World) -> None:
    world.answers["chat"] = [
        line.replace('"open", "number": "4321"', '"close", "number": ""') for line in fit_lines()
    ]
    assert "borgstack pair --limit @fake/chat" in verify().as_text()
