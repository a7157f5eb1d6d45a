"""Is this server fit? Judged from one look at it, all findings in one report, nothing touched."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from enum import StrEnum

from borgstack import services
from borgstack.findings import Finding, missing, warning
from borgstack.live_server import ServerState
from borgstack.settings import Settings
from borgstack.sizes import MEGABYTE, SIZES
from borgstack.values import postgresql_version

SUPPORTED: Mapping[tuple[str, str], frozenset[str]] = {
    ("debian", "12"): frozenset({"docker"}),  # its own Compose is the old version 1
    ("debian", "13"): frozenset({"docker", "distribution"}),
    ("ubuntu", "22.04"): frozenset({"docker", "distribution"}),
    ("ubuntu", "24.04"): frozenset({"docker", "distribution"}),
}
"""Systems by (ID, VERSION_ID) of os-release, and the `docker_source`s that work on them."""

ARCHITECTURES = frozenset({"x86_64", "aarch64"})
LAYOUT = 18
"""PostgreSQL's version when its image's name does not tell it."""
DOCKERS_MTU = 1500
"""Of a network that is made without a word about it, whatever the server's is."""
MOST_CLOCK_SKEW = 60
"""Seconds; beyond this, certificates and signed requests are refused."""


class Look(StrEnum):
    """What is looked at: the name of a finding."""

    RIGHTS = "rights"
    SUDO = "sudo"
    SYSTEM = "system"
    SOURCE = "docker_source"
    MACHINE = "machine"
    INIT = "init"
    MEMORY = "memory"
    DISK = "disk"
    PORT = "port"
    CLOCK = "clock"
    CLOCK_DAEMON = "clock_daemon"
    DNS = "dns"
    DNS_IPV6 = "dns_ipv6"
    DNS_OTHERS = "dns_others"
    WAY_OUT = "way_out"
    MTU = "mtu"
    DATA = "data"


def findings(
    settings: Settings,
    server: ServerState,
    *,
    sudo: bool,
    caddy_runs: bool | None,
    published: Mapping[int, str],
    room: int,
) -> list[Finding]:
    """Everything about a server that stands in the way, or may.

    :param sudo: whether pyinfra runs its commands through sudo on this host.
    :param caddy_runs: whether ports held by Docker are held by the stack's own Caddy; None while
        Docker cannot be asked, as when the host died during its restart.
    :param published: the ports that other containers publish, and whose they are.
    :param room: bytes that the images need which are not there yet.
    """
    return [
        *_rights(server, sudo),
        *_system(settings, server),
        *_capacity(settings, server, room),
        *_ports(server, caddy_runs, published),
        *_clock(server),
        *_names(settings, server),
        *_way_out(settings, server),
        *_data(settings, server),
    ]


def is_known(settings: Settings, server: ServerState) -> bool:
    """Whether it is known which packages of Docker fit this server."""
    sources = SUPPORTED.get(server.os, frozenset())
    return settings.docker_source in sources and server.machine in ARCHITECTURES


def _rights(server: ServerState, sudo: bool) -> Iterable[Finding]:
    if server.uid == 0:
        return
    if not server.root:
        yield missing(
            Look.RIGHTS,
            "root, or a user that may use sudo without a password",
            f"user {server.user}, whom sudo refuses",
            f"Log in as root (ssh_user), or allow it: '{server.user} ALL=(ALL) NOPASSWD: ALL'.",
        )
    elif not sudo:
        yield missing(
            Look.SUDO,
            "commands run as root",
            f"user {server.user}, who may use sudo, and a run that does not",
            "Set `_sudo = True` in the host's group_data, or run pyinfra with --sudo.",
        )


def _system(settings: Settings, server: ServerState) -> Iterable[Finding]:
    sources = SUPPORTED.get(server.os)
    if sources is None:
        known = ", ".join(f"{name} {version}" for name, version in SUPPORTED)
        yield missing(
            Look.SYSTEM, f"one of {known}", " ".join(server.os), "Use a supported system."
        )
    elif settings.docker_source not in sources:
        yield missing(
            Look.SOURCE,
            "a distribution that ships Compose version 2",
            " ".join(server.os),
            'Set docker_source = "docker".',
        )
    if server.machine not in ARCHITECTURES:
        wanted = " or ".join(sorted(ARCHITECTURES))
        yield missing(
            Look.MACHINE, wanted, server.machine or "nothing", "The images exist for no other."
        )
    if not server.systemd:
        yield missing(Look.INIT, "systemd as init", "another one", "Docker is run by systemd here.")


def _capacity(settings: Settings, server: ServerState, room: int) -> Iterable[Finding]:
    wanted = SIZES[settings.size].host_memory
    if server.memory < wanted:
        yield missing(
            Look.MEMORY,
            f"{wanted // MEGABYTE} MB of memory for size {settings.size}",
            f"{server.memory // MEGABYTE} MB",
            "Take a larger server, or a smaller `size`.",
        )
    if server.disk < room:
        yield missing(
            Look.DISK,
            f"{room // MEGABYTE} MB free below {server.folder} for the images that are missing",
            f"{server.disk // MEGABYTE} MB",
            "Make room or attach a larger disk. 'docker system df' shows what Docker takes; "
            "'docker image prune -a' removes every image that no container uses.",
        )


_DOCKERS = ("docker-proxy", "dockerd")
"""Who listens for a container; the second where `userland-proxy` is switched off."""


def _ports(
    server: ServerState, caddy_runs: bool | None, published: Mapping[int, str]
) -> Iterable[Finding]:
    holders = [(port, server.ports.get(port, ""), "") for port in (80, 443)]
    for port, holder, udp in (*holders, (443, server.udp, "/udp")):
        container = published.get(port)
        if not holder or (holder in _DOCKERS and caddy_runs and container is None):
            continue
        seen = f"{holder} listening on it"
        then = f"Stop and disable it ('ss -ltnp sport = :{port}' shows it), then run again."
        if udp:
            then = f"Give it another port ('ss -lunp sport = :{port}' shows it), then run again."
        if container is not None:
            seen = f"the container {container}, which publishes it"
            then = f"Have it publish another port, or stop it: 'docker stop {container}'."
        elif holder in _DOCKERS:
            seen = "another container listening on it"
        elif holder == "systemd":
            then = "Stop and disable its unit ('systemctl list-sockets' shows it), then run again."
        weigh = missing
        if holder in _DOCKERS and caddy_runs is None:
            weigh = warning
            seen = "a container that Docker, which does not answer yet, cannot name"
            then = "This run starts Docker; if it is another's, starting Caddy says so."
        yield weigh(Look.PORT, f"port {port}{udp} free for Caddy", seen, then)


def _clock(server: ServerState) -> Iterable[Finding]:
    if abs(server.clock_skew) > MOST_CLOCK_SKEW:
        yield missing(
            Look.CLOCK,
            f"the clock within {MOST_CLOCK_SKEW} s of this machine's",
            f"{server.clock_skew:+.0f} s",
            "Set the clock on the host, and have it kept: 'apt-get install systemd-timesyncd'.",
        )
    elif not server.time_source:
        yield warning(
            Look.CLOCK_DAEMON,
            "a daemon that keeps the clock",
            "none of systemd-timesyncd, chrony, ntp",
            "'apt-get install systemd-timesyncd'; certificates need a right clock.",
        )


def _names(settings: Settings, server: ServerState) -> Iterable[Finding]:
    if settings.dns_check == "off":
        return
    weigh = missing if settings.dns_check == "strict" else warning
    own = server.addresses | set(settings.public_addresses)
    for name in services.public_names(settings):
        said = server.names.get(name, frozenset())
        all_found = {address for address in said if not address.startswith(_DNS64)}
        found = {address for address in all_found if not _is_proxy(settings, address)}
        if all_found and not found:
            continue
        here = found & own
        by_ipv6 = sorted(one for one in found & server.addresses if ":" in one)
        if not here - set(by_ipv6):
            by_ipv4 = sorted(address for address in own if ":" not in address)
            yield weigh(
                Look.DNS,
                f"{name} to lead to this host ({', '.join(by_ipv4) or 'no address'})",
                ", ".join(sorted(found)) or "no such name",
                "Correct the A record; behind NAT name the outer address in public_addresses; "
                "behind a proxy such as Cloudflare name its networks in trusted_proxies; or set "
                'dns_check = "warn".',
            )
        elif by_ipv6:
            yield warning(
                Look.DNS_IPV6,
                f"{name} to lead here by IPv4 alone, as Caddy listens",
                ", ".join(by_ipv6),
                "Visitors by IPv6 are refused there and come by IPv4 instead: by IPv6 all of them "
                "would have one address, and share its limits. Remove the AAAA record.",
            )
        if here and (stray := sorted(found - own)):
            yield weigh(
                Look.DNS_OTHERS,
                f"{name} to lead to this host alone ({', '.join(sorted(own))})",
                f"{', '.join(stray)} as well",
                "Whoever takes that address gets no answer from here, Let's Encrypt too, which "
                "prefers IPv6. Remove that A or AAAA record; or, if it leads here, name it in "
                'public_addresses; or set dns_check = "warn".',
            )


def _way_out(settings: Settings, server: ServerState) -> Iterable[Finding]:
    if server.ipv6_alone:
        yield missing(
            Look.WAY_OUT,
            "a way out by IPv4, which is what the containers' networks have",
            "a default route by IPv6 alone",
            "Give the server an IPv4 address, behind NAT if need be: without one, images, "
            "certificates, mail and messages do not get through.",
        )
    used = settings.docker_mtu or DOCKERS_MTU
    if 0 < server.mtu < used:
        yield warning(
            Look.MTU,
            f"an MTU of at least {used} on the way out, as the containers' networks have",
            f"{server.mtu}: where nobody says so, their larger packets are lost, and certificates, "
            "mail and messages hang",
            f"Set docker_mtu = {max(server.mtu, 1280)}.",
        )


_DNS64 = "64:ff9b:"
"""What a resolver makes up beside an A record, for hosts without IPv4 (RFC 6052)."""


def _is_proxy(settings: Settings, address: str) -> bool:
    """Whether a name that leads to this address leads to a proxy in front, as it should."""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(one in ipaddress.ip_network(proxies) for proxies in settings.trusted_proxies)


def _data(settings: Settings, server: ServerState) -> Iterable[Finding]:
    """What PostgreSQL's image refuses: data of others, and none of its own version."""
    version = postgresql_version(settings.postgresql_image)
    own = f"{version or LAYOUT}/docker/PG_VERSION"
    if server.clusters and own not in server.clusters:
        yield missing(
            Look.DATA,
            f"{own} in the volume borgstack_postgresql_data, or no database",
            f"{', '.join(sorted(server.clusters))}: the layout of an older image",
            "Dump the old database, keep that volume aside under another name, deploy, restore.",
        )
