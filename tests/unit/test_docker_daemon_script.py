"""The script that writes daemon.json and has it read, run on this machine on a tree of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from borgstack.remote import script_text
from tests.unit.support import program, run_text
from tests.unit.told import values


@pytest.mark.parametrize(
    ("states", "asked"),
    [
        (["activating start", "activating start", "active running"], 3),
        (["deactivating stop", "inactive dead"], 2),
        (["activating auto-restart", "active running"], 2),
        (["activating auto-restart"] * 20, 11),
        (["failed failed"], 1),
        ([""], 1),
    ],
)
def test_a_daemon_that_is_just_being_started_or_stopped_is_waited_for(
    tmp_path: Path, states: list[str], asked: int
) -> None:
    (tmp_path / "states").write_text("".join(f"{state}\n" for state in states))
    program(
        tmp_path / "bin",
        "systemctl",
        f"""echo x >>{tmp_path}/calls
sed -n 1p {tmp_path}/states | tr ' ' '\\n'
sed -i 1d {tmp_path}/states""",
    )
    program(tmp_path / "bin", "sleep", "exit 0")
    text = script_text("docker_settled") + "\ndocker_settled\n"
    assert run_text(text, first_on_path=tmp_path / "bin").status == 0
    assert len((tmp_path / "calls").read_text().splitlines()) == asked


def dockerd(root: Path, validates: str, knows: str = "--validate") -> None:
    program(
        root / "bin",
        "dockerd",
        f"""echo "dockerd $*" >>{root}/calls
case "$*" in
--help) echo '      {knows}   validate daemon configuration and exit' ;;
*) {validates} ;;
esac""",
    )


@pytest.fixture
def daemon(tmp_path: Path) -> Path:
    """A root for the script that writes daemon.json, with programs that note their calls."""
    for name in ("systemctl", "docker", "dockerd", "journalctl"):
        program(tmp_path / "bin", name, f'echo "{name} $*" >>{tmp_path}/calls')
    dockerd(tmp_path, "exit 0")
    (tmp_path / "etc/docker").mkdir(parents=True)
    return tmp_path


def write_daemon(
    root: Path,
    write: str,
    load: str,
    content: str,
    record: tuple[str, str] = ("-", "-"),
    *,
    loaded: str = "no",
) -> tuple[int, str, list[str]]:
    text = script_text("docker_daemon").replace("/etc/", f"{root}/etc/")
    text = text.replace("/run/borgstack", f"{root}/run")
    words = (write, loaded, load, *record)
    ran = run_text(text, *words, stdin=content, first_on_path=root / "bin")
    calls = [line for line in (root / "calls").read_text().splitlines() if "--help" not in line]
    return ran.status, ran.err, calls


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        ("none", []),
        ("reload", ["systemctl reload docker.service"]),
        (
            "restart",
            ["systemctl reload docker.service", "systemctl restart docker.socket docker.service"],
        ),
    ],
)
def test_live_restore_is_on_before_the_daemon_restarts(
    daemon: Path, load: str, expected: list[str]
) -> None:
    status, _, calls = write_daemon(daemon, "yes", load, '{\n"live-restore": true\n}\n')
    assert status == 0
    assert [call for call in calls if "reload docker" in call or "restart" in call] == expected
    file = daemon / "etc/docker/daemon.json"
    assert file.read_text() == '{\n"live-restore": true\n}\n'
    assert f"{file.stat().st_mode & 0o777:o}" == "644"
    assert [path.name for path in file.parent.iterdir()] == ["daemon.json"]


@pytest.mark.parametrize("arrived", ["", '{\n  "live-restore": true,\n'], ids=["nothing", "half"])
def test_a_daemon_json_that_did_not_arrive_whole_is_not_put_in_place(
    daemon: Path, arrived: str
) -> None:
    file = daemon / "etc/docker/daemon.json"
    file.write_text("old\n")
    (daemon / "calls").touch()
    status, said, calls = write_daemon(daemon, "yes", "restart", arrived)
    assert status == 1
    assert str(file) in values(said)
    assert calls == []
    assert [(path.name, path.read_text()) for path in file.parent.iterdir()] == [
        ("daemon.json", "old\n")
    ]


def test_a_daemon_json_that_dockerd_rejects_is_not_put_in_place(daemon: Path) -> None:
    file = daemon / "etc/docker/daemon.json"
    file.write_text("old\n")
    dockerd(daemon, "echo bad >&2; exit 1")
    status, said, calls = write_daemon(daemon, "yes", "restart", "{\n}\n")
    assert status == 1
    shown, told = said.split("\n", 1)
    assert shown == "bad"
    assert {"dockerd", str(file)} <= values(told)
    assert not [call for call in calls if call.startswith("systemctl")]
    assert [(path.name, path.read_text()) for path in file.parent.iterdir()] == [
        ("daemon.json", "old\n")
    ]


def test_an_engine_of_before_that_cannot_judge_a_file_is_not_asked(daemon: Path) -> None:
    dockerd(daemon, "echo 'unknown flag: --validate' >&2; exit 125", knows="--version")
    status, said, calls = write_daemon(daemon, "yes", "later", "{\n}\n")
    assert (status, said, calls) == (0, "", [])
    assert (daemon / "etc/docker/daemon.json").read_text() == "{\n}\n"


def test_the_record_is_there_before_daemon_json_and_right_after_it(daemon: Path) -> None:
    record = daemon / "etc/docker/borgstack.json"
    dockerd(daemon, f"cat {record} >{daemon}/seen")
    record.write_text("old\n")
    status, _, _ = write_daemon(daemon, "yes", "none", "{\n}\n", ("both", "after"))
    assert status == 0
    assert ((daemon / "seen").read_text(), record.read_text()) == ("both\n", "after\n")
    dockerd(daemon, "exit 1")  # killed or refused in between
    assert write_daemon(daemon, "yes", "none", "{\n}\n", ("both", "after"))[0] == 1
    assert record.read_text() == "both\n"


def test_nothing_is_started_before_the_packages_are_installed(daemon: Path) -> None:
    status, _, calls = write_daemon(daemon, "yes", "later", "{\n}\n")
    assert status == 0
    assert (daemon / "etc/docker/daemon.json").read_text() == "{\n}\n"
    assert [call.split()[:2] for call in calls] == [["dockerd", "--validate"]]


def test_a_daemon_that_does_not_start_is_named_with_its_log(daemon: Path) -> None:
    (daemon / "etc/docker/daemon.json").write_text("{}\n")
    program(
        daemon / "bin",
        "systemctl",
        f'echo "systemctl $*" >>{daemon}/calls; case "$1" in is-active|restart) exit 1 ;; esac',
    )
    status, said, _ = write_daemon(daemon, "no", "none", "\n")
    assert status == 1
    assert "docker.service" in values(said)
    assert (daemon / "etc/docker/daemon.json").read_text() == "{}\n"


def rejecting(root: Path, rejects: str) -> None:
    """A systemctl whose dockerd does not start with a daemon.json that holds these words."""
    program(
        root / "bin",
        "systemctl",
        f"""echo "systemctl $*" >>{root}/calls
case "$1" in restart) ! grep -q '{rejects}' {root}/etc/docker/daemon.json ;; esac""",
    )


@pytest.mark.parametrize("old", ['{"a": 1}\n', ""], ids=["an own file", "no file"])
def test_a_daemon_json_with_which_docker_does_not_start_is_taken_back(
    daemon: Path, old: str
) -> None:
    folder = daemon / "etc/docker"
    file, record = folder / "daemon.json", folder / "borgstack.json"
    if old:
        file.write_text(old)
    rejecting(daemon, "swarm")
    new, records = '{\n"swarm": 1\n}\n', ("before", "after")
    loaded = "yes" if old else "no"
    status, said, calls = write_daemon(daemon, "yes", "restart", new, records, loaded=loaded)
    assert status == 1
    assert {"docker.service", str(file), f"{file}.rejected"} <= values(said)
    assert (file.read_text() if file.exists() else "") == old
    assert (folder / "daemon.json.rejected").read_text() == new
    assert record.read_text() == "before\n"
    assert len([call for call in calls if " restart " in call]) == 2
    assert not list(folder.glob(".*"))


def test_what_was_written_while_docker_stood_still_is_taken_back_too(daemon: Path) -> None:
    """Its unit may have a flag of its own for a key that was not in the file, which nobody saw."""
    file = daemon / "etc/docker/daemon.json"
    file.write_text('{"a": 1}\n')
    program(
        daemon / "bin",
        "systemctl",
        f"""echo "systemctl $*" >>{daemon}/calls
case "$1" in
is-active) exit 3 ;;
restart) ! grep -q swarm {file} ;;
esac""",
    )
    for new in ('{\n"swarm": 1\n}\n', '{\n"swarm": 2\n}\n'):
        status, said, _ = write_daemon(daemon, "yes", "restart", new)
        assert status == 1
        assert {"docker.service", str(file), f"{file}.rejected"} <= values(said)
        assert file.read_text() == '{"a": 1}\n'


def test_what_a_run_that_died_had_put_aside_stays_the_one_to_take_back(daemon: Path) -> None:
    file = daemon / "etc/docker/daemon.json"
    file.write_text("{}\n")
    program(daemon / "bin", "systemctl", 'case "$1" in restart) kill -9 $PPID ;; esac')
    assert write_daemon(daemon, "yes", "restart", '{\n"swarm": 1\n}\n', loaded="yes")[0] != 0
    program(
        daemon / "bin",
        "systemctl",
        f"""echo "systemctl $*" >>{daemon}/calls
case "$1" in is-active) exit 3 ;; restart) ! grep -q swarm {file} ;; esac""",
    )
    assert write_daemon(daemon, "yes", "restart", '{\n"swarm": 2\n}\n')[0] == 1
    assert file.read_text() == "{}\n"


def test_only_what_took_its_place_brings_the_former_daemon_json_back(daemon: Path) -> None:
    folder = daemon / "etc/docker"
    file = folder / "daemon.json"
    file.write_text("{}\n")
    program(daemon / "bin", "systemctl", 'case "$1" in restart) kill -9 $PPID ;; esac')
    new = '{\n"swarm": 1\n}\n'
    assert write_daemon(daemon, "yes", "restart", new, loaded="yes")[0] != 0  # killed
    rejecting(daemon, "swarm")
    file.write_text('{"swarm": 2}\n')  # somebody has written another one since
    assert write_daemon(daemon, "no", "restart", "\n")[0] == 1
    assert file.read_text() == '{"swarm": 2}\n'
    file.write_text(new)
    assert write_daemon(daemon, "no", "restart", "\n")[0] == 1
    assert file.read_text() == "{}\n"
    assert write_daemon(daemon, "no", "none", "\n", loaded="yes")[0] == 0
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
