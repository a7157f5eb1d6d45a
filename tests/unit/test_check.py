"""`borgstack check` as it answers: what it finds of this machine, the inventory, the settings and
secrets; exit code and both forms. What it finds of SSH is in test_access.py.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyinfra
import pytest
from pyinfra.context import ctx_config, ctx_inventory, ctx_state
from pyinfra_cli import util

from borgstack import cli, installed
from borgstack.access.evidence import KeyState
from borgstack.check import HostFindings, SelfTest, check, judge_secrets, judge_settings
from borgstack.findings import Finding, Result, missing, ok, warning
from borgstack.installed import LOCK, Installed
from tests.unit.support import REPOSITORY, REQUIRED
from tests.unit.test_access import home, know, put_key, quiet  # noqa: F401 - fixtures
from tests.unit.test_verify import names
from tests.unit.told import values

DOCUMENT = (REPOSITORY / "docs" / "check.md").read_text()
RED = missing("a look", "an expectation", "a sight", "A step.")
YELLOW = warning("a look", "an expectation", "a sight", "A step.")
GREEN = ok("a look", "a sight")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project's folder with one host, for whose login all is there."""
    folder = tmp_path / "project"
    (folder / "group_data").mkdir(parents=True)
    monkeypatch.chdir(folder)
    put_key(tmp_path / "key")
    (folder / "group_data/all.py").write_text(
        f"ssh_user = 'root'\nssh_key = {str(tmp_path / 'key')!r}\n"
        "domain, caddy_email = 'example.com', 'ops@example.com'\n"
    )
    write(folder, "staging = ['chat']\n")
    yield folder
    for one in (ctx_state, ctx_config, ctx_inventory):
        one.reset()


def write(folder: Path, text: str, name: str = "inventory.py") -> None:
    util.PYTHON_CODES.clear()
    (folder / name).write_text(text)


def told(answer: SelfTest, result: Result = Result.MISSING) -> list[str]:
    return [one.line() for one in answer.findings if one.result is result]


@pytest.mark.parametrize(
    ("laptop", "host", "code"),
    [((GREEN,), (GREEN,), 0), ((YELLOW,), (YELLOW,), 0), ((RED,), (), 1), ((), (GREEN, RED), 1)],
)
def test_the_exit_code_is_1_where_something_is_missing(laptop: Any, host: Any, code: int) -> None:  # noqa: ANN401
    answer = SelfTest(laptop, (HostFindings("chat", host),))
    assert answer.exit_code == code
    assert json.loads(answer.as_json())["exit_code"] == code


def test_a_person_reads_one_line_a_finding() -> None:
    answer = SelfTest((GREEN,), (HostFindings("chat", (RED, YELLOW)),))
    assert answer.as_text().splitlines() == [
        "this machine:",
        "  ok       a look: a sight",
        "chat:",
        "  missing  a look: expected an expectation; saw a sight. A step.",
        "  warning  a look: expected an expectation; saw a sight. A step.",
        "1 ok, 1 warning, 1 missing. No host was asked.",
    ]


def test_the_document_names_all_of_the_json() -> None:
    said = json.loads(SelfTest((RED,), (HostFindings("chat", (RED,)),)).as_json())
    documented = re.findall(r"^\| `([a-z_.\[\]]+)` \|", DOCUMENT.split("## `--json`")[1], re.M)
    assert {name.lstrip(".") for name in names(said)} == set(documented)


def test_the_document_names_every_look() -> None:
    table = DOCUMENT.split("| name | what |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (`.+?) \| .+ \|$", table, re.M)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    names = ("check", "installed", "access/judge")
    paths = (REPOSITORY / "borgstack" / f"{name}.py" for name in names)
    source = "".join(path.read_text() for path in paths)
    called = set(re.findall(r'\b(?:ok|missing|warning|_named)\(\s*"(\w+)"', source))
    assert called | {"smtp_password", "editors_password"} == documented


def test_where_all_is_there_only_that_is_told(home: Path) -> None:  # noqa: F811
    know(home, "chat")
    answer = check(["staging"])
    assert [one.name for one in answer.laptop] == ["python", "packages", "inventory"]
    assert [one.name for one in answer.hosts[0].findings] == [
        "settings", "login", "key", "known_hosts",
    ]  # fmt: skip
    assert {one.result for one in answer.findings} == {Result.OK}


def test_nothing_is_written(home: Path, project: Path) -> None:  # noqa: F811
    before = {path: path.stat().st_mtime_ns for path in project.parent.rglob("*")}
    check()
    assert {path: path.stat().st_mtime_ns for path in project.parent.rglob("*")} == before


def test_the_lock_is_read_for_this_machine() -> None:
    text = "# x\none==1.0 \\\n    --hash=sha256:0\n    # via two\ntwo==2 ; python_version < '3'\n"
    assert list(installed.locked(text)) == [("one", "1.0")]


def test_this_machine_has_what_the_lock_names() -> None:
    seen = installed.look()
    assert ("pyinfra", "3.10.0") in seen.wanted
    assert [one.result for one in installed.judge(seen)] == [Result.OK, Result.OK]


@pytest.mark.parametrize(
    ("change", "name", "result", "expected", "seen"),
    [
        ({"found": {"a": "1"}}, "packages", Result.MISSING, {LOCK}, {"b", "2"}),
        (
            {"found": {"a": "0.9", "b": "3"}},
            "packages",
            Result.WARNING,
            {LOCK},
            {"a", "0.9", "1", "b", "3", "2"},
        ),
        ({"python": "3.14.0"}, "python", Result.MISSING, {">=3.11,<3.14"}, {"3.14.0"}),
        ({"python": "3.10.9"}, "python", Result.MISSING, {">=3.11,<3.14"}, {"3.10.9"}),
        (
            {"trouble": "KeyError: 'x'"},
            "packages",
            Result.MISSING,
            {"pyproject.toml", LOCK},
            {"KeyError", "x"},
        ),
    ],
)
def test_another_python_and_other_packages_are_told(
    change: dict[str, Any], name: str, result: Result, expected: set[str], seen: set[str]
) -> None:
    usual = {"python": "3.13.1", "supported": ">=3.11,<3.14", "wanted": (("a", "1"), ("b", "2"))}
    state = Installed(**{**usual, "found": {"a": "1", "b": "2"}, **change})  # type: ignore[arg-type]
    (found,) = [one for one in installed.judge(state) if one.result is not Result.OK]
    assert (found.name, found.result) == (name, result)
    assert expected <= values(found.expected)
    assert seen <= values(found.seen)
    assert "make" in values(found.next)


@pytest.mark.parametrize(
    ("name", "text"), [(LOCK, "<<<<<<< HEAD\n"), ("pyproject.toml", "[project\n"), (LOCK, None)]
)
def test_project_files_that_cannot_be_read_are_told(
    tmp_path: Path, name: str, text: str | None
) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nrequires-python = ">=3"\n')
    (tmp_path / LOCK).write_text("pyinfra==3.10.0 \\\n")
    assert installed.look(tmp_path).trouble == ""
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text)
    assert installed.look(tmp_path).trouble


def test_a_package_that_is_gone_is_told_without_a_traceback() -> None:
    gone = "import sys; sys.modules['segno'] = None; import borgstack.cli"
    ran = subprocess.run(
        [sys.executable, "-c", gone],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert {LOCK, "segno"} <= values(ran.stderr)


@pytest.mark.parametrize(
    ("inventory", "seen", "hosts"),
    [
        (None, {"none"}, []),
        ("1 / 0\n", {"ZeroDivisionError", "inventory.py"}, []),
        ("staging = [\n", {"SyntaxError"}, []),
        ("staging = []\n", {"none"}, []),
        # A name too many keeps none of the hosts from being looked at.
        ("chat = ['chat']\n", {"chat"}, ["chat"]),
    ],
)
def test_an_inventory_that_cannot_be_used_is_told_beside_the_rest(
    project: Path, inventory: str | None, seen: set[str], hosts: list[str]
) -> None:
    write(project, inventory or "")
    if inventory is None:
        (project / "inventory.py").unlink()
    answer = check()
    assert [one.name for one in answer.laptop[:2]] == ["python", "packages"]
    (found,) = answer.laptop[2:]
    assert (found.name, found.result) == ("inventory", Result.MISSING)
    assert seen <= values(found.seen)
    assert "inventory.py" in values(found.line())
    assert [host.host for host in answer.hosts] == hosts


def test_a_broken_group_is_told_by_its_file(project: Path) -> None:
    write(project, "import os\nx = os.environ['NOT_THERE']\n", "group_data/prod.py")
    (line,) = told(check())
    assert "saw KeyError: 'NOT_THERE' in " in line
    assert "group_data/prod.py" in line


def test_the_hosts_are_those_that_the_limit_leaves(project: Path) -> None:
    write(project, "staging = ['a', 'b']\nprod = ['c', 'd']\n")
    assert [host.host for host in check(["b", "prod"]).hosts] == ["b", "c", "d"]
    line = "inventory: a, b, c, d; production, reached only with --limit: c, d"
    assert any(line in one for one in told(check(), Result.OK))
    answer = check(["a", "stagging"])
    (warned,) = [one for one in told(answer, Result.WARNING) if "limit" in one]
    known = {"a", "b", "c", "d", "inventory", "prod", "staging"}
    assert {"stagging", *known} <= values(warned)
    assert {"inventory", "--limit"} <= values(told(check(["nobody"]))[0])


def test_every_mistake_of_every_host_is_told_at_once(project: Path, home: Path) -> None:  # noqa: F811
    know(home, "b")
    write(
        project,
        "staging = [('a', {'size': '1gb', 'colour': 'red'}), ('b', {'ssh_key': '/none'})]\n",
    )
    text = check(data=["locale=xx", "ssh_strict_host_key_checking=yes"]).as_text()
    a, b = text.split("a:\n")[1].split("b:\n")
    for words in ("size: Input", "colour: no such", "locale: ", "known_hosts: expected a"):
        assert words in a
    assert "locale: " in b
    assert f"/none; saw {KeyState.ABSENT}" in b
    assert "1gb" not in b


SECRET = "s3cret-of-mine"
SMTP = {"smtp_address": "mail.example.com", "smtp_username": "chat"}


def of_secret(reference: str) -> list[Finding]:
    data = {**REQUIRED, **SMTP, "smtp_password": reference}
    found = [*judge_settings(data), *judge_secrets(data)]
    # A reference that leads nowhere is no mistake of the settings as well.
    assert (found[0].name, found[0].result) == ("settings", Result.OK)
    assert {one.name for one in found[1:]} == {"smtp_password"}
    return found[1:]


def test_a_reference_that_leads_to_a_secret_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP", SECRET)
    (fine,) = of_secret("env:SMTP")
    assert fine.result is Result.OK
    assert "env:SMTP" in values(fine.seen)
    file = tmp_path / "secret"
    file.write_text(SECRET)
    file.chmod(0o600)
    (fine,) = of_secret(f"file:{file}")
    assert fine.result is Result.OK
    assert f"file:{file}" in values(fine.seen)
    file.chmod(0o640)
    same, warned = of_secret(f"file:{file}")
    assert same == fine
    assert warned.result is Result.WARNING
    assert "640" in values(warned.seen)
    assert f"chmod 600 {file}" in warned.next


@pytest.mark.parametrize(
    ("reference", "named"),
    [
        ("env:SMTP_NOT_SET", "SMTP_NOT_SET"),
        ("file:/none", "/none"),
        ("file:.", "IsADirectoryError"),
        ("file:empty", "env"),
        ("file:unfit", "env"),
        (SECRET, "env:NAME"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_without_the_secret(
    project: Path, reference: str, named: str
) -> None:
    (project / "empty").write_text("\n")
    (project / "unfit").write_text(f"{SECRET}\n{SECRET}\n")
    (found,) = of_secret(reference)
    assert found.result is Result.MISSING
    assert named in values(found.seen)
    assert SECRET not in found.line()


def test_no_secret_is_in_any_answer(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PASSWORD", SECRET)
    key = put_key(tmp_path / "key", passphrase="another-secret")
    data = {
        **SMTP,
        "smtp_password": "env:PASSWORD",
        "editors_password": SECRET,
        "ssh_password": SECRET,
        "ssh_key_password": SECRET,
        "_sudo_password": SECRET,
    }
    write(project, f"staging = [('chat', {data!r})]\n")
    answer = check()
    assert KeyState.WRONG in answer.as_text()
    for text in (answer.as_text(), answer.as_json(), repr(answer)):
        assert SECRET not in text
        assert not any(line in text for line in key.read_text().splitlines()[1:-1])


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["borgstack", "check", *words])
    monkeypatch.setattr(pyinfra, "is_cli", False)  # the command sets it; undone with the test
    return cli.main()


def test_the_command_takes_the_options_of_the_others(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, "staging = ['another']\n", "other.py")
    words = ["--inventory", "other.py", "--limit", "staging"]
    assert run(monkeypatch, *words) == 0
    said = capsys.readouterr().out
    assert "another:\n" in said
    assert run(monkeypatch, *words, "--data", "size=1gb", "--json") == 1
    assert json.loads(capsys.readouterr().out)["hosts"][0]["host"] == "another"
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "--conversation")
    assert ended.value.code == 2
