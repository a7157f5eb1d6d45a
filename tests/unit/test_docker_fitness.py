"""The Docker that a server already has: what is refused, what is only told, and what is fine."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from borgstack import docker_fitness, docker_packages, live_docker
from borgstack.docker_daemon import DAEMON_JSON
from borgstack.docker_fitness import Look
from borgstack.findings import Finding
from borgstack.live_docker import DockerState
from tests.unit.support import fit_docker_lines, settings_of
from tests.unit.told import values

SETTINGS = settings_of()
GOAL = docker_packages.wanted(SETTINGS, "debian", "trixie", "x86_64")
ANOTHERS = (GOAL.address, GOAL.suite, "/usr/share/keyrings/docker.gpg")
FIT = live_docker.parse(fit_docker_lines(SETTINGS))
HOME = "/root/.docker/cli-plugins/docker-compose"


def changed(**values: Any) -> DockerState:  # noqa: ANN401 - DockerState's own fields
    return dataclasses.replace(FIT, **values)


def with_daemon(content: object) -> DockerState:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return changed(files={**FIT.files, DAEMON_JSON: ("644|0|0", raw)})


def held(*names: str, **packages: str) -> DockerState:
    return changed(
        held=frozenset(names),
        packages={
            **FIT.packages,
            **{name.replace("_", "-"): version for name, version in packages.items()},
        },
    )


def judged(state: DockerState, running: tuple[str, ...] = (), **data: object) -> list[Finding]:
    settings = settings_of(**data)
    goal = docker_packages.wanted(settings, "debian", "trixie", "x86_64")
    return docker_fitness.findings(settings, goal, state, running)


@pytest.mark.parametrize(
    "state",
    [
        FIT,
        DockerState(),
        held("docker-ce", "docker-ce-cli", "containerd.io"),
        changed(flags=("-H", "fd://", "--containerd=/run/containerd/containerd.sock")),
        changed(flags=("--log-level", "warn", "--iptables=true")),
        changed(plugins={HOME: "2.40.3"}),
        changed(plugins={HOME: "v2.20.2-desktop.1"}),
        changed(sources={"/etc/apt/x.list": frozenset({ANOTHERS})}),
        changed(namespaces=("k8s.io",)),
        changed(packages={}, broken=("docker-ce",)),
        with_daemon({"icc": False, "no-new-privileges": True, "iptables": True}),
    ],
)
def test_what_is_fine_is_not_told_of(state: DockerState) -> None:
    assert judged(state, running=("somebodys",)) == []


@pytest.mark.parametrize(
    ("state", "look", "seen", "todo"),
    [
        (changed(snap=True), Look.SNAP, "snap", "snap remove docker"),
        (changed(swarm=True), Look.SWARM, "Swarm", "docker swarm leave"),
        (changed(proxies="/root/x"), Look.PROXIES, "/root/x", DAEMON_JSON),
        (
            held("docker.io", **{"docker.io": "26.1"}),
            Look.HELD,
            "docker.io",
            "apt-mark unhold docker.io",
        ),
        (
            held("docker-ce", docker_ce="5:24.0.9"),
            Look.ENGINE,
            "docker-ce 5:24.0.9 hold",
            "apt-mark unhold docker-ce",
        ),
        (held(docker_ce="5:24.0.9"), Look.ENGINE, "docker-ce 5:24.0.9", "apt-get install"),
        (
            changed(sources={"/etc/apt/x.list": frozenset({ANOTHERS, ("http://x", "y", "-")})}),
            Look.SOURCES,
            "/etc/apt/x.list http://x",
            "apt",
        ),
        (
            changed(
                files={**FIT.files, docker_packages.SOURCES: ("644|0|0", b"Types: deb\n")},
                sources={docker_packages.SOURCES: frozenset({ANOTHERS, ("http://x", "y", "-")})},
            ),
            Look.SOURCES,
            f"{docker_packages.SOURCES} http://x",
            "replaced",
        ),
        (changed(plugins={HOME: "v2.4.1"}), Look.COMPOSE, f"{HOME} v2.4.1", f"mv {HOME}"),
        (changed(plugins={HOME: "2.17"}), Look.COMPOSE, f"{HOME} 2.17", f"mv {HOME}"),
        (changed(plugins={HOME: ""}), Look.COMPOSE, f"{HOME} version", f"mv {HOME}"),
        (
            changed(packages={**FIT.packages, "podman-docker": "5.4"}),
            Look.PODMAN,
            "podman-docker 5.4",
            "apt-get remove podman-docker",
        ),
        (
            changed(packages={"runc": "1.1"}),
            Look.OTHER_ENGINE,
            "docker.service docker-ce docker.io",
            "systemctl cat docker.service",
        ),
        (
            changed(packages={**FIT.packages, "containerd": "1.7"}, namespaces=("k8s.io",)),
            Look.CONTAINERD,
            "k8s.io",
            '"distribution"',
        ),
        (with_daemon(b"{ not json"), Look.DAEMON_JSON, "Expecting property", ""),
        (with_daemon({"userns-remap": "default"}), Look.USERNS, "default", DAEMON_JSON),
        (changed(flags=("--userns-remap=default",)), Look.USERNS, "default", DAEMON_JSON),
        (changed(flags=("--log-driver=syslog",)), Look.FLAG, "--log-driver", "systemctl cat"),
        (changed(flags=("--log-opt", "max-size=1g")), Look.FLAG, "--log-opt", "systemctl cat"),
        (changed(flags=("--live-restore",)), Look.FLAG, "--live-restore", "systemctl cat"),
    ],
)
def test_what_stands_in_the_way_is_refused_once_with_what_to_do(
    state: DockerState, look: Look, seen: str, todo: str
) -> None:
    (finding,) = judged(state)
    assert (finding.name, finding.fatal) == (look, True)
    assert set(seen.split()) <= values(finding.seen)
    assert todo in finding.next
    assert finding.next


def test_a_docker_command_of_podmans_stays_whatever_the_source() -> None:
    state = DockerState(packages={"podman-docker": "5.4"})
    assert len(judged(state)) == len(judged(state, docker_source="distribution")) == 1


def test_a_flag_for_a_key_that_is_not_declared_is_the_operators() -> None:
    state = changed(flags=("--registry-mirror=http://m",))
    assert judged(state) == []
    (finding,) = judged(state, registry_mirrors=["http://mirror:5000"])
    assert (finding.name, finding.fatal) == (Look.FLAG, True)
    assert "registry-mirrors" in values(finding.expected)


@pytest.mark.parametrize(
    "state",
    [
        with_daemon({"iptables": False}),
        changed(flags=("--iptables=false",)),
        changed(flags=("--iptables", "false")),
    ],
)
def test_a_docker_without_rules_in_the_firewall_is_warned_of(state: DockerState) -> None:
    (finding,) = judged(state)
    assert (finding.name, finding.fatal) == (Look.FIREWALL, False)
    assert DAEMON_JSON in finding.next


def test_what_stops_while_the_engine_is_replaced_is_named() -> None:
    state = changed(packages={"docker.io": "26.1.5"})
    (finding,) = judged(state, running=("web", "db"))
    assert (finding.name, finding.fatal) == (Look.STOPPING, False)
    assert {"db", "web"} <= values(finding.seen)
    assert 'docker_source = "distribution"' in finding.next
    assert judged(state) == []
