"""Is the Docker that a server already has one that this tool can work with? Nothing is touched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from borgstack.docker_daemon import DAEMON_JSON, UnreadableDaemonJson, daemon_json, daemon_settings
from borgstack.docker_packages import LEAST_ENGINE, SOURCES, Wanted, naming, too_old
from borgstack.findings import Finding, missing, warning
from borgstack.live_docker import DockerState
from borgstack.settings import Settings

LEAST_COMPOSE = (2, 20, 2)
"""The first with `start_interval` for health checks."""
ENGINES = ("docker-ce", "docker.io")
CONTAINERD = ("containerd", "containerd.io")
_FLAGS = {
    "log-driver": "log-driver",
    "log-opts": "log-opt",
    "live-restore": "live-restore",
    "registry-mirrors": "registry-mirror",
    "default-address-pools": "default-address-pool",
}
"""The flag of dockerd for each key that this tool may put into daemon.json."""


class Look(StrEnum):
    """What is looked at: the name of a finding."""

    SNAP = "snap"
    SWARM = "swarm"
    PROXIES = "proxies"
    HELD = "held"
    ENGINE = "engine"
    PODMAN = "podman"
    OTHER_ENGINE = "other_engine"
    CONTAINERD = "containerd"
    SOURCES = "sources"
    COMPOSE = "compose"
    DAEMON_JSON = "daemon_json"
    USERNS = "userns"
    FIREWALL = "firewall"
    FLAG = "flag"
    STOPPING = "stopping"


def findings(
    settings: Settings, goal: Wanted, state: DockerState, running: Iterable[str]
) -> list[Finding]:
    """Everything about this host's Docker that stands in the way, or may.

    :param running: names of the containers that run.
    """
    return [
        *_snap(state),
        *_swarm(state),
        *_proxies(state),
        *_packages(goal, state),
        *_of_others(goal, state),
        *_sources(goal, state),
        *_plugins(state),
        *_options(settings, state),
        *_stopping(goal, state, sorted(running)),
    ]


def _snap(state: DockerState) -> Iterable[Finding]:
    if state.snap:
        yield missing(
            Look.SNAP,
            "Docker from packages, or none",
            "Docker from snap, which neither reads /etc/docker nor may enter /opt",
            "Move what runs in it elsewhere, then 'snap remove docker'.",
        )


def _swarm(state: DockerState) -> Iterable[Finding]:
    if state.swarm:
        yield missing(
            Look.SWARM,
            "a Docker that is in no Swarm, since live-restore and Swarm exclude each other",
            "a node of a Swarm",
            "Take another host; or 'docker swarm leave' if nothing needs it.",
        )


def _proxies(state: DockerState) -> Iterable[Finding]:
    if state.proxies:
        yield missing(
            Look.PROXIES,
            "containers without a proxy: what they ask of each other, and the checks of their "
            "health, would go there",
            f"proxies in {state.proxies}, which Compose hands to every container",
            f"Take them out. For pulls the daemon has its own: 'proxies' in {DAEMON_JSON}.",
        )


def _packages(goal: Wanted, state: DockerState) -> Iterable[Finding]:
    for name in goal.conflicts:
        if name in state.held:
            yield missing(
                Look.HELD,
                f'no {name}, with docker_source = "{"docker" if goal.sources else "distribution"}"',
                f"{name} installed and on hold",
                f"'apt-mark unhold {name}', or set the other docker_source.",
            )
    old = too_old(state)
    if old and old.split()[0] in goal.packages:
        name = old.split()[0]
        held = " and on hold" if name in state.held else ""
        yield missing(
            Look.ENGINE,
            f"Docker Engine {LEAST_ENGINE} or newer",
            f"{old}{held}",
            f"'apt-mark unhold {name}; apt-get update; apt-get install {name}' when it may restart."
            + ("" if goal.sources else ' Or set docker_source = "docker".'),
        )


def _of_others(goal: Wanted, state: DockerState) -> Iterable[Finding]:
    """What the packages of this tool would put out of the way, and nobody has given it."""
    if "podman-docker" in state.packages:
        yield missing(
            Look.PODMAN,
            "a command docker that is Docker's",
            f"podman-docker {state.packages['podman-docker']}, which excludes Docker's packages",
            "'apt-get remove podman-docker' when nothing calls Podman by that name; Podman and its "
            "containers stay.",
        )
    of_dockers = {*state.packages, *state.broken} - {*CONTAINERD, "runc", "docker-doc"}
    if state.running and not of_dockers:
        yield missing(
            Look.OTHER_ENGINE,
            "Docker from packages that this tool knows, or none",
            f"docker.service running without {' or '.join(ENGINES)}",
            "'systemctl cat docker.service' shows what it starts. Move what runs in it elsewhere "
            "and remove it; or replace it yourself by one of these packages.",
        )
    replaced = [one for one in CONTAINERD if one in goal.conflicts and one in state.packages]
    if replaced and state.namespaces:
        yield missing(
            Look.CONTAINERD,
            f"nothing but Docker to run in {replaced[0]}, which goes",
            f"containers in its namespace {' and '.join(state.namespaces)}",
            "Take another host, or the docker_source that keeps it: "
            f'"{"distribution" if goal.sources else "docker"}".',
        )


def _sources(goal: Wanted, state: DockerState) -> Iterable[Finding]:
    for path, others in naming(goal, state).items():
        if others:
            yield missing(
                Look.SOURCES,
                f"{goal.address} in a file of its own",
                f"{path}, which names {', '.join(sorted(others))} as well",
                "Have what else the file names in one of another name: this one is replaced."
                if path == SOURCES
                else "Take that repository out of the file: a second entry with another key makes "
                "apt refuse all.",
            )


def _plugins(state: DockerState) -> Iterable[Finding]:
    for path, version in state.plugins.items():
        numbers = tuple(int(word) for word in re.findall(r"\d+", version)[:3])
        if numbers < LEAST_COMPOSE:
            yield missing(
                Look.COMPOSE,
                f"Compose {'.'.join(map(str, LEAST_COMPOSE))} or newer as Docker's plugin",
                f"{path}, {version or 'which does not say its version'}, before the package's",
                f"Put it elsewhere: 'mv {path} /root/old-docker-compose'.",
            )


def option(state: DockerState, key: str, flag: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """What dockerd is told by daemon.json or by a flag; None when by neither."""
    flags = " ".join(state.flags)
    given = re.search(rf"(?:^| )--{flag}(?:[= ](?!-)(\S+))?(?= |$)", flags)
    if given:
        return given[1] or "true"
    return daemon_json(state)[1].get(key)


def _options(settings: Settings, state: DockerState) -> Iterable[Finding]:
    try:
        daemon_json(state)
    except UnreadableDaemonJson as error:
        yield missing(
            Look.DAEMON_JSON,
            f"a JSON object in {DAEMON_JSON}",
            str(error),
            "The file was left as it is; correct it on the host and run again.",
        )
        return
    remapped = option(state, "userns-remap", "userns-remap")
    if remapped:
        yield missing(
            Look.USERNS,
            "containers whose root is the host's, which owns the stack's files and volumes",
            f"userns-remap {remapped}",
            f"Take it out of {DAEMON_JSON}; with it dockerd keeps images and volumes elsewhere, so "
            "look at what runs there first.",
        )
    if str(option(state, "iptables", "iptables")).lower() == "false":
        yield warning(
            Look.FIREWALL,
            "Docker to make its rules in the firewall",
            "iptables switched off: without rules of your own, containers have no way out, so no "
            "certificate, no mail and no WhatsApp",
            f"Take it out of {DAEMON_JSON}, or write these rules yourself.",
        )
    flags = " ".join(state.flags)
    for key in daemon_settings(settings):
        if re.search(rf"(?:^| )--{_FLAGS[key]}(?:[= ]|$)", flags):
            yield missing(
                Look.FLAG,
                f"{key} in {DAEMON_JSON} alone",
                f"dockerd started with --{_FLAGS[key]}: with both it does not start",
                "Take the flag out of the unit ('systemctl cat docker.service' shows the file).",
            )


def _stopping(goal: Wanted, state: DockerState, running: list[str]) -> Iterable[Finding]:
    replaced = [name for name in ENGINES if name in goal.conflicts and name in state.packages]
    if replaced and running:
        yield warning(
            Look.STOPPING,
            f"no container to depend on {replaced[0]}, which {goal.packages[0]} replaces",
            f"{', '.join(running)}: stopped for that time, and started again afterwards",
            f'To keep {replaced[0]}, set docker_source = "'
            f'{"distribution" if goal.sources else "docker"}".',
        )
