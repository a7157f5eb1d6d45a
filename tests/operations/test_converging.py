"""What holds for every operation: a plan changes nothing, what was seen is dropped as soon as it
may be stale, a refusal stops its own host only, and the operator sees what a long command says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError, PyinfraError
from pyinfra.api.operation import add_op
from pyinfra.context import ctx_host, ctx_state

from borgstack.facts.env import Env
from borgstack.operations import Commands, cached_fact, converging_operation, refuse, streamed
from tests.operations.conftest import Answer, FakeFactory, FakeHosts, connected, execute, run_local

LOOK = "borgstack-look"
CHANGE = StringCommand("sh -c true borgstack-change")


class Look(FactBase[list[str]]):
    """A fact of this test."""

    def command(self) -> StringCommand:
        return StringCommand("sh", "-c", "true", LOOK)

    def process(self, output: list[str]) -> list[str]:
        if output == ["unreadable"]:
            raise FactProcessError("the fact cannot be read")
        return output


@converging_operation
def look_twice() -> Commands:
    cached_fact(Look)
    cached_fact(Look)
    yield from ()


@converging_operation
def change_between_looks() -> Commands:
    cached_fact(Look)
    yield CHANGE
    cached_fact(Look)
    cached_fact(Look)


UNFIT = "expected a fit host; saw this one."


@converging_operation
def refuse_if_told() -> Commands:
    if cached_fact(Look) == ["refuse"]:
        yield from refuse([UNFIT])
        return
    yield CHANGE


def run(hosts: FakeHosts, *operations: Any) -> None:  # noqa: ANN401 - any operation
    for operation in operations:
        add_op(hosts.state, operation, name=operation.__name__)
    execute(hosts.state)


def test_a_fact_is_read_once_by_operations_that_change_nothing(fake_hosts: FakeFactory) -> None:
    hosts = fake_hosts("one")
    run(hosts, look_twice, look_twice)
    assert hosts.scripts("one") == ["look"]


def test_what_was_seen_is_dropped_after_a_change(fake_hosts: FakeFactory) -> None:
    hosts = fake_hosts("one")
    run(hosts, look_twice, change_between_looks, look_twice)
    assert hosts.scripts("one") == ["look", "change", "look"]


def test_what_one_host_sees_another_one_does_not(fake_hosts: FakeFactory) -> None:
    hosts = fake_hosts("one", "two")
    run(hosts, look_twice)
    assert [hosts.scripts(name) for name in hosts.names] == [["look"], ["look"]]


def test_the_plan_looks_and_changes_nothing(fake_hosts: FakeFactory) -> None:
    hosts = fake_hosts("one", plan=True)
    (meta,) = add_op(hosts.state, change_between_looks, name="x").values()
    assert hosts.scripts("one") == ["look"]
    assert meta.will_change


def test_what_the_plan_saw_is_dropped_before_the_execution(fake_hosts: FakeFactory) -> None:
    hosts = fake_hosts("one", plan=True)
    add_op(hosts.state, change_between_looks, name="x")
    execute(hosts.state)
    assert hosts.scripts("one") == ["look", "look", "change", "look"]


def test_a_fact_with_other_arguments_is_another_fact(fake_hosts: FakeFactory) -> None:
    hosts = fake_hosts("one")
    host = hosts.host("one")
    hosts.answer("one", env_state=["file missing"])
    with ctx_state.use(hosts.state), ctx_host.use(host):
        for path in ("/a", "/b", "/a"):
            cached_fact(Env, path=path, salt="s", rules=())
    assert hosts.scripts("one") == ["env_state", "env_state"]


@pytest.mark.parametrize("plan", [True, False])
def test_a_refusal_stops_its_own_host_and_no_other(
    fake_hosts: FakeFactory, messages: pytest.LogCaptureFixture, *, plan: bool
) -> None:
    hosts = fake_hosts("fit", "unfit", plan=plan)
    hosts.answer("unfit", look="refuse")
    run(hosts, refuse_if_told, change_between_looks)
    assert "change" not in hosts.scripts("unfit")
    assert hosts.scripts("fit").count("change") == 2
    assert {host.name for host in hosts.state.failed_hosts} == {"@fake/unfit"}
    assert f"[@fake/unfit] {UNFIT}" in messages.text
    assert f"[@fake/fit] {UNFIT}" not in messages.text


@pytest.mark.parametrize(
    "answer", [{"success": False, "stderr": "boom"}, "unreadable"], ids=["fails", "unreadable"]
)
@pytest.mark.parametrize("plan", [True, False])
def test_a_fact_that_cannot_be_read_stops_its_own_host_and_no_other(
    fake_hosts: FakeFactory,
    answer: Answer,
    *,
    plan: bool,
) -> None:
    hosts = fake_hosts("well", "ill", plan=plan)
    hosts.answer("ill", look=answer)
    run(hosts, change_between_looks)
    assert "change" not in hosts.scripts("ill")
    assert "change" in hosts.scripts("well")
    assert {host.name for host in hosts.state.failed_hosts} == {"@fake/ill"}
    assert Look.__name__ in hosts.refused("ill")
    assert hosts.refused("well") == set()


def test_a_refusal_of_the_only_host_ends_the_run(fake_hosts: FakeFactory) -> None:
    hosts = fake_hosts("unfit")
    hosts.answer("unfit", look="refuse")
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        run(hosts, refuse_if_told)
    assert hosts.scripts("unfit") == ["look"]


def test_the_env_fact_rejects_a_line_that_it_does_not_know() -> None:
    with pytest.raises(FactProcessError, match="'nonsense'") as raised:
        Env().process(["file missing", "nonsense SecretValue"])
    assert "SecretValue" not in str(raised.value)


@pytest.mark.parametrize("line", ["problem 1 unheard_of", "entry DOMAIN refused unheard_of"])
def test_the_env_fact_rejects_a_flaw_that_it_does_not_know(line: str) -> None:
    with pytest.raises(FactProcessError, match="flaw"):
        Env().process(["file missing", line])


@pytest.fixture
def local() -> Iterator[Any]:
    state = connected("@local")
    (host,) = state.inventory
    with ctx_state.use(state), ctx_host.use(host):
        yield state, host


@pytest.mark.usefixtures("echo")
@pytest.mark.parametrize(("status", "expected"), [(0, True), (3, False)])
def test_a_streamed_command_shows_its_output_and_returns_its_status(
    local: Any,  # noqa: ANN401 - the fixture's pair
    status: int,
    capfd: pytest.CaptureFixture[str],
    *,
    expected: bool,
) -> None:
    state, host = local
    text = f"cat; echo said; echo moaned >&2; exit {status}"
    command = streamed(StringCommand(text, _stdin="given\n"))
    succeeded, output = command.execute(state, host, {})
    assert succeeded is expected
    assert output.output_lines == []
    shown = capfd.readouterr().err
    assert all(word in shown for word in ("given", "said", "moaned"))


@converging_operation
def stream() -> Commands:
    yield streamed(StringCommand("exit 3"))


def test_an_operation_fails_when_its_streamed_command_does() -> None:
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        run_local(stream)
