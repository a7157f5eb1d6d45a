"""What a run needs before its first step: a guard, settings, rendered files, a quick connection."""

from __future__ import annotations

import socket
from functools import cache, wraps
from typing import Any

from pyinfra.api import Host, Inventory, State
from pyinfra.api.exceptions import DeployError

from borgstack import login
from borgstack.host_data import settings_of_all
from borgstack.project import Project, render

PRODUCTION = "prod"


@cache
def prepare_run(state: State) -> dict[str, Project]:
    """The rendered project of every host of the run, by host name; once a run.

    :raises DeployError: production was not asked for, or anything cannot be used; no command has
        run on any host by then.
    """
    guard_names(state.inventory)
    hosts = sorted(state.inventory.get_active_hosts(), key=lambda host: host.name)
    guard_production(hosts, limited=state.limit_hosts is not None)
    settings = settings_of_all((host.name, host.data.dict()) for host in hosts)
    return {name: render(one) for name, one in settings.items()}


def guard_names(inventory: Inventory) -> None:
    """Refuse an inventory in which `--limit` cannot tell a host from a group.

    :raises DeployError: says which names, and what to do.
    """
    if both := names_of_both(inventory):
        raise DeployError(
            f"expected hosts and groups of different names; saw {', '.join(both)} as both.\n"
            f"  --limit {both[0]} would mean every host of the group. Nothing was touched.\n"
            "  Give the group or the host another name in the inventory; ssh_hostname says where\n"
            "  a host is whatever it is called."
        )


def names_of_both(inventory: Inventory) -> list[str]:
    """The names that a host and a group have."""
    return sorted(set(inventory.groups) & set(inventory.hosts))


def guard_production(hosts: list[Host], *, limited: bool) -> None:
    """Refuse a run that reaches production without having been limited to it by name.

    :raises DeployError: says which hosts, and the command that is meant.
    """
    production = [host.name for host in hosts if PRODUCTION in host.groups]
    if production and not limited:
        raise DeployError(
            f"This run would reach production ({', '.join(production)}) without being told to.\n"
            "  Nothing was touched. For production: pyinfra inventory.py deploy.py --limit prod\n"
            "  For the others:                      pyinfra inventory.py deploy.py --limit staging"
        )


def fit_connection(host: Host) -> None:
    """Make the host's SSH connection quick, and its commands the same whatever the login shell."""
    client: Any = getattr(host.connector, "client", None)
    _quicken(client)
    plain = getattr(client, "exec_command", None)
    if callable(plain) and not hasattr(plain, "__wrapped__"):

        @wraps(plain)
        def exec_command(command: str, *rest: Any, **named: Any) -> Any:  # noqa: ANN401 - paramiko's
            stdin, stdout, _ = plain(login.packed(command), *rest, **named)
            return stdin, *login.read(stdout.channel)

        client.exec_command = exec_command


def _quicken(client: Any) -> None:  # noqa: ANN401 - paramiko's
    """Switch Nagle's algorithm off: some 40 ms less for every command."""
    transport = client.get_transport() if client else None
    connection = getattr(transport, "sock", None)
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
