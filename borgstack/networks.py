"""The stack's networks compared with the rendered ones: which are made anew, and with whom."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from borgstack.change import Change, Code
from borgstack.live_stack import PROJECT, Network, StackState
from borgstack.project import NetworkGoal, Project
from borgstack.settings import Settings


@dataclass(frozen=True)
class NetworkChange:
    """Why a network has to be made anew, and the services that are in it."""

    network: str
    change: Change
    services: tuple[str, ...]

    @property
    def word(self) -> str:
        """The argument that `networks_remove.sh` takes."""
        return f"{self.network}:{','.join(self.services)}"


def network_changes(project: Project, state: StackState) -> list[NetworkChange]:
    """The networks that are there and not as declared; Compose makes one that is missing."""
    found = []
    for name, goal in project.networks.items():
        live = state.networks.get(name)
        if live is None:
            continue
        change = _created_by_hand(name, goal, live)
        # What an override declares of a network is not known here.
        if change is None and not state.own_networks:
            change = _addressed_otherwise(project.settings, name, goal, live)
        if change:
            services = (one.name for one in project.services.values() if name in one.networks)
            found.append(NetworkChange(name, change, tuple(services)))
    return found


def _created_by_hand(name: str, goal: NetworkGoal, live: Network) -> Change | None:
    subject = f"network {name}"
    if (live.project, live.network) != (PROJECT, name):
        return Change(subject, Code.FOREIGN)
    if live.internal != goal.internal:
        return Change(subject, Code.DIFFERS, "internal", goal.internal, live.internal)
    return None


def _addressed_otherwise(
    settings: Settings, name: str, goal: NetworkGoal, live: Network
) -> Change | None:
    subject = f"network {name}"
    # Without a goal it is Docker's, which daemon.json may set for every network.
    if goal.mtu and live.mtu != goal.mtu:
        return Change(subject, Code.DIFFERS, "MTU", goal.mtu, live.mtu or "Docker's default")
    outside = _outside(settings, live)
    pools = "one of docker_address_pools"
    return Change(subject, Code.DIFFERS, "range", pools, outside) if outside else None


def _outside(settings: Settings, live: Network) -> str:
    """The network's range when it is in none of the wanted pools; empty when it is, or none are."""
    pools = [ip_network(pool.base, strict=False) for pool in settings.docker_address_pools]
    for subnet in map(ip_network, live.subnets):
        alike = [pool for pool in pools if pool.version == subnet.version]
        if alike and not any(_within(subnet, pool) for pool in alike):
            return str(subnet)
    return ""


def _within(subnet: IPv4Network | IPv6Network, pool: IPv4Network | IPv6Network) -> bool:
    return (
        pool.network_address <= subnet.network_address  # type: ignore[operator]
        and subnet.broadcast_address <= pool.broadcast_address  # type: ignore[operator]
    )
