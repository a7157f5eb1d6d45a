"""A run must not reach production by accident, and must not touch any host while the settings of
one are wrong. No connection is made here: pyinfra's own inventory and state, and nothing behind.
"""

from __future__ import annotations

import io
import re
import socket
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pyinfra.api import Config, Host, Inventory, State
from pyinfra.api.exceptions import DeployError

from borgstack.login import packed
from borgstack.run import fit_connection, guard_production, prepare_run
from tests.unit.support import REQUIRED
from tests.unit.told import values

Hosts = list[tuple[str, dict[str, object]]]


def state_of(hosts: Hosts, limit: list[str] | None = None, **groups: list[str]) -> State:
    """A state with every host active, as it is after connecting, and no connection."""
    members = {name: (list(names), {}) for name, names in groups.items()}
    inventory = Inventory((hosts, {}), None, **members)
    limited = None if limit is None else [inventory.get_host(name) for name in limit]
    state = State(inventory, Config(), initial_limit=limited)
    for host in inventory:
        if state.is_host_in_limit(host):
            state.activate_host(host)
    return state


def fakes(*names: str) -> Hosts:
    return [(f"@fake/{name}", dict(REQUIRED)) for name in names]


def commands(state: State) -> list[str]:
    return [
        command
        for host in state.inventory
        for command in getattr(host.connector, "executed_commands", [])
    ]


@pytest.mark.parametrize(
    ("groups", "limited", "refused"),
    [
        ([["lab"], ["staging"]], False, None),
        ([["staging"]], True, None),
        ([["prod"]], True, None),
        ([["lab"], ["prod"]], True, None),
        ([["prod"]], False, "host0"),
        ([["lab"], ["prod"], ["prod", "eu"]], False, "host1, host2"),
        ([["production"], ["prod2"]], False, None),
        ([], False, None),
    ],
)
def test_production_is_reached_only_by_a_run_that_was_limited(
    groups: list[list[str]], *, limited: bool, refused: str | None
) -> None:
    hosts = [SimpleNamespace(name=f"host{i}", groups=names) for i, names in enumerate(groups)]
    if refused is None:
        guard_production(cast("list[Host]", hosts), limited=limited)
        return
    with pytest.raises(DeployError, match=re.escape(f"production ({refused})")) as raised:
        guard_production(cast("list[Host]", hosts), limited=limited)
    assert "--limit prod" in str(raised.value)


@pytest.mark.parametrize("groups", [{"a": ["b"]}, {"a": ["a", "b"], "b": ["a"]}])
def test_a_name_that_is_a_group_and_a_host_stops_the_run(groups: dict[str, list[str]]) -> None:
    """With it, `--limit a` would mean b as well."""
    hosts: Hosts = [(name, dict(REQUIRED)) for name in ("a", "b")]
    both = ", ".join(sorted(groups))
    with pytest.raises(DeployError, match=f"saw {both} as both") as raised:
        prepare_run(state_of(hosts, limit=["b"], **groups))
    assert "ssh_hostname" in values(str(raised.value))


def test_every_host_of_the_run_gets_its_own_project() -> None:
    hosts = fakes("a", "b")
    hosts[1][1]["domain"] = "b.example"
    projects = prepare_run(state_of(hosts))
    assert {name: one.settings.domain for name, one in projects.items()} == {
        "@fake/a": "example.com",
        "@fake/b": "b.example",
    }


def test_the_project_is_rendered_once_a_run() -> None:
    state = state_of(fakes("a"))
    assert prepare_run(state) is prepare_run(state)


def test_a_mistake_of_one_host_stops_the_run_before_any_command() -> None:
    hosts = fakes("a", "b")
    hosts[1][1]["size"] = "1gb"
    state = state_of(hosts)
    with pytest.raises(DeployError, match="@fake/b: size"):
        prepare_run(state)
    assert commands(state) == []


def test_an_unlimited_run_over_production_stops_before_any_command() -> None:
    state = state_of(fakes("a", "b"), prod=["@fake/b"])
    with pytest.raises(DeployError, match="production \\(@fake/b\\)"):
        prepare_run(state)
    assert commands(state) == []


def test_a_run_limited_to_production_renders_its_hosts_alone() -> None:
    hosts = fakes("a", "b")
    hosts[0][1]["size"] = "wrong, but not of this run"
    state = state_of(hosts, limit=["@fake/b"], prod=["@fake/b"])
    assert list(prepare_run(state)) == ["@fake/b"]


def with_transport(sock: object) -> Host:
    transport = SimpleNamespace(sock=sock)
    client = SimpleNamespace(get_transport=lambda: transport)
    return cast("Host", SimpleNamespace(connector=SimpleNamespace(client=client)))


def test_a_connection_over_tcp_sends_every_command_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
        fit_connection(with_transport(connection))
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.parametrize(
    "connector",
    [
        SimpleNamespace(),
        SimpleNamespace(client=None),
        SimpleNamespace(client=SimpleNamespace(get_transport=lambda: None)),
        SimpleNamespace(
            client=SimpleNamespace(get_transport=lambda: SimpleNamespace(sock="a proxy's channel"))
        ),
    ],
)
def test_a_connection_of_another_kind_is_left_as_it_is(connector: Any) -> None:  # noqa: ANN401
    before = dict(vars(connector))
    fit_connection(cast("Host", SimpleNamespace(connector=connector)))
    assert vars(connector) == before


def test_a_connection_is_fitted_once() -> None:
    sent: list[str] = []
    streams = SimpleNamespace(
        makefile=lambda _: io.BytesIO(), makefile_stderr=lambda _: io.BytesIO()
    )

    def exec_command(command: str) -> Any:  # noqa: ANN401 - paramiko's
        sent.append(command)
        return None, SimpleNamespace(channel=streams), None

    client = SimpleNamespace(get_transport=lambda: None, exec_command=exec_command)
    host = cast("Host", SimpleNamespace(connector=SimpleNamespace(client=client)))
    for _ in range(2):
        fit_connection(host)
    client.exec_command("sh -c true")
    assert sent == [packed("sh -c true")]
