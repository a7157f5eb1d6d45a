"""Redis as redis.conf declares it, and how the running server is compared with that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from borgstack.change import Change, Code
from borgstack.services.base import Fault, Wanted

CONF = "config/redis/redis.conf"
NAME = "redis"
ONBOARDING = "alfred:CHATWOOT_INSTALLATION_ONBOARDING"
"""While this key exists, Chatwoot offers whoever comes first to become super administrator."""

_UNITS: Mapping[str, int] = {
    "b": 1,
    "k": 1000,
    "kb": 1024,
    "m": 1000**2,
    "mb": 1024**2,
    "g": 1000**3,
    "gb": 1024**3,
}
_PASSWORD_IS_NOT_HERE = frozenset({"requirepass", "masterauth", "user"})


@dataclass(frozen=True)
class RedisState:
    """The running server, as `state.sh` prints it.

    :ivar password: `ok`, or `refused` where the server has another password than its container,
        or none.
    :ivar settings: by name; empty while the server does not answer.
    :ivar onboarding: whether Chatwoot's onboarding is open.
    """

    password: str
    settings: Mapping[str, str]
    onboarding: bool = False


@dataclass(frozen=True)
class RedisChange:
    """One difference, and the command that closes it while Redis runs on."""

    change: Change
    command: str


def parse(rows: Iterable[str]) -> RedisState | None:
    """Read the lines of `state.sh`; None while Redis could not be asked."""
    password = ""
    settings: dict[str, str] = {}
    onboarding = False
    for row in rows:
        kind, _, rest = row.partition(" ")
        if kind == "password":
            password = rest
        elif kind == "onboarding":
            onboarding = rest == "1"
        elif kind == "setting":
            name, _, value = rest.partition(" ")
            settings[name] = value
    return RedisState(password, settings, onboarding) if password else None


def parse_conf(conf: bytes) -> dict[str, str]:
    """The settings of a redis.conf by name, in the order of the file; never a password."""
    found: dict[str, str] = {}
    for line in conf.decode().splitlines():
        name, _, value = line.strip().partition(" ")
        if name and not name.startswith("#") and name not in _PASSWORD_IS_NOT_HERE:
            found[name] = value.strip().strip('"')
    return found


def words(wanted: Wanted) -> tuple[str, ...]:
    """What `state.sh` takes: the key of the onboarding, and the settings to ask for."""
    return (ONBOARDING, *parse_conf(wanted.contents[CONF]))


def changes(wanted: Wanted, held: RedisState) -> list[Change]:
    """What the running server has to be told."""
    return [one.change for one in _differences(wanted, held)]


def orders(wanted: Wanted, held: RedisState) -> tuple[str, ...]:
    """The commands that close the differences."""
    return tuple(one.command for one in _differences(wanted, held))


def restarted(held: RedisState) -> RedisState:
    """A server that starts reads its redis.conf; its keys stay."""
    return replace(held, settings={})


def faults(held: RedisState) -> Mapping[str, Fault]:
    """Another password than its container was given can only be put right by another container."""
    return {} if held.password == "ok" else {NAME: (Code.DIFFERS, "password")}  # noqa: S105


def _differences(wanted: Wanted, held: RedisState) -> list[RedisChange]:
    return [
        *onboarding_changes(held),
        *settings_changes(parse_conf(wanted.contents[CONF]), held),
    ]


def settings_changes(wanted: Mapping[str, str], held: RedisState) -> list[RedisChange]:
    """What somebody has set in the running server."""
    if not held.settings:
        return []
    return [
        RedisChange(
            Change("redis", Code.DIFFERS, name, value, held.settings.get(name, "")),
            f'CONFIG SET {name} "{value}"',
        )
        for name, value in wanted.items()
        if _canonical(held.settings.get(name, "")) != _canonical(value)
    ]


def onboarding_changes(held: RedisState) -> list[RedisChange]:
    """Whether Chatwoot's onboarding has to be closed."""
    if not held.onboarding:
        return []
    return [RedisChange(Change("chatwoot", Code.EXPOSED, "onboarding"), f"DEL {ONBOARDING}")]


def _canonical(value: str) -> str:
    """A value as CONFIG GET prints it: 64mb is told in bytes."""
    size = re.fullmatch(r"([0-9]+)(gb?|mb?|kb?|b)", value.lower())
    return str(int(size[1]) * _UNITS[size[2]]) if size else value
