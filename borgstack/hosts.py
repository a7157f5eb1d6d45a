"""Which hosts a command is about, and the connections to them: as pyinfra's own command does it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from pyinfra.api import Config, Host, State
from pyinfra.api.connect import connect_all
from pyinfra.api.state import BaseStateCallback, StateStage
from pyinfra.context import ctx_config, ctx_inventory, ctx_state
from pyinfra_cli.cli import _apply_inventory_limit
from pyinfra_cli.inventory import make_inventory
from pyinfra_cli.util import parse_cli_arg

from borgstack.operations import told


class _ConnectErrors(BaseStateCallback):
    """Keeps what pyinfra only prints: why a host cannot be reached."""

    @staticmethod
    def host_connect_error(state: State, host: Host, error: Exception) -> None:
        """Note it with whatever else is told of the host."""
        told(host).refusals.append(str(error))


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
    words = (word.partition("=") for word in data)
    override = {name: parse_cli_arg(value) for name, _, value in words}
    config = Config()
    ctx_config.set(config)
    inventory = make_inventory(inventory_file, override_data=override, cwd=state.cwd)
    ctx_inventory.set(inventory)
    chosen = _apply_inventory_limit(inventory, tuple(limit))
    state.init(inventory, config, initial_limit=chosen)
    state.add_callback_handler(_ConnectErrors())
    return sorted(inventory if chosen is None else chosen, key=lambda host: host.name)


def connect(state: State) -> None:
    """Connect to the hosts, side by side; why one cannot be reached is told of it.

    :raises PyinfraError: none can be reached.
    """
    state.set_stage(StateStage.Connect)
    connect_all(state)
    state.set_stage(StateStage.Prepare)
