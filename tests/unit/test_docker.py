"""Docker on the host: what is compared, and what a difference leads to. The operator may have a
daemon.json of their own, so what is not declared here has to survive.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from borgstack import docker_daemon, docker_packages, live_docker
from borgstack.change import Change, Code
from borgstack.docker_daemon import DAEMON_JSON, UnreadableDaemonJson
from borgstack.docker_packages import KEYRING, SOURCES
from borgstack.live_docker import DockerState
from borgstack.remote import script_text
from tests.unit.changes import keys
from tests.unit.support import Ran, fit_docker_lines, program, run_text, settings_of

FINGERPRINT = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"
OTHER_KEY = "A" * 40
SECOND_KEY = f"printf 'pub::\\nfpr:::::::::{OTHER_KEY}:\\nsub::\\nfpr:::::::::{'B' * 40}:\\n'"
GOAL = docker_packages.wanted(settings_of(), "debian", "trixie", "x86_64")
ANOTHERS = (GOAL.address, GOAL.suite, "/usr/share/keyrings/docker.gpg")
FIT = live_docker.parse(fit_docker_lines(settings_of()))


def changed(**values: Any) -> DockerState:  # noqa: ANN401 - DockerState's own fields
    return dataclasses.replace(FIT, **values)


def with_daemon(content: dict[str, object] | bytes, owner: str = "644|0|0") -> DockerState:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return changed(files={**FIT.files, DAEMON_JSON: (owner, raw)})


def without_file(path: str) -> dict[str, tuple[str, bytes]]:
    return {name: value for name, value in FIT.files.items() if name != path}


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


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (
            changed(packages={n: v for n, v in FIT.packages.items() if n != "containerd.io"}),
            "package containerd.io: missing",
        ),
        (changed(broken=("docker-ce",)), "package docker-ce: unfinished"),
        (
            changed(packages={**FIT.packages, "podman-docker": "5"}),
            "package podman-docker: conflicts",
        ),
        (changed(unfinished=("/var/x",)), "file /var/x: unfinished"),
        (changed(sources={"/etc/x.list": frozenset({ANOTHERS})}), "file /etc/x.list: conflicts"),
        (changed(key=None), f"file {KEYRING}: missing"),
        (changed(key=("644|0|0", (OTHER_KEY,))), f"file {KEYRING}: differs"),
        (changed(key=("644|0|0", (FINGERPRINT, OTHER_KEY))), f"file {KEYRING}: differs"),
        (changed(key=("666|0|0", (FINGERPRINT,))), f"file {KEYRING}: differs"),
        (changed(key=("644|0|0", ("unreadable",))), f"file {KEYRING}: differs"),
        (changed(files=without_file(SOURCES)), f"file {SOURCES}: missing"),
        (
            changed(files={**FIT.files, SOURCES: ("644|0|0", b"Types: deb\n")}),
            f"file {SOURCES}: differs",
        ),
        (
            changed(files={**FIT.files, SOURCES: ("664|0|0", GOAL.sources.encode())}),
            f"file {SOURCES}: differs",
        ),
    ],
)
def test_each_difference_of_the_installation_is_one_reason(
    state: DockerState, expected: str
) -> None:
    assert keys(docker_packages.install_changes(GOAL, state)) == [expected]


def test_a_bare_host_gets_all_packages_key_and_source() -> None:
    found = docker_packages.install_changes(GOAL, DockerState())
    assert len(found) == len(docker_packages.FROM_DOCKER) + 2


@pytest.mark.parametrize(
    ("system", "codename", "machine", "fragments"),
    [
        (
            "debian",
            "trixie",
            "x86_64",
            ["URIs: https://download.docker.com/linux/debian\n", "amd64", "Suites: trixie\n"],
        ),
        (
            "ubuntu",
            "noble",
            "aarch64",
            ["URIs: https://download.docker.com/linux/ubuntu\n", "arm64", "Suites: noble\n"],
        ),
    ],
)
def test_dockers_source_is_signed_by_its_own_key_alone(
    system: str, codename: str, machine: str, fragments: list[str]
) -> None:
    goal = docker_packages.wanted(settings_of(), system, codename, machine)
    assert all(fragment in goal.sources for fragment in [*fragments, f"Signed-By: {KEYRING}\n"])
    assert goal.key_url == f"https://download.docker.com/linux/{system}/gpg"
    assert goal.fingerprint == FINGERPRINT
    assert not set(goal.packages) & set(goal.conflicts)


def test_the_distributions_packages_need_no_source_and_no_key() -> None:
    goal = docker_packages.wanted(
        settings_of(docker_source="distribution"), "ubuntu", "noble", "x86_64"
    )
    assert goal.packages == ("docker.io", "docker-compose-v2")
    assert (goal.sources, goal.key_url, goal.fingerprint) == ("", "", "")
    assert not set(goal.packages) & set(goal.conflicts)
    state = DockerState(packages=dict.fromkeys(goal.packages, "28.2"))
    assert docker_packages.install_changes(goal, state) == []
    left = dataclasses.replace(state, files={SOURCES: ("644|0|0", GOAL.sources.encode())})
    assert keys(docker_packages.install_changes(goal, left)) == [f"file {SOURCES}: undeclared"]
    both = dataclasses.replace(state, packages={**state.packages, "docker-ce": "5:29"})
    assert keys(docker_packages.install_changes(goal, both)) == ["package docker-ce: conflicts"]


def test_what_is_held_is_installed_when_missing_and_else_left_as_it_is() -> None:
    assert docker_packages.to_install(GOAL, FIT) == list(GOAL.packages)
    held = changed(held=frozenset({"docker-ce", "containerd.io"}))
    assert docker_packages.install_changes(GOAL, held) == []
    assert docker_packages.to_install(GOAL, held) == ["docker-ce-cli", "docker-compose-plugin"]
    bare = DockerState(held=frozenset({"docker-ce"}))
    assert docker_packages.to_install(GOAL, bare) == list(GOAL.packages)


def test_another_key_for_the_same_repository_is_found_by_its_address() -> None:
    others = ("https://packages.example.com/x", "trixie", "-")
    found = {
        "/etc/apt/sources.list.d/alone.list": frozenset({ANOTHERS}),
        "/etc/apt/sources.list": frozenset({others, ANOTHERS}),
        "/etc/apt/sources.list.d/other.sources": frozenset({others}),
        SOURCES: frozenset({ANOTHERS}),
    }
    state = changed(sources=found)
    assert docker_packages.doubled(GOAL, state) == ["/etc/apt/sources.list.d/alone.list"]
    assert docker_packages.naming(GOAL, state)["/etc/apt/sources.list"] == {others[0]}
    distribution = docker_packages.wanted(
        settings_of(docker_source="distribution"), "debian", "x", "x86_64"
    )
    assert docker_packages.naming(distribution, state) == {}


@pytest.mark.parametrize(
    "entry",
    [
        (GOAL.address, GOAL.suite, "-"),
        (GOAL.address, GOAL.suite, KEYRING),
        (GOAL.address, "bookworm", "/usr/share/keyrings/docker.gpg"),
    ],
)
def test_what_apt_takes_beside_this_tools_own_entry_is_left_alone(
    entry: tuple[str, str, str],
) -> None:
    assert docker_packages.naming(GOAL, changed(sources={"/etc/x.list": frozenset({entry})})) == {}


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ({"docker-ce": "5:24.0.9-1"}, "docker-ce 5:24.0.9-1"),
        ({"docker.io": "20.10.24+dfsg1"}, "docker.io 20.10.24+dfsg1"),
        ({"docker-ce": "5:25.0.0-1"}, None),
        ({"docker.io": "26.1.5+dfsg1-9"}, None),
        ({}, None),
    ],
)
def test_an_engine_without_start_intervals_is_too_old(
    packages: dict[str, str], expected: str | None
) -> None:
    assert docker_packages.too_old(DockerState(packages=packages)) == expected


DECLARED = docker_daemon.daemon_settings(settings_of())


@pytest.mark.parametrize(
    ("state", "reason", "load"),
    [
        (
            changed(files=without_file(DAEMON_JSON)),
            f"file {DAEMON_JSON}: log-driver differs",
            "restart",
        ),
        (with_daemon(b""), f"file {DAEMON_JSON}: log-driver differs", "restart"),
        (
            with_daemon({**DECLARED, "log-driver": "local"}),
            f"file {DAEMON_JSON}: log-driver differs",
            "restart",
        ),
        (
            with_daemon({**DECLARED, "live-restore": False}),
            f"file {DAEMON_JSON}: live-restore differs",
            "reload",
        ),
        (with_daemon(DECLARED, "600|0|0"), f"file {DAEMON_JSON}: mode and owner differs", "none"),
        (with_daemon(DECLARED, "644|5|0"), f"file {DAEMON_JSON}: mode and owner differs", "none"),
        (changed(loaded=False), f"file {DAEMON_JSON}: not_loaded", "restart"),
        (
            changed(unit={**FIT.unit, "LoadState": "masked"}),
            "unit docker.service: LoadState differs",
            "none",
        ),
        (
            changed(unit={**FIT.unit, "UnitFileState": "disabled"}),
            "unit docker.service: UnitFileState differs",
            "none",
        ),
        (
            changed(unit={**FIT.unit, "ActiveState": "inactive"}),
            "unit docker.service: ActiveState differs",
            "none",
        ),
        (
            changed(unit={**FIT.unit, "ActiveState": "failed"}),
            "unit docker.service: ActiveState differs",
            "none",
        ),
        (changed(unit={}), "unit docker.service: LoadState differs", "none"),
        (changed(socket="masked"), "unit docker.socket: UnitFileState differs", "restart"),
        (changed(loaded=False, ahead=True), f"file {DAEMON_JSON}: not_loaded", "restart"),
    ],
)
def test_each_difference_of_the_daemon_has_its_reason_and_its_load(
    state: DockerState, reason: str, load: str
) -> None:
    change = docker_daemon.daemon_changes(settings_of(), state)
    assert change is not None
    assert reason in keys(change.changes)
    assert change.load == load


@pytest.mark.parametrize(
    "state",
    [changed(loaded=False), changed(unit={**FIT.unit, "ActiveState": "inactive"})],
)
def test_daemon_json_is_not_written_when_only_the_daemon_differs(state: DockerState) -> None:
    change = docker_daemon.daemon_changes(settings_of(), state)
    assert change is not None
    assert change.content is None


def test_a_time_in_the_future_is_put_right_when_it_leaves_a_question_open() -> None:
    change = docker_daemon.daemon_changes(settings_of(), changed(loaded=False, ahead=True))
    assert change is not None
    assert change.content is not None
    assert docker_daemon.daemon_changes(settings_of(), changed(ahead=True)) is None


def test_the_operators_keys_survive_the_merge() -> None:
    own = {
        "data-root": "/srv/docker",
        "log-opts": {"labels": "app", "max-size": "1g"},
        "features": {"containerd-snapshotter": True},
    }
    change = docker_daemon.daemon_changes(settings_of(), with_daemon(dict(own)))
    assert change is not None
    assert json.loads(change.content or "") == {
        **DECLARED,
        "data-root": "/srv/docker",
        "features": {"containerd-snapshotter": True},
        "log-opts": {"labels": "app", "max-size": "10m", "max-file": "3"},
    }
    merged = with_daemon((change.content or "").encode())
    assert docker_daemon.daemon_changes(settings_of(), merged) is None


@pytest.mark.parametrize(
    ("driver", "options", "kept", "dropped"),
    [
        ("syslog", {"syslog-address": "udp://x:514", "tag": "t"}, {"tag": "t"}, ["syslog-address"]),
        ("loki", {"loki-url": "http://x", "mode": "blocking"}, {"mode": "blocking"}, ["loki-url"]),
        ("local", {"compress": "true", "max-size": "1g"}, {}, ["compress"]),
        (None, {"compress": "true"}, {"compress": "true"}, []),
        ("json-file", {"compress": "true"}, {"compress": "true"}, []),
    ],
)
def test_options_of_a_log_driver_go_with_it_and_are_named(
    driver: str | None, options: dict[str, str], kept: dict[str, str], dropped: list[str]
) -> None:
    own: dict[str, object] = {"log-opts": options}
    state = with_daemon({**own, "log-driver": driver} if driver else own)
    change = docker_daemon.daemon_changes(settings_of(), state)
    assert change is not None
    merged = json.loads(change.content or "")
    assert merged["log-opts"] == {**kept, **DECLARED["log-opts"]}
    named = [one.attribute for one in change.changes if one.code == Code.CONFLICTS]
    assert named == [f"log-opts {name}" for name in dropped]
    after = with_daemon((change.content or "").encode())
    assert docker_daemon.daemon_changes(settings_of(), after) is None


def test_a_number_in_the_place_of_true_differs_though_python_calls_them_equal() -> None:
    declared = docker_daemon.daemon_settings(settings_of())
    state = with_daemon(json.dumps({**declared, "live-restore": 1}).encode())
    change = docker_daemon.daemon_changes(settings_of(), state)
    assert change is not None
    assert keys(change.changes) == [f"file {DAEMON_JSON}: live-restore differs"]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"{ not json", "Expecting property name"),
        (b"[]", "it holds no JSON object"),
        (b'"x"', "it holds no JSON object"),
        (b'{"a": "\xff"}', "decode"),
        (b'{"a": NaN}', "NaN is no JSON"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_a_daemon_json_that_cannot_be_read_is_left_alone(raw: bytes, why: str) -> None:
    with pytest.raises(UnreadableDaemonJson, match=why):
        docker_daemon.daemon_changes(settings_of(), with_daemon(raw))


def test_mirrors_and_address_pools_are_declared_only_when_they_are_set() -> None:
    settings = settings_of(
        registry_mirrors=["http://mirror:5000"],
        docker_address_pools=[{"base": "10.201.0.0/16", "size": 24}],
    )
    more = docker_daemon.daemon_settings(settings)
    assert more["registry-mirrors"] == ["http://mirror:5000"]
    assert more["default-address-pools"] == [{"base": "10.201.0.0/16", "size": 24}]
    assert set(more) - set(DECLARED) == {"registry-mirrors", "default-address-pools"}


MIRROR = {"registry-mirrors": ["http://mirror:5000"]}
POOLS = {"default-address-pools": [{"base": "10.201.0.0/16", "size": 24}]}


def with_record(daemon: dict[str, object], record: object) -> DockerState:
    state = with_daemon({**DECLARED, **daemon})
    raw = record if isinstance(record, bytes) else json.dumps(record).encode()
    return dataclasses.replace(state, files={**state.files, docker_daemon.RECORD: ("644|0|0", raw)})


@pytest.mark.parametrize(
    ("present", "record", "left", "load"),
    [
        (MIRROR, MIRROR, {}, "restart"),
        (POOLS, POOLS, {}, "restart"),
        ({**MIRROR, **POOLS}, POOLS, MIRROR, "restart"),
    ],
)
def test_what_a_setting_had_put_into_daemon_json_goes_with_the_setting(
    present: dict[str, object], record: object, left: dict[str, object], load: str
) -> None:
    change = docker_daemon.daemon_changes(settings_of(), with_record(present, record))
    assert change is not None
    assert json.loads(change.content or "") == {**DECLARED, **left}
    assert (change.load, json.loads(change.record[1])) == (load, {})
    assert json.loads(change.record[0]) == record
    assert docker_daemon.daemon_changes(settings_of(), with_record(left, {})) is None


@pytest.mark.parametrize("record", [{}, b"", b"[]", {"registry-mirrors": ["http://former:5000"]}])
def test_what_an_operator_wrote_stays(record: object) -> None:
    change = docker_daemon.daemon_changes(settings_of(), with_record(MIRROR, record))
    assert change is None or change.content is None
    assert docker_daemon.daemon_changes(settings_of(), with_daemon({**DECLARED, **MIRROR})) is None


def test_what_was_there_already_does_not_become_this_tools() -> None:
    settings = settings_of(registry_mirrors=["http://mirror:5000"])
    assert docker_daemon.daemon_changes(settings, with_daemon({**DECLARED, **MIRROR})) is None
    change = docker_daemon.daemon_changes(settings, with_daemon(DECLARED))
    assert change is not None
    assert [json.loads(one) for one in change.record] == [MIRROR, MIRROR]
    assert docker_daemon.daemon_changes(settings, with_record(MIRROR, MIRROR)) is None


def test_a_record_of_what_is_there_no_longer_is_put_right_without_touching_the_daemon() -> None:
    change = docker_daemon.daemon_changes(settings_of(), with_record({}, MIRROR))
    assert change is not None
    assert (change.content, change.load, change.record[1]) == (None, "none", "{}")


@pytest.mark.parametrize(
    ("data", "load"),
    [
        # One that dockerd refuses would show at its next start alone, perhaps that of a boot.
        ({"registry_mirrors": ["http://mirror:5000"]}, "restart"),
        ({"docker_address_pools": [{"base": "10.201.0.0/16", "size": 24}]}, "restart"),
        ({"docker_log_max_size": "20m"}, "restart"),
    ],
)
def test_the_daemon_restarts_only_for_keys_that_a_reload_does_not_take_up(
    data: dict[str, object], load: str
) -> None:
    change = docker_daemon.daemon_changes(settings_of(**data), FIT)
    assert change is not None
    assert change.load == load


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
    program(tmp_path / "bin", "systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    text = script_text("docker_state").replace("/etc/", f"{tmp_path}/etc/")
    text = text.replace("/run/systemd", f"{tmp_path}/run/systemd")
    ran = run_text(text, first_on_path=tmp_path / "bin")
    assert (ran.status, ran.err) == (1, "Failed to connect to bus\n")


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
    assert "did not arrive whole" in said
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
    assert "bad\ndockerd rejects the merged" in said
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
    assert "docker.service does not start." in said
    assert "Correct the cause and run again." in said
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
    assert f"The former {file} is back, and Docker runs" in said
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
        assert f"The former {file} is back, and Docker runs" in said
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


def test_a_docker_sources_of_somebody_elses_is_set_aside_or_left() -> None:
    theirs = changed(
        files={**FIT.files, SOURCES: ("644|0|0", b"Types: deb\n")},
        sources={SOURCES: frozenset({(GOAL.address, GOAL.suite, KEYRING)})},
    )
    assert docker_packages.doubled(GOAL, theirs) == [SOURCES]
    more = {SOURCES: theirs.sources[SOURCES] | {("http://x", "y", "-")}}
    assert docker_packages.doubled(GOAL, dataclasses.replace(theirs, sources=more)) == []
    assert docker_packages.naming(GOAL, dataclasses.replace(theirs, sources=more)) == {
        SOURCES: {"http://x"}
    }
    distribution = docker_packages.wanted(
        settings_of(docker_source="distribution"), "debian", "x", "x86_64"
    )
    assert Change(f"file {SOURCES}", Code.UNDECLARED) in docker_packages.install_changes(
        distribution, FIT
    )
    assert not [
        one
        for one in docker_packages.install_changes(distribution, theirs)
        if SOURCES in one.subject
    ]


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
    assert ("no Release file" if by_update else "key cannot be fetched") in ran.err
    assert "The sources of apt are as they were before." in ran.err
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
    assert "With docker.io runc these would go as well: podman - they are left alone" in ran.err
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
    assert "waiting for another apt or dpkg to end" in ran.out


@pytest.mark.parametrize("folder", ["/var/lib/apt/lists", "/var/cache/apt/archives"])
def test_the_installer_waits_for_lists_and_archives_too(tmp_path: Path, folder: str) -> None:
    """The words of apt 2.4 to 3.0; its own waiting is for dpkg's lock alone."""
    seen, said = tmp_path / "seen", f"E: Could not get lock {folder}/lock. It is held by process 7"
    once = f"[ -e {seen} ] || {{ touch {seen}; echo '{said} (apt-get)' >&2; exit 100; }}"
    ran = install(tmp_path, apt_get=once)
    assert ran.status == 0, ran.err
    assert "waiting for another apt or dpkg to end" in ran.out


def test_the_installer_does_not_wait_for_what_no_waiting_mends(tmp_path: Path) -> None:
    ran = install(tmp_path, apt_get="echo 'E: Unable to locate package x' >&2; exit 100")
    assert ran.status == 1
    assert "waiting" not in ran.out
    assert "apt-get update failed (see above)" in ran.err


def test_what_a_killed_upgrade_left_keeps_its_configuration_files(tmp_path: Path) -> None:
    """Where one was changed, dpkg asks, and nobody is there: the next run would end there, too."""
    asks = "echo 'end of file on stdin at conffile prompt' >&2; exit 1"
    ran = install(tmp_path, dpkg=f'case "$*" in *--force-confold*) ;; *) {asks} ;; esac')
    assert ran.status == 0, ran.err


def test_the_installer_says_what_dpkg_cannot_finish(tmp_path: Path) -> None:
    ran = install(tmp_path, dpkg="echo 'dpkg: error processing package x' >&2; exit 1")
    assert ran.status == 1
    assert "error processing package x\ndpkg --configure -a failed" in ran.err
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
    assert f"has the fingerprint {FINGERPRINT} {OTHER_KEY} - expected {FINGERPRINT}." in ran.err
    assert "It was not installed." in ran.err
    assert not (tmp_path / "etc").exists()
    assert "install" not in (tmp_path / "calls").read_text()
