"""The Docker that a server already has: what is refused, what is only told, and what is fine."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from borgstack import docker_fitness, docker_packages, live_docker
from borgstack.docker_daemon import DAEMON_JSON
from borgstack.live_docker import DockerState
from tests.unit.support import fit_docker_lines, settings_of

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


def said(state: DockerState, running: tuple[str, ...] = (), **data: object) -> list[str]:
    settings = settings_of(**data)
    goal = docker_packages.wanted(settings, "debian", "trixie", "x86_64")
    return [str(one) for one in docker_fitness.findings(settings, goal, state, running)]


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
    assert said(state, running=("somebodys",)) == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (changed(snap=True), ["Docker from snap", "snap remove docker"]),
        (changed(swarm=True), ["a node of a Swarm", "docker swarm leave"]),
        (changed(proxies="/root/x"), ["proxies in /root/x", "'proxies' in /etc/docker"]),
        (held("docker.io", **{"docker.io": "26.1"}), ["docker.io installed and on hold", "unhold"]),
        (
            held("docker-ce", docker_ce="5:24.0.9"),
            ["Docker Engine 25 or newer", "docker-ce 5:24.0.9 and on hold"],
        ),
        (held(docker_ce="5:24.0.9"), ["saw docker-ce 5:24.0.9."]),
        (
            changed(sources={"/etc/apt/x.list": frozenset({ANOTHERS, ("http://x", "y", "-")})}),
            ["/etc/apt/x.list, which names http://x as well"],
        ),
        (
            changed(
                files={**FIT.files, docker_packages.SOURCES: ("644|0|0", b"Types: deb\n")},
                sources={docker_packages.SOURCES: frozenset({ANOTHERS, ("http://x", "y", "-")})},
            ),
            [f"{docker_packages.SOURCES}, which names http://x as well", "one of another name"],
        ),
        (changed(plugins={HOME: "v2.4.1"}), ["Compose 2.20.2", f"{HOME}, v2.4.1", f"mv {HOME}"]),
        (changed(plugins={HOME: "2.17"}), [f"{HOME}, 2.17"]),
        (changed(plugins={HOME: ""}), ["which does not say its version"]),
        (
            changed(packages={**FIT.packages, "podman-docker": "5.4"}),
            ["podman-docker 5.4", "apt-get remove podman-docker"],
        ),
        (
            changed(packages={"runc": "1.1"}),
            ["docker.service running without docker-ce or docker.io"],
        ),
        (
            changed(packages={**FIT.packages, "containerd": "1.7"}, namespaces=("k8s.io",)),
            ["containerd", "k8s.io", "docker_source"],
        ),
        (with_daemon(b"{ not json"), [f"a JSON object in {DAEMON_JSON}", "Expecting property"]),
        (with_daemon({"userns-remap": "default"}), ["userns-remap default"]),
        (changed(flags=("--userns-remap=default",)), ["userns-remap default"]),
        (changed(flags=("--log-driver=syslog",)), ["log-driver in", "--log-driver"]),
        (changed(flags=("--log-opt", "max-size=1g")), ["log-opts in", "--log-opt"]),
        (changed(flags=("--live-restore",)), ["live-restore in", "--live-restore"]),
    ],
)
def test_what_stands_in_the_way_is_refused_once_with_what_to_do(
    state: DockerState, words: list[str]
) -> None:
    (finding,) = said(state)
    assert finding.startswith("must be put right: expected ")
    assert all(word in finding for word in words), finding


def test_a_docker_command_of_podmans_stays_whatever_the_source() -> None:
    state = DockerState(packages={"podman-docker": "5.4"})
    assert len(said(state)) == len(said(state, docker_source="distribution")) == 1


def test_a_flag_for_a_key_that_is_not_declared_is_the_operators() -> None:
    state = changed(flags=("--registry-mirror=http://m",))
    assert said(state) == []
    (finding,) = said(state, registry_mirrors=["http://mirror:5000"])
    assert "registry-mirrors in" in finding


@pytest.mark.parametrize(
    "state",
    [
        with_daemon({"iptables": False}),
        changed(flags=("--iptables=false",)),
        changed(flags=("--iptables", "false")),
    ],
)
def test_a_docker_without_rules_in_the_firewall_is_warned_of(state: DockerState) -> None:
    (finding,) = said(state)
    assert finding.startswith("warning: ")
    assert "no way out" in finding


def test_what_stops_while_the_engine_is_replaced_is_named() -> None:
    state = changed(packages={"docker.io": "26.1.5"})
    (finding,) = said(state, running=("web", "db"))
    assert finding.startswith("warning: ")
    assert "saw db, web: stopped for that time, and started again afterwards" in finding
    assert 'docker_source = "distribution"' in finding
    assert said(state) == []
