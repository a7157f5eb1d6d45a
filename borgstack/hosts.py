"""Which hosts a command is about, and the connections to them: as pyinfra's own command does it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyinfra.api import Config, Host, Inventory, State
from pyinfra.api.connect import connect_all
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.facts import FactBase, get_fact
from pyinfra.api.operations import run_ops
from pyinfra.api.state import BaseStateCallback, StateStage
from pyinfra.context import ctx_config, ctx_host, ctx_inventory, ctx_state
from pyinfra_cli.cli import _apply_inventory_limit
from pyinfra_cli.inventory import make_inventory
from pyinfra_cli.util import parse_cli_arg

from borgstack.host_data import settings_of_all
from borgstack.operations import run_log
from borgstack.run import fit_connection, guard_names
from borgstack.settings import Settings


class UnusableError(Exception):
    """Why a command has no host to work on; its text is for the operator."""


class _ConnectErrors(BaseStateCallback):
    """Keeps what pyinfra only prints: why a host cannot be reached."""

    @staticmethod
    def host_connect_error(state: State, host: Host, error: Exception) -> None:
        """Note it with whatever else is told of the host."""
        run_log(host).refusals.append(str(error))


def describe(error: Exception) -> str:
    """What an exception says; of those that pyinfra wraps, the wrap cannot be printed."""
    wrapped = getattr(error, "exception", None)
    inner = wrapped if isinstance(wrapped, Exception) else error
    return f"{type(inner).__name__}: {inner}"


def not_in_project(*paths: str) -> str | None:
    """What is wrong when the command runs elsewhere than in the project's folder."""
    for path in paths:
        if not Path(path).is_file():
            return f"expected {path} in {Path.cwd()}; run this in the project's folder"
    return None


def new_state(*, check_for_changes: bool = False) -> State:
    """A pyinfra state for the project in the current folder."""
    sys.path.append(str(Path.cwd()))
    state = State(check_for_changes=check_for_changes)
    state.cwd = os.getcwd()  # noqa: PTH109 - pyinfra wants a string
    ctx_state.set(state)
    return state


def choose_hosts(
    state: State, inventory_file: str, limit: Iterable[str], data: Iterable[str]
) -> list[Host]:
    """The hosts of the inventory that `limit` leaves, sorted by name.

    :param limit: group names, host names or globs, as pyinfra's `--limit` takes them.
    :param data: `NAME=VALUE` words, as pyinfra's `--data` takes them.
    """
    config = Config()
    ctx_config.set(config)
    inventory = load_inventory(state, inventory_file, data)
    guard_names(inventory)
    chosen = limited(inventory, limit)
    state.init(inventory, config, initial_limit=chosen)
    state.add_callback_handler(_ConnectErrors())
    return sorted(inventory if chosen is None else chosen, key=lambda host: host.name)


def load_inventory(state: State, inventory_file: str, data: Iterable[str]) -> Inventory:
    """The inventory with its data, as the current folder has it."""
    words = (word.partition("=") for word in data)
    override = {name: parse_cli_arg(value) for name, _, value in words}
    inventory: Inventory = make_inventory(inventory_file, override_data=override, cwd=state.cwd)
    ctx_inventory.set(inventory)
    return inventory


def limited(inventory: Inventory, limit: Iterable[str]) -> list[Host] | None:
    """The hosts that `limit` leaves; None if it has no word at all."""
    chosen: list[Host] | None = _apply_inventory_limit(inventory, tuple(limit))
    return chosen


def connect(state: State) -> None:
    """Connect to the hosts, side by side; why one cannot be reached is told of it.

    :raises PyinfraError: none can be reached.
    """
    state.set_stage(StateStage.Connect)
    connect_all(state)
    state.set_stage(StateStage.Prepare)


def select_hosts(
    inventory_file: str, limit: Iterable[str], data: Iterable[str]
) -> tuple[State, dict[Host, Settings]]:
    """The chosen hosts with their settings, nothing connected yet; never none.

    :raises UnusableError: there is no project, no such host, or a mistake in what is set.
    """
    if missing := not_in_project(inventory_file):
        raise UnusableError(missing)
    state = new_state()
    try:
        hosts = choose_hosts(state, inventory_file, limit, data)
        settings = settings_of_all((host.name, host.data.dict()) for host in hosts)
    except PyinfraError as error:
        raise UnusableError(str(error)) from None
    except Exception as error:  # an inventory may raise anything
        raise UnusableError(f"{inventory_file} cannot be used: {describe(error)}") from None
    if not hosts:
        raise UnusableError(f"no host matches; see {inventory_file} and --limit")
    return state, {host: settings[host.name] for host in hosts}


def ask(state: State, host: Host, fact: type[FactBase[Any]], **arguments: object) -> Any:  # noqa: ANN401
    """One fact of a host that is connected; a failure leaves the other hosts alone.

    :raises UnusableError: it cannot be had; says why.
    """
    fit_connection(host)
    try:
        with ctx_state.use(state), ctx_host.use(host):
            return get_fact(state, host, fact, kwargs=arguments, apply_failed_hosts=False)
    except EOFError:
        raise UnusableError("sudo asks for a password, and nobody is there to type it") from None
    except Exception as error:
        raise UnusableError(describe(error)) from None


def carry_out(state: State, deploy: Callable[..., Any], **arguments: object) -> None:
    """Run a deploy on the connected hosts, prepared and then executed as pyinfra does it.

    What it did, and why a host was refused, stands in each host's run log; so does a connection
    that broke, and the others go on.
    """
    os.environ["PYINFRA_PROGRESS"] = "off"  # it would be drawn over what the verb shows
    with ctx_state.use(state), suppress(PyinfraError):  # no host is left; each says why
        for host in state.inventory.get_active_hosts():
            fit_connection(host)
            with ctx_host.use(host):
                deploy(**arguments)
        state.set_stage(StateStage.Execute)
        run_ops(state)
