"""The look at Docker: what its script prints on this machine, and what is read out of that."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from borgstack import docker_daemon, docker_packages, live_docker
from borgstack.docker_daemon import DAEMON_JSON
from borgstack.docker_packages import SOURCES
from borgstack.live_docker import DockerState
from borgstack.remote import script_text
from tests.unit.docker_states import FINGERPRINT, FIT, GOAL, OTHER_KEY
from tests.unit.support import program, run_text, settings_of


def test_nothing_is_to_do_where_docker_is_in_place() -> None:
    assert docker_packages.install_changes(GOAL, FIT) == []
    assert docker_daemon.daemon_changes(settings_of(), FIT) is None
    assert docker_packages.too_old(FIT) is None


def test_every_line_of_the_script_is_read() -> None:
    state = live_docker.parse(
        [
            "package docker-ce 5:29.1.0",
            "broken containerd.io",
            f"key 644|0|0 {FINGERPRINT} {OTHER_KEY}",
            "file /etc/x 600|1|2 eHg=",
            "file /etc/empty 644|0|0 ",
            "held docker-ce",
            "source /etc/apt/a.list http://a/x/ trixie -",
            "source /etc/apt/a.list http://c trixie /key.gpg",
            "plugin /root/.docker/cli-plugins/docker-compose 2.4.1",
            "plugin /usr/local/lib/docker/cli-plugins/docker-compose ",
            "flag --iptables=false",
            "unfinished /var/lib/borgstack/ran-before",
            "proxies /root/.docker/config.json",
            "snap",
            "swarm",
            "unit ActiveState=active",
            "started 1700000002",
            "socket LoadState=masked",
            "written 1700000001",
            "now 1700000000",
        ]
    )
    assert state == DockerState(
        packages={"docker-ce": "5:29.1.0"},
        broken=("containerd.io",),
        key=("644|0|0", (FINGERPRINT, OTHER_KEY)),
        files={"/etc/x": ("600|1|2", b"xx"), "/etc/empty": ("644|0|0", b"")},
        held=frozenset({"docker-ce"}),
        sources={
            "/etc/apt/a.list": frozenset(
                {("http://a/x", "trixie", "-"), ("http://c", "trixie", "/key.gpg")}
            )
        },
        unit={"ActiveState": "active"},
        socket="masked",
        loaded=False,
        ahead=True,
        flags=("--iptables=false",),
        plugins={
            "/root/.docker/cli-plugins/docker-compose": "2.4.1",
            "/usr/local/lib/docker/cli-plugins/docker-compose": "",
        },
        unfinished=("/var/lib/borgstack/ran-before",),
        proxies="/root/.docker/config.json",
        snap=True,
        swarm=True,
    )


@pytest.mark.parametrize(
    ("lines", "loaded", "ahead"),
    [
        (["loaded by this process"], True, False),
        (["loaded by this process", "written 101", "now 100"], True, True),
        (["started 100", "written 99", "now 100"], True, False),
        (["started 100", "written 100", "now 200"], False, False),
        (["started 100", "written 101", "now 200"], False, False),
        # The clock was ahead when the daemon started: 99 may well be later than that.
        (["started 100", "written 99", "now 99"], False, False),
        (["started 100", "written 201", "now 200"], False, True),
        (["unit ExecMainStartTimestamp=", "written 1", "now 2"], False, False),
        ([], False, False),
    ],
)
def test_the_daemon_has_read_what_was_written_before_it_started(
    lines: list[str], *, loaded: bool, ahead: bool
) -> None:
    state = live_docker.parse(lines)
    assert (state.loaded, state.ahead) == (loaded, ahead)


SHOWN = """
MainPID=321
ExecMainStartTimestamp=Fri 2023-11-17 21:02:03 UTC
LoadState=loaded
ActiveState=active
UnitFileState=enabled

MainPID=0
ExecMainStartTimestamp=
LoadState=loaded
ActiveState=active
UnitFileState=enabled
""".strip().splitlines()
"""What systemd 249 (Ubuntu 22.04) prints of both units, as later ones do, asked in UTC."""


def systemctl(binaries: Path, *lines: str) -> None:
    """The systemctl of Ubuntu 22.04, which does not know one of the ways to print a time."""
    text = "\n".join(lines)
    program(
        binaries,
        "systemctl",
        f"""case " $* " in
*timestamp=unix*) echo 'Invalid value: unix.' >&2; exit 1 ;;
esac
[ "${{TZ:-}}" = UTC ] || {{ echo 'printed in another time zone' >&2; exit 1; }}
cat <<'EOF'
{text}
EOF""",
    )


def test_the_oldest_systemctl_tells_when_the_daemon_was_started(tmp_path: Path) -> None:
    program(tmp_path / "bin", "dpkg-query", "exit 1")
    systemctl(tmp_path / "bin", *SHOWN)
    file = tmp_path / "etc/docker/daemon.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}\n")
    started = 1_700_254_923  # 2023-11-17 21:02:03 UTC
    text = script_text("docker_state").replace("/etc/", f"{tmp_path}/etc/")
    for written, loaded in ((started - 1, True), (started, False)):
        os.utime(file, (written, written))
        ran = run_text(text, *docker_packages.EVERY_PACKAGE, first_on_path=tmp_path / "bin")
        assert (ran.status, ran.err) == (0, "")
        state = live_docker.parse(ran.out.splitlines())
        assert state.running
        assert state.unit["UnitFileState"] == "enabled"
        assert state.socket == "loaded"
        assert state.loaded is loaded


def test_a_systemctl_that_cannot_be_asked_is_told_of_and_not_taken_for_a_stopped_docker(
    tmp_path: Path,
) -> None:
    program(tmp_path / "bin", "dpkg-query", "exit 1")
    program(tmp_path / "bin", "systemctl", "echo 'no bus' >&2; exit 1")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    text = script_text("docker_state").replace("/etc/", f"{tmp_path}/etc/")
    text = text.replace("/run/systemd", f"{tmp_path}/run/systemd")
    ran = run_text(text, first_on_path=tmp_path / "bin")
    assert (ran.status, ran.err) == (1, "no bus\n")


def test_the_script_that_looks_prints_what_the_parser_reads(tmp_path: Path) -> None:
    binaries = tmp_path / "bin"
    program(
        binaries,
        "dpkg-query",
        "printf '%s\\n' 'hi |docker-ce|5:29.1' 'iF |containerd.io|2.1' 'rc |docker.io|26.1' "
        "'hc |runc|1' 'un |podman-docker|'",
    )
    systemctl(binaries, "ActiveState=active", "", "ActiveState=inactive", "LoadState=masked")
    text = script_text("docker_state").replace("/etc/", f"{tmp_path}/etc/")
    for path, content in ((SOURCES, "Types: deb\n"), (DAEMON_JSON, "{}\n")):
        file = Path(f"{tmp_path}{path}")
        file.parent.mkdir(parents=True)
        file.write_text(content)
        file.chmod(0o644)
    (tmp_path / "etc/apt/sources.list.d/docker.list").write_text(
        "# deb https://no/linux x y\n"
        "deb [arch=amd64 signed-by=/usr/share/keyrings/docker.gpg] https://a/linux x y # z\n"
        "deb-src https://b/linux/ x y\n"
    )
    (tmp_path / "etc/apt/sources.list.d/more.sources").write_text(
        "Types: deb\nURIs: https://c/linux\n  https://d/linux\nSuites: x y\n\n"
        "# of old\nEnabled: no\nURIs: https://off/linux\nSuites: x\n\n"
        "uris: https://e/linux\nSuites: z\nSigned-By:\n /k.asc\n"
    )
    (tmp_path / "etc/apt/sources.list.d/x.list.disabled").write_text("deb https://no x y\n")
    ran = run_text(text, *docker_packages.EVERY_PACKAGE, first_on_path=binaries)
    assert (ran.status, ran.err) == (0, "")
    state = live_docker.parse(ran.out.replace(str(tmp_path), "").splitlines())
    assert state.packages == {"docker-ce": "5:29.1"}
    assert state.broken == ("containerd.io",)
    assert state.files[DAEMON_JSON] == ("644|0|0", b"{}\n")
    assert state.files[SOURCES] == ("644|0|0", b"Types: deb\n")
    assert state.held == {"docker-ce"}
    folder = "/etc/apt/sources.list.d"
    assert state.sources == {
        f"{folder}/docker.list": {
            ("https://a/linux", "x", "/usr/share/keyrings/docker.gpg"),
            ("https://b/linux", "x", "-"),
        },
        f"{folder}/more.sources": {
            ("https://c/linux", "x", "-"),
            ("https://d/linux", "x", "-"),
            ("https://c/linux", "y", "-"),
            ("https://d/linux", "y", "-"),
            ("https://e/linux", "z", "/k.asc"),
        },
    }
    assert state.unit == {"ActiveState": "active"}
    assert state.socket == "masked"


def test_what_runs_in_containerd_beside_docker_is_seen(tmp_path: Path) -> None:
    """Command lines as containerd 1.6 to 2.1 gives its shims."""
    own = "-address /run/containerd/containerd.sock"
    program(tmp_path / "bin", "dpkg-query", "exit 1")
    program(tmp_path / "bin", "systemctl", "exit 1")
    program(
        tmp_path / "bin",
        "pgrep",
        f"""cat <<'EOF'
7 /usr/bin/containerd-shim-runc-v2 -namespace moby -id 1ab {own}
8 /usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id 2ab {own}
9 /usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id 3ab {own}
10 /k3s/bin/containerd-shim-runc-v2 -namespace k3s.io -id 4ab -address /run/k3s/containerd.sock
EOF""",
    )
    ran = run_text(script_text("docker_state"), first_on_path=tmp_path / "bin")
    assert live_docker.parse(ran.out.splitlines()).namespaces == ("k8s.io",)


@pytest.mark.parametrize("flags", ["--data-root={}", "-H\nfd://\n--data-root\n{}\n--debug"])
def test_a_node_of_a_swarm_is_seen_wherever_docker_keeps_its_data(
    tmp_path: Path, flags: str
) -> None:
    (tmp_path / "data/swarm").mkdir(parents=True)
    (tmp_path / "data/swarm/docker-state.json").touch()
    words = "dockerd\n" + flags.format(tmp_path / "data")
    (tmp_path / "321").mkdir()
    (tmp_path / "321/cmdline").write_bytes(words.replace("\n", "\0").encode() + b"\0")
    program(tmp_path / "bin", "dpkg-query", "exit 1")
    systemctl(tmp_path / "bin", "MainPID=321", "", "LoadState=loaded")
    text = script_text("docker_state").replace("/proc/", f"{tmp_path}/")
    ran = run_text(text, first_on_path=tmp_path / "bin")
    assert live_docker.parse(ran.out.splitlines()).swarm


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ('{"proxies": {"default": {"httpProxy": "http://192.0.2.9:3128"}}}', True),
        ('{"proxies": {"tcp://192.0.2.7": {\n"httpsProxy": "http://192.0.2.9:3128"}}}', True),
        ('{"proxies": {}, "auths": {}}', False),
    ],
)
def test_proxies_that_compose_would_hand_to_containers_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, *, named: bool
) -> None:
    for name in ("dpkg-query", "systemctl"):
        program(tmp_path / "bin", name, "exit 1")
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(config)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    text = script_text("docker_state").replace("/etc/", f"{tmp_path}/etc/")
    ran = run_text(text, first_on_path=tmp_path / "bin")
    seen = live_docker.parse(ran.out.splitlines()).proxies
    assert seen == (f"{tmp_path}/.docker/config.json" if named else "")


def test_the_script_that_looks_ends_well_on_a_bare_host(tmp_path: Path) -> None:
    for name in ("dpkg-query", "systemctl"):
        program(tmp_path / "bin", name, "exit 1")
    text = script_text("docker_state").replace("/etc/", f"{tmp_path}/etc/")
    ran = run_text(text, *docker_packages.EVERY_PACKAGE, first_on_path=tmp_path / "bin")
    assert (ran.status, ran.out) == (0, "")
    assert live_docker.parse(ran.out.splitlines()) == DockerState()
