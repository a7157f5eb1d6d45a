"""The script that installs Docker, run on this machine on a tree of its own with a made-up apt."""

from __future__ import annotations

from pathlib import Path

import pytest

from borgstack.remote import script_text
from tests.unit.docker_states import FINGERPRINT, OTHER_KEY
from tests.unit.support import Ran, program, run_text
from tests.unit.told import values

SECOND_KEY = f"printf 'pub::\\nfpr:::::::::{OTHER_KEY}:\\nsub::\\nfpr:::::::::{'B' * 40}:\\n'"


def install(
    root: Path,
    stop_before: str = "",
    dpkg: str = "exit 0",
    apt_get: str = "exit 0",
    more: tuple[str, ...] = (),
    curl: str = "echo key",
    source: str = "docker",
    tool: str = "curl",
) -> Ran:
    """Run the installer with a key that is the wanted one; it may die before one of its `mv`."""
    binaries = root / "bin"
    program(binaries, "curl", curl)
    program(binaries, "gpg", f"printf 'pub::\\nfpr:::::::::{FINGERPRINT}:\\n'")
    for name in ("dpkg-query", "sleep", "systemctl"):
        if not (binaries / name).exists():
            program(binaries, name, "exit 0")
    program(binaries, "dpkg", dpkg)
    program(binaries, "apt-get", apt_get)
    program(
        binaries,
        "mv",
        f'[ "$3" != "{root}/etc/apt/{stop_before}" ] || {{ kill -9 $PPID; exit 1; }}; '
        'exec /usr/bin/mv "$@"',
    )
    text = script_text("docker_install").replace("/etc/apt/", f"{root}/etc/apt/")
    text = text.replace("/var/lib/borgstack", f"{root}/var").replace("in curl gpg", f"in {tool}")
    words = (source, "docker-ce", "docker.io runc", "http://x/gpg", FINGERPRINT, *more)
    return run_text(text, *words, stdin="Types: deb\n", first_on_path=binaries)


@pytest.mark.parametrize("file", ["keyrings/docker.asc", "sources.list.d/docker.sources"])
def test_an_installer_that_died_before_a_rename_leaves_nothing_after_the_next(
    tmp_path: Path, file: str
) -> None:
    assert install(tmp_path).status == 0
    target = tmp_path / "etc/apt" / file
    wanted = target.read_text()
    target.write_text("other\n")
    assert install(tmp_path, stop_before=file).status != 0
    assert target.read_text() == "other\n"
    assert install(tmp_path).status == 0
    assert target.read_text() == wanted
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_apt_is_to_ask_nothing_and_to_restart_nothing_of_others(tmp_path: Path) -> None:
    """What debconf and needrestart's hook (/usr/lib/needrestart/apt-pinvoke, 3.5 to 3.11) read."""
    called = f'echo "$1 $DEBIAN_FRONTEND $NEEDRESTART_SUSPEND" >>{tmp_path}/calls'
    assert install(tmp_path, apt_get=f'shift "$(($# - 1))"; {called}').status == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [line.split(" ", 1)[1] for line in calls] == ["noninteractive 1"] * 2


OWN_SOURCES = "# Written by borgstack; a deploy puts this file back.\nTypes: deb\n"


@pytest.mark.parametrize("tools", [True, False], ids=["tools there", "tools missing"])
@pytest.mark.parametrize("source", ["docker", "distribution"])
def test_a_docker_sources_that_somebody_else_wrote_is_not_lost(
    tmp_path: Path, source: str, *, tools: bool
) -> None:
    """Docker's documentation names its file so, too."""
    file = tmp_path / "etc/apt/sources.list.d/docker.sources"
    file.parent.mkdir(parents=True)
    file.write_text("Types: deb\n# somebody's\n")
    fails = 'case "$*" in *update*) exit 100 ;; esac'
    more = (str(file),) if source == "docker" else ()
    word = "curl" if tools else "no-such-tool"
    if source == "docker":
        assert install(tmp_path, apt_get=fails, more=more, tool=word).status == 1
        assert file.read_text() == "Types: deb\n# somebody's\n"
        assert [one.name for one in file.parent.iterdir()] == [file.name]
    assert install(tmp_path, more=more, source=source).status == 0
    left = {one.name: one.read_text() for one in file.parent.iterdir()}
    if source == "docker":
        assert left["docker.sources.disabled"] == "Types: deb\n# somebody's\n"
    else:
        assert left == {"docker.sources": "Types: deb\n# somebody's\n"}
        file.write_text(OWN_SOURCES)
        assert install(tmp_path, source=source).status == 0
        assert not file.exists()


def test_installing_removes_nothing_of_others(tmp_path: Path) -> None:
    """apt-get install -y takes away whatever the new package excludes, as docker.io does with
    podman-docker (apt 2.6.1, simulated).
    """
    assert install(tmp_path, apt_get=f'echo "$*" >>{tmp_path}/calls').status == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [" --no-remove " in one for one in calls if " install " in one] == [True]


def test_the_installer_sets_another_entry_for_the_repository_aside(tmp_path: Path) -> None:
    folder = tmp_path / "etc/apt/sources.list.d"
    folder.mkdir(parents=True)
    (folder / "mine.list").write_text("deb http://x x y\n")
    more = (f"{folder}/mine.list",)
    assert install(tmp_path, more=more).status == 0
    left = {path.name: path.read_text() for path in folder.iterdir()}
    assert left == {"mine.list.disabled": "deb http://x x y\n", "docker.sources": "Types: deb\n"}


@pytest.mark.parametrize("by_update", [True, False])
@pytest.mark.parametrize("own", ["", "Types: own\n"], ids=["none before", "one before"])
def test_sources_that_apt_can_make_nothing_of_are_taken_back(
    tmp_path: Path, own: str, *, by_update: bool
) -> None:
    folder = tmp_path / "etc/apt/sources.list.d"
    folder.mkdir(parents=True)
    before = {"mine.list": "deb http://x x y\n", **({"docker.sources": own} if own else {})}
    for name, text in before.items():
        (folder / name).write_text(text)
    fails = "case \"$*\" in *update*) echo 'E: no Release file' >&2; exit 100 ;; esac"
    (folder / "mine.list.disabled").write_text("an older one\n")
    keyring = tmp_path / "etc/apt/keyrings/docker.asc"
    keyring.parent.mkdir()
    keyring.write_text("own key\n")

    def now() -> dict[str, str]:
        return {path.name: path.read_text() for path in folder.iterdir()}

    more = (f"{folder}/mine.list",)
    before = now()
    dies = 'case "$*" in *update*) kill -9 $PPID ;; esac'
    assert install(tmp_path, apt_get=dies, more=more).status != 0
    assert now() != before
    # The file that was set aside is not seen any more.
    ran = install(tmp_path, **{"apt_get": fails} if by_update else {"curl": "exit 6"})
    assert ran.status == 1
    assert ("Release" if by_update else "http://x/gpg") in values(ran.err)
    assert {"sources", "apt"} <= values(ran.err)
    assert (now(), keyring.read_text()) == (before, "own key\n")
    assert not list((tmp_path / "var").glob("apt-before*"))


def test_what_would_go_with_a_package_that_conflicts_is_named_and_nothing_is_removed(
    tmp_path: Path,
) -> None:
    program(tmp_path / "bin", "dpkg-query", "printf 'ii '")
    lines = "'Remv podman [5.4]' 'Remv runc [1.1]' 'Remv docker.io [26]'"
    apt_get = f'echo "$*" >>{tmp_path}/calls; case "$*" in *-s*) printf \'%s\n\' {lines} ;; esac'
    ran = install(tmp_path, apt_get=apt_get)
    assert ran.status == 1
    named, _, others = ran.err.partition(":")
    assert {"docker.io", "runc"} <= values(named)
    assert "podman" in values(others)
    assert not {"docker.io", "runc"} & values(others)
    assert " remove" not in (tmp_path / "calls").read_text().replace("-s -q remove", "")
    assert not (tmp_path / "etc").exists()


def test_what_ran_before_the_engine_was_replaced_is_started_again(tmp_path: Path) -> None:
    program(tmp_path / "bin", "dpkg-query", "printf 'ii '")
    program(
        tmp_path / "bin",
        "docker",
        f'echo "$*" >>{tmp_path}/calls; case "$1" in ps) printf "%s\\n" aaa bbb ;; esac',
    )
    calls = tmp_path / "calls"
    dies = f'case "$*" in *-y*remove*) kill -9 $PPID ;; *) echo apt >>{calls} ;; esac'
    assert install(tmp_path, apt_get=dies).status != 0
    assert (tmp_path / "var/ran-before").read_text() == "aaa\nbbb\n"
    program(tmp_path / "bin", "dpkg-query", "exit 1")  # removed: nothing runs any more
    assert install(tmp_path).status == 0
    assert calls.read_text().splitlines()[-2:] == ["start aaa", "start bbb"]
    assert not (tmp_path / "var/ran-before").exists()


def test_the_installer_waits_for_the_servers_own_upgrade(tmp_path: Path) -> None:
    locked = "dpkg: error: dpkg frontend lock was locked by another process with pid 7"
    seen = tmp_path / "seen"
    ran = install(
        tmp_path, dpkg=f"[ -e {seen} ] || {{ touch {seen}; echo '{locked}' >&2; exit 2; }}"
    )
    assert ran.status == 0, ran.err
    assert {"waiting", "apt", "dpkg"} <= values(ran.out)


@pytest.mark.parametrize("folder", ["/var/lib/apt/lists", "/var/cache/apt/archives"])
def test_the_installer_waits_for_lists_and_archives_too(tmp_path: Path, folder: str) -> None:
    """The words of apt 2.4 to 3.0; its own waiting is for dpkg's lock alone."""
    seen, said = tmp_path / "seen", f"E: Could not get lock {folder}/lock. It is held by process 7"
    once = f"[ -e {seen} ] || {{ touch {seen}; echo '{said} (apt-get)' >&2; exit 100; }}"
    ran = install(tmp_path, apt_get=once)
    assert ran.status == 0, ran.err
    assert {"waiting", "apt", "dpkg"} <= values(ran.out)


def test_the_installer_does_not_wait_for_what_no_waiting_mends(tmp_path: Path) -> None:
    ran = install(tmp_path, apt_get="echo 'E: Unable to locate package x' >&2; exit 100")
    assert ran.status == 1
    assert "waiting" not in ran.out
    assert {"apt-get", "update", "failed"} <= values(ran.err)


def test_what_a_killed_upgrade_left_keeps_its_configuration_files(tmp_path: Path) -> None:
    """Where one was changed, dpkg asks, and nobody is there: the next run would end there, too."""
    asks = "echo 'end of file on stdin at conffile prompt' >&2; exit 1"
    ran = install(tmp_path, dpkg=f'case "$*" in *--force-confold*) ;; *) {asks} ;; esac')
    assert ran.status == 0, ran.err


def test_the_installer_says_what_dpkg_cannot_finish(tmp_path: Path) -> None:
    ran = install(tmp_path, dpkg="echo 'dpkg: x' >&2; exit 1")
    assert ran.status == 1
    shown, told = ran.err.split("\n", 1)
    assert shown == "dpkg: x"
    assert {"dpkg", "--configure"} <= values(told)
    assert not (tmp_path / "etc").exists()


def test_the_installer_refuses_a_key_with_another_fingerprint(tmp_path: Path) -> None:
    binaries = tmp_path / "bin"
    program(binaries, "curl", "echo key")
    program(binaries, "gpg", f"printf 'pub::\\nfpr:::::::::{FINGERPRINT}:\\n'; {SECOND_KEY}")
    for name in ("dpkg", "apt-get", "dpkg-query"):
        program(binaries, name, f'echo "{name} $*" >>{tmp_path}/calls')
    text = script_text("docker_install").replace("/etc/apt/", f"{tmp_path}/etc/apt/")
    ran = run_text(
        text, "docker", "docker-ce", "", "http://x/gpg", FINGERPRINT, first_on_path=binaries
    )
    assert ran.status == 1
    found, _, expected = ran.err.partition(" - ")
    assert {FINGERPRINT, OTHER_KEY} <= values(found)
    assert values(expected) & {FINGERPRINT, OTHER_KEY} == {FINGERPRINT}
    assert not (tmp_path / "etc").exists()
    assert "install" not in (tmp_path / "calls").read_text()
