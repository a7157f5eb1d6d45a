"""Runs of pyinfra through its API, without its CLI and without a connection: `@local` executes for
real in temp directories, `@fake` answers with what a test says and notes every command.

pyinfra's own connectors use gevent's subprocess and pool by name, so nothing is monkey-patched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from pyinfra.api import Config, Host, Inventory, State, inventory
from pyinfra.api.connect import connect_all
from pyinfra.api.operation import OperationMeta, add_op
from pyinfra.api.operations import run_ops
from pyinfra.api.state import StateStage
from pyinfra.context import ctx_host, ctx_state

from tests.unit.support import program


@pytest.fixture(autouse=True)
def context() -> Iterator[None]:
    """pyinfra leaves its context set when a run ends by an exception."""
    yield
    ctx_host.reset()
    ctx_state.reset()


@pytest.fixture(scope="session", autouse=True)
def connectors_read_once() -> Iterator[None]:
    """pyinfra asks every installed package for connectors whenever it makes an inventory."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("get_all_connectors", "get_execution_connectors"):
            patch.setattr(inventory, name, cache(getattr(inventory, name)))
        yield


@pytest.fixture(autouse=True)
def messages(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What the operator would read."""
    caplog.set_level(logging.INFO, logger="pyinfra")
    return caplog


def connected(*hosts: Any, plan: bool = False) -> State:  # noqa: ANN401 - pyinfra's own form
    """A state as the CLI has it after connecting; `plan` runs the operations once to see."""
    state = State(Inventory((list(hosts), {})), Config(), check_for_changes=plan)
    state.set_stage(StateStage.Connect)
    connect_all(state)
    state.set_stage(StateStage.Prepare)
    return state


def execute(state: State) -> None:
    state.set_stage(StateStage.Execute)
    run_ops(state)


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pyinfra print, which it leaves to its CLI."""
    monkeypatch.setattr("pyinfra.api.output._echo", click.echo)


def run_local(operation: Any, *, loud: bool = False, **arguments: Any) -> OperationMeta:  # noqa: ANN401
    """Run one operation on this machine, as `pyinfra -y @local` would; `loud` is its -vvv."""
    state = connected("@local")
    for flag in ("print_input", "print_output", "print_fact_input", "print_fact_output"):
        setattr(state, flag, loud)
    (meta,) = add_op(state, operation, name="under test", **arguments).values()
    execute(state)
    result: OperationMeta = meta
    return result


Answer = str | list[str] | dict[str, Any]


@dataclass
class FakeHosts:
    """Hosts that answer each of our scripts with what the test says."""

    state: State
    names: tuple[str, ...]
    answers: Mapping[str, Mapping[str, Answer]] = field(default_factory=dict)

    def host(self, name: str) -> Host:
        found = self.state.inventory.get_host(f"@fake/{name}")
        assert found is not None
        return found

    def answer(self, name: str, **scripts: Answer) -> None:
        """What a host says to a script; the word `borgstack-NAME` stands in each command."""
        connector: Any = self.host(name).connector
        for script, lines in scripts.items():
            connector.data["fake_responses"][f"borgstack-{script}"] = lines

    def scripts(self, name: str) -> list[str]:
        """The scripts that ran on a host, in order; every command of ours is one of them."""
        connector: Any = self.host(name).connector
        return [
            command.rpartition("borgstack-")[2].split(" ")[0]
            for command in connector.executed_commands
        ]


FakeFactory = Callable[..., FakeHosts]


@pytest.fixture
def fake_hosts() -> FakeFactory:
    def make(
        *names: str, plan: bool = False, data: Mapping[str, object] | None = None
    ) -> FakeHosts:
        hosts = [(f"@fake/{name}", dict(data or {})) for name in names]
        state = connected(*hosts, plan=plan)
        for host in state.inventory:
            connector: Any = host.connector
            # Set here and not as host data, which would be settings of ours.
            connector.data = {"fake_delay": 0, "fake_delay_jitter": 0, "fake_responses": {}}
        return FakeHosts(state, names)

    return make


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` on PATH that accepts everything, until a test puts `reject-compose` or
    `reject-caddy` into the folder that this returns; it notes its calls in `calls` there.
    """
    folder = tmp_path / "docker"
    folder.mkdir()
    program(
        folder,
        "docker",
        f"""echo "$*" >>{folder}/calls
case "$*" in
compose*) [ ! -e {folder}/reject-compose ] || {{ echo "compose: bad yaml" >&2; exit 1; }} ;;
run*) [ ! -e {folder}/reject-caddy ] || {{ echo "Error: caddy: bad directive"; exit 1; }} ;;
*) echo "unexpected: $*" >&2; exit 9 ;;
esac""",
    )
    (folder / "calls").touch()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder
