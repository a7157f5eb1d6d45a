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
from pyinfra.api import Config, Host, Inventory, State, arguments, inventory
from pyinfra.api.connect import connect_all
from pyinfra.api.operation import OperationMeta, add_op
from pyinfra.api.operations import run_ops
from pyinfra.api.state import StateStage
from pyinfra.connectors.fake import FakeConnector
from pyinfra.context import ctx_config, ctx_host, ctx_inventory, ctx_state

from borgstack import run
from borgstack.operations import run_log
from borgstack.project import render
from tests.operations.server import Server, script_of, words
from tests.unit.support import default_project, program
from tests.unit.told import values


@pytest.fixture(autouse=True)
def context() -> Iterator[None]:
    """pyinfra leaves its context set when a run ends by an exception."""
    yield
    for one in (ctx_host, ctx_state, ctx_config, ctx_inventory):
        one.reset()


@pytest.fixture(autouse=True)
def rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same settings render to the same project, and parsing its YAML takes a while."""
    default = default_project()
    monkeypatch.setattr(
        run, "render", lambda one: default if one == default.settings else render(one)
    )


@pytest.fixture(scope="session", autouse=True)
def read_once() -> Iterator[None]:
    """What pyinfra finds out anew each time: for every inventory which connectors the installed
    packages have, for every operation which types its global arguments are.
    """
    names = ((inventory, "get_all_connectors"), (inventory, "get_execution_connectors"))
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (*names, (arguments, "all_global_arguments")):
            patch.setattr(module, name, cache(getattr(module, name)))
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


class Answers(dict[str, Answer]):
    """`fake_responses` of one host: those of its server, and before them those of the test."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server

    def __bool__(self) -> bool:
        return True

    def items(self) -> Any:  # noqa: ANN401 - pyinfra's connector only walks over it
        """Each script's answer as it is now; the word `borgstack-NAME` stands in each command."""
        both = {**self.server.answers, **self}
        return {f"borgstack-{script}": lines for script, lines in both.items()}.items()


def serve(connector: FakeConnector, server: Server) -> Answers:
    """Have a fake connection reach a server, which what runs there changes."""
    answers = Answers(server)
    plain = connector.run_shell_command

    def run_shell_command(command: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        ended, output = plain(command, *rest, **named)
        if ended:
            server.react(*words(connector.executed_commands[-1]))
        return ended, output

    # Set here and not as host data, which would be settings of ours.
    data: Any = {"fake_delay": 0, "fake_delay_jitter": 0, "fake_responses": answers}
    connector.data = data
    connector.run_shell_command = run_shell_command  # type: ignore[method-assign]
    return answers


@dataclass
class FakeHosts:
    """Hosts on which nothing differs, until the test says what they answer instead."""

    state: State
    names: tuple[str, ...]
    servers: Mapping[str, Server] = field(default_factory=dict)

    def host(self, name: str) -> Host:
        found = self.state.inventory.get_host(f"@fake/{name}")
        assert found is not None
        return found

    def differ(self, name: str, **scripts: list[str]) -> None:
        """What a server answers to a script until a command changes that."""
        self.servers[name].answers.update(scripts)

    def answer(self, name: str, **scripts: Answer) -> None:
        """What a host answers to a script whatever has run."""
        connector: Any = self.host(name).connector
        connector.data["fake_responses"].update(scripts)

    def refused(self, name: str) -> set[str]:
        """The words of why a host was refused, to look for names and numbers in."""
        return values("\n".join(run_log(self.host(name)).refusals))

    def scripts(self, name: str) -> list[str]:
        """The scripts that ran on a host, in order; every command of ours is one of them."""
        connector: Any = self.host(name).connector
        return [script_of(command) for command in connector.executed_commands]

    def arguments(self, name: str, script: str) -> list[str]:
        """What the one run of a script on a host was told."""
        (found,) = self.all_arguments(name, script)
        return found

    def all_arguments(self, name: str, script: str) -> list[list[str]]:
        """What each run of a script on a host was told."""
        ran: Any = self.host(name).connector.executed_commands
        return [words(command)[1:] for command in ran if script_of(command) == script]


FakeFactory = Callable[..., FakeHosts]


@pytest.fixture
def fake_hosts() -> FakeFactory:
    def make(
        *names: str, plan: bool = False, data: Mapping[str, object] | None = None
    ) -> FakeHosts:
        hosts = [(f"@fake/{name}", dict(data or {})) for name in names]
        found = FakeHosts(connected(*hosts, plan=plan), names, {name: Server() for name in names})
        for name, server in found.servers.items():
            connector: Any = found.host(name).connector
            serve(connector, server)
        return found

    return make


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` on PATH that accepts everything, until a test puts `reject-compose`,
    `reject-caddy`, `no-start` or `no-compose` into the folder that this returns; it notes its calls
    in `calls` there.
    """
    folder = tmp_path / "docker"
    folder.mkdir()
    program(
        folder,
        "docker",
        f"""echo "$*" >>{folder}/calls
case "$*" in
compose*version) [ ! -e {folder}/no-compose ] || exit 1 ;;
compose*) [ ! -e {folder}/no-compose ] ||
    {{ echo "docker: unknown command: docker compose" >&2; exit 1; }}
  [ ! -e {folder}/reject-compose ] || {{ echo "compose: bad yaml" >&2; exit 1; }} ;;
run*) [ ! -e {folder}/no-start ] ||
    {{ echo "docker: Error response from daemon: runc"; exit 125; }}
  [ ! -e {folder}/reject-caddy ] || {{ echo "Error: caddy: bad directive"; exit 1; }} ;;
*) echo "unexpected: $*" >&2; exit 9 ;;
esac""",
    )
    (folder / "calls").touch()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder
