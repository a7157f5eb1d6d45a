"""What a run needs before its first step: a guard, settings, rendered files, a quick connection."""

from __future__ import annotations

import socket
from functools import cache

from pyinfra.api import Host, State
from pyinfra.api.exceptions import DeployError

from borgstack.project import Project, render
from borgstack.settings import settings_of_all

PRODUCTION = "prod"


@cache
def prepare_run(state: State) -> dict[str, Project]:
    """The rendered project of every host of the run, by host name; once a run.

    :raises DeployError: production was not asked for, or anything cannot be used; no command has
        run on any host by then.
    """
    hosts = sorted(state.inventory.get_active_hosts(), key=lambda host: host.name)
    guard_production(hosts, limited=state.limit_hosts is not None)
    settings = settings_of_all((host.name, host.data.dict()) for host in hosts)
    return {name: render(one) for name, one in settings.items()}


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


def quicken(host: Host) -> None:
    """Switch Nagle's algorithm off on the SSH connection: some 40 ms less for every command."""
    client = getattr(host.connector, "client", None)
    transport = client.get_transport() if client else None
    connection = getattr(transport, "sock", None)
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
