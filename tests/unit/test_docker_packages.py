"""Docker's packages, source and key: what is compared, and what a difference leads to."""

from __future__ import annotations

import dataclasses

import pytest

from borgstack import docker_packages
from borgstack.change import Change, Code
from borgstack.docker_packages import KEYRING, SOURCES
from borgstack.live_docker import DockerState
from tests.unit.changes import keys
from tests.unit.docker_states import FINGERPRINT, FIT, GOAL, OTHER_KEY, changed, without_file
from tests.unit.support import settings_of

ANOTHERS = (GOAL.address, GOAL.suite, "/usr/share/keyrings/docker.gpg")


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
