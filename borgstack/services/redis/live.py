"""Redis as redis.conf declares it, and how the running server is compared with that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from borgstack.change import Change, Code

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
    """The running server, as `redis_state.sh` prints it.

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
    """Read the lines of `redis_state.sh`; None while Redis could not be asked."""
    password = ""
    settings: dict[str, str] = {}
    onboarding = False
    for row in rows:
        kind, _, rest = row.partition(" ")
        if kind == "redis-password":
            password = rest
        elif kind == "redis-onboarding":
            onboarding = rest == "1"
        elif kind == "redis-setting":
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


def settings_changes(wanted: Mapping[str, str], state: RedisState | None) -> list[RedisChange]:
    """What somebody has set in the running server; a server that starts reads its redis.conf."""
    if state is None or not state.settings:
        return []
    return [
        RedisChange(
            Change("redis", Code.DIFFERS, name, value, state.settings.get(name, "")),
            f'CONFIG SET {name} "{value}"',
        )
        for name, value in wanted.items()
        if _canonical(state.settings.get(name, "")) != _canonical(value)
    ]


def onboarding_changes(state: RedisState | None) -> list[RedisChange]:
    """Whether Chatwoot's onboarding has to be closed."""
    if state is None or not state.onboarding:
        return []
    return [RedisChange(Change("chatwoot", Code.EXPOSED, "onboarding"), f"DEL {ONBOARDING}")]


def _canonical(value: str) -> str:
    """A value as CONFIG GET prints it: 64mb is told in bytes."""
    size = re.fullmatch(r"([0-9]+)(gb?|mb?|kb?|b)", value.lower())
    return str(int(size[1]) * _UNITS[size[2]]) if size else value
