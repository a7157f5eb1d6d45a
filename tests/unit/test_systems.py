"""What the supported systems do otherwise than Debian 13, by what their programs print.

Texts are what the programs printed where a name says so; dpkg-query and awk are this machine's own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from borgstack import docker_packages, evidence, live_docker, live_server, preflight
from borgstack.remote import script_text
from tests.unit.support import program, run_text, settings_of
from tests.unit.told import values

AWKS = [name for name in ("mawk", "gawk", "original-awk", "busybox") if shutil.which(name)]

DEBIAN = 'NAME="Debian GNU/Linux"\nID=debian\n'
UBUNTU = 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n'
OS_RELEASE = {
    "bookworm": DEBIAN + 'VERSION_ID="12"\nVERSION="12 (bookworm)"\nVERSION_CODENAME=bookworm\n',
    "trixie": DEBIAN + 'VERSION_ID="13"\nVERSION="13 (trixie)"\nVERSION_CODENAME=trixie\n',
    "jammy": UBUNTU
    + 'VERSION_ID="22.04"\nVERSION="22.04.5 LTS (Jammy Jellyfish)"\nVERSION_CODENAME=jammy\n',
    "noble": UBUNTU
    + 'VERSION_ID="24.04"\nVERSION="24.04.3 LTS (Noble Numbat)"\nVERSION_CODENAME=noble\n',
}
FORKY = 'PRETTY_NAME="Debian GNU/Linux forky/sid"\nVERSION_CODENAME=forky\nID=debian\n'
"""A release that is not out yet has no number."""


def look(tmp_path: Path, name: str, *words: str, **programs: str) -> list[str]:
    """What a script that looks prints with these programs, and files below `tmp_path/etc`."""
    for one, text in programs.items():
        program(tmp_path / "bin", one.replace("_", "-"), text)
    text = script_text(name).replace("/etc/", f"{tmp_path}/etc/")
    ran = run_text(text, *words, first_on_path=tmp_path / "bin")
    assert (ran.status, ran.err) == (0, "")
    return ran.out.splitlines()


def server(tmp_path: Path, os_release: str, **programs: str) -> live_server.ServerState:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(os_release)
    return live_server.parse(look(tmp_path, "preflight", **programs))


@pytest.mark.parametrize("codename", OS_RELEASE)
def test_the_system_is_known_and_docker_publishes_for_it(tmp_path: Path, codename: str) -> None:
    seen = server(tmp_path, OS_RELEASE[codename])
    assert seen.os in preflight.SUPPORTED
    goal = docker_packages.wanted(settings_of(), seen.os[0], seen.codename, "x86_64")
    assert goal.sources.splitlines()[2:4] == [
        f"URIs: https://download.docker.com/linux/{seen.os[0]}",
        f"Suites: {codename}",
    ]


def test_a_system_that_is_not_released_is_refused(tmp_path: Path) -> None:
    seen = server(tmp_path, FORKY)
    assert (seen.os, seen.codename) == (("debian", "unknown"), "forky")
    assert not preflight.is_known(settings_of(), seen)


SOCKET_ACTIVATED = """
LISTEN 0      4096      *:22          *:* users:(("sshd",pid=191,fd=3),("systemd",pid=1,fd=34))
LISTEN 0      4096      *:2222        *:* users:(("sshd",pid=191,fd=4),("systemd",pid=1,fd=35))
LISTEN 0      4096      *:80          *:* users:(("systemd",pid=1,fd=41))
""".strip()
"""ss 6.15, where ssh.socket listens for sshd, as it does on Ubuntu from 22.10 on: a second port in
a drop-in of the unit. On the third one a unit that nothing has come to yet."""


@pytest.mark.parametrize("awk", AWKS)
def test_sshd_is_seen_behind_systemds_socket(tmp_path: Path, awk: str) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/awk").symlink_to(str(shutil.which(awk)))
    ss = f"cat <<'EOF'\n{SOCKET_ACTIVATED}\nEOF"
    words = (str(tmp_path), "", "0", "", "", "", "", "")
    asked = {"docker": "exit 1", "systemctl": "exit 0", "id": "echo 0"}
    lines = look(tmp_path, "verify_state", *words, ss=ss, **asked)
    sockets = evidence.parse(lines).sockets
    assert [(one.port, one.who) for one in sockets] == [
        (22, "sshd"),
        (2222, "sshd"),
        (80, "systemd"),
    ]


def test_a_port_that_a_socket_unit_has_is_told_of_with_a_way_to_find_the_unit(
    tmp_path: Path,
) -> None:
    seen = server(tmp_path, FORKY, ss=f"echo '{SOCKET_ACTIVATED.splitlines()[-1]}'")
    assert seen.ports == {80: "systemd"}
    found = preflight.findings(
        settings_of(), seen, sudo=False, caddy_runs=False, published={}, room=0
    )
    (told,) = [one for one in found if "80" in values(one.expected)]
    assert told.name is preflight.Look.PORT
    assert "systemctl list-sockets" in told.next


STATES = {
    "docker-ce": "hold ok installed",
    "docker-ce-cli": "install ok installed",
    "containerd.io": "install ok half-configured",
    "docker-compose-plugin": "install ok unpacked",
    "docker-buildx-plugin": "install reinstreq half-installed",
    "docker-ce-rootless-extras": "install ok triggers-awaited",
    "docker.io": "deinstall ok config-files",
    "docker-cli": "deinstall ok installed",
    "runc": "hold ok config-files",
    "podman-docker": "purge ok not-installed",
}


def entry(name: str, state: str) -> str:
    """A package in dpkg's database; what is not configured says what was."""
    more = ""
    if state.endswith(("config-files", "half-configured", "unpacked")):
        more = "Config-Version: 1.2-3\n"
    elif state.endswith("triggers-awaited"):
        more = "Triggers-Awaited: docker-ce\n"
    return (
        f"Package: {name}\nStatus: {state}\nMaintainer: x <x@x.test>\nArchitecture: all\n"
        f"Version: 1.2-3\n{more}Description: x\n\n"
    )


def test_dpkgs_states_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the real dpkg-query, on a database that has a package in each of them."""
    (tmp_path / "status").write_text("".join(entry(*one) for one in STATES.items()))
    (tmp_path / "info").mkdir()
    monkeypatch.setenv("DPKG_ADMINDIR", str(tmp_path))
    state = live_docker.parse(
        look(tmp_path, "docker_state", *docker_packages.EVERY_PACKAGE, systemctl="exit 1")
    )
    assert state.packages == dict.fromkeys(("docker-ce", "docker-ce-cli", "docker-cli"), "1.2-3")
    assert set(state.broken) == {
        "containerd.io",
        "docker-compose-plugin",
        "docker-buildx-plugin",
        "docker-ce-rootless-extras",
    }
    assert state.held == {"docker-ce"}
