"""What a host may print, and what the comparisons make of it: a value or the one known error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyinfra.api import FactBase
from pyinfra.api.exceptions import FactProcessError

from borgstack import docker_daemon, services, stack
from borgstack.change import Code
from borgstack.docker_daemon import DAEMON_JSON, UnreadableDaemonJson
from borgstack.facts.docker import Docker
from borgstack.facts.env import Env
from borgstack.facts.files import Files, MaskedFiles
from borgstack.facts.preflight import Server
from borgstack.facts.stack import Stack
from borgstack.live_docker import DockerState
from borgstack.preflight import findings
from borgstack.project import file_changes
from borgstack.services.n8n import workflows
from tests.unit.support import (
    default_project,
    fit_docker_lines,
    fit_file_lines,
    fit_server_lines,
    fit_stack_lines,
    settings_of,
)

PROJECT = default_project()
FIT: Mapping[type[FactBase[Any]], Sequence[str]] = {
    Stack: fit_stack_lines(PROJECT),
    Docker: fit_docker_lines(settings_of()),
    Server: fit_server_lines(),
    Files: fit_file_lines(PROJECT),
    MaskedFiles: ("file a", "|x", "file b"),
    Env: (
        "file regular file|600|0|0",
        "problem 3 open_quote",
        "entry DOMAIN ok",
        "digest X 0",
        "leftover a",
    ),
}
words = st.text(st.characters(exclude_characters="\n"), max_size=12)


@st.composite
def disturbed(draw: st.DrawFn, lines: Sequence[str]) -> list[str]:
    """A host's lines, some of them gone, doubled, cut, or with something else in them."""
    result = []
    for line in draw(st.lists(st.sampled_from(list(lines)), max_size=30)):
        cut = draw(st.integers(0, len(line)))
        change = draw(st.sampled_from(["keep", "keep", "keep", "cut", "insert", "replace", "only"]))
        kinds = {
            "keep": line,
            "cut": line[:cut],
            "insert": line[:cut] + draw(words) + line[cut:],
            "replace": line[:cut] + draw(words),
            "only": draw(words),
        }
        result.append(kinds[change])
    return result


def read(fact: type[FactBase[Any]], lines: list[str]) -> Any:  # noqa: ANN401 - the fact's own
    """The fact's value, or None when it refuses the lines as it says it does."""
    try:
        return fact().process(lines)
    except FactProcessError:
        return None


@pytest.mark.parametrize("fact", FIT, ids=lambda fact: fact.__name__)
@given(data=st.data())
def test_whatever_a_host_prints_is_a_value_or_the_known_error(
    fact: type[FactBase[Any]], data: st.DataObject
) -> None:
    read(fact, data.draw(disturbed(FIT[fact])))


@given(disturbed(FIT[Stack]))
def test_any_stack_can_be_compared(lines: list[str]) -> None:
    live = read(Stack, lines)
    if live is None:
        return
    for change in stack.service_changes(PROJECT, PROJECT.services, live):
        assert change.action in {"up", "replace", "recreate", "unpause"}
        assert change.word.count(":") == (3 if change.one_shot else 2)
    stack.missing_images(PROJECT, live)
    stack.unready(PROJECT, PROJECT.services, live)
    stack.prepare_change(PROJECT, live)
    for service in services.SERVICES:
        held = live.states.get(service.name)
        if service.state and held is not None:
            found = service.state.changes(PROJECT.wanted, held)
            assert all(str(change) for change in found)
            if service.state.orders:
                assert all(service.state.orders(PROJECT.wanted, held))
            service.state.faults(held)
    if live.states.get("n8n") is not None:
        assert all(workflows.workflow_changes(PROJECT.settings, live.states["n8n"]))


@given(st.permutations(FIT[Stack]))
def test_a_stack_that_fits_fits_in_any_order(lines: list[str]) -> None:
    live = Stack().process(lines)
    assert stack.service_changes(PROJECT, PROJECT.services, live) == []
    assert stack.missing_images(PROJECT, live) == []
    assert stack.prepare_change(PROJECT, live) is None
    assert workflows.workflow_changes(PROJECT.settings, live.states["n8n"]) == []
    for service in services.SERVICES:
        assert service.state is not None
        assert service.state.changes(PROJECT.wanted, live.states[service.name]) == []


@given(disturbed(FIT[Files]))
def test_any_file_can_be_compared(lines: list[str]) -> None:
    found = read(Files, lines)
    for file in PROJECT.files:
        seen = None if found is None else found.get(file.path)
        assert seen == file.expected or file_changes(file, seen)
        assert [one.code for one in file_changes(file, file.expected)] == [Code.FOLLOWS]


@given(disturbed(FIT[Server]), st.booleans(), st.none() | st.booleans(), st.integers())
def test_any_server_can_be_judged(
    lines: list[str], sudo: bool, caddy: bool | None, room: int
) -> None:
    server = read(Server, lines)
    if server is not None:
        found = findings(
            settings_of(), server, sudo=sudo, caddy_runs=caddy, published={}, room=room
        )
        assert all(str(one) for one in found)


keys = st.sampled_from(["log-driver", "log-opts", "live-restore", "max-size", "max-file", "dns"])
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words, st.just("3"))
trees = st.recursive(
    leaves, lambda one: st.lists(one, max_size=2) | st.dictionaries(keys | words, one, max_size=4)
)
files = st.one_of(
    st.dictionaries(keys | words, trees, max_size=5).map(lambda tree: json.dumps(tree).encode()),
    st.binary(max_size=20),
)


def kept(present: object, merged: object, declared: object) -> None:
    """Every key of the operator's is there, with its value where the project declares none."""
    if isinstance(present, dict) and isinstance(declared, dict):
        assert isinstance(merged, dict)
        for key, value in present.items():
            kept(value, merged[key], declared.get(key))
    elif declared is None:
        assert json.dumps(merged) == json.dumps(present)
    else:
        assert json.dumps(merged) == json.dumps(declared)


@given(files)
@example(b'{"live-restore": 1}')
@example(b'{"dns": NaN}')
@example(b"[" * 100_000)
def test_daemon_json_is_merged_once_and_keeps_the_operators_keys(raw: bytes) -> None:
    settings = settings_of()

    def compared(content: bytes) -> docker_daemon.DaemonChange | None:
        unit = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}
        held = {DAEMON_JSON: ("644|0|0", content)}
        return docker_daemon.daemon_changes(
            settings, DockerState(files=held, unit=unit, loaded=True)
        )

    try:
        change = compared(raw)
    except UnreadableDaemonJson:
        return
    merged = json.loads(raw or b"{}") if change is None else json.loads(change.content or "null")
    present = json.loads(raw or b"{}")
    for name in docker_daemon.foreign_options(present):  # another log driver's alone
        del present["log-opts"][name]
    kept(present, merged, docker_daemon.daemon_settings(settings))
    assert compared(json.dumps(merged).encode()) is None
