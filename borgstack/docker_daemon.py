"""Docker's daemon.json and unit: what is declared of them, and in what a host differs.

The file is the operator's as well: their keys survive the merge, and of this tool's only those are
taken back that it has put there. `borgstack/remote/docker_daemon.sh` closes the difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from borgstack.change import Change, Code, compare
from borgstack.live_docker import DockerState
from borgstack.settings import Settings

DAEMON_JSON = "/etc/docker/daemon.json"
RECORD = "/etc/docker/borgstack.json"
"""Which of `OPTIONAL` this tool has put into daemon.json, with their values: what it may remove."""
OPTIONAL = ("registry-mirrors", "default-address-pools")
"""Keys of daemon.json that are declared only where a setting asks for them."""

_READ_ON_RELOAD = frozenset({"live-restore"})
"""Keys that a reload takes up; for the others dockerd has to be restarted (dockerd(8)). For mirrors
too: of one that it refuses a reload says nothing, and the next start, perhaps at a boot, fails."""


def daemon_settings(settings: Settings) -> dict[str, Any]:
    """The keys of daemon.json that this project declares; the operator's others stay."""
    declared: dict[str, Any] = {
        "log-driver": "json-file",
        "log-opts": {
            "max-size": settings.docker_log_max_size,
            "max-file": str(settings.docker_log_max_files),
        },
        "live-restore": True,
    }
    if settings.registry_mirrors:
        declared["registry-mirrors"] = list(settings.registry_mirrors)
    if settings.docker_address_pools:
        declared["default-address-pools"] = [
            pool.model_dump() for pool in settings.docker_address_pools
        ]
    return declared


@dataclass(frozen=True)
class DaemonChange:
    """What has to happen to the daemon.

    :ivar content: of daemon.json; None when it stays.
    :ivar record: of `RECORD`, until daemon.json is written and from then on; `-` when it stays.
    """

    changes: tuple[Change, ...]
    content: str | None
    load: str
    record: tuple[str, str] = ("-", "-")


class UnreadableDaemonJson(Exception):
    """daemon.json is there and is no JSON object; it is the operator's, so it is left alone."""


def daemon_changes(settings: Settings, state: DockerState) -> DaemonChange | None:
    """What brings daemon.json and the unit to where they have to be; None when they are there.

    :raises UnreadableDaemonJson: says why the present file cannot be merged into.
    """
    owner, present = daemon_json(state)
    declared = daemon_settings(settings)
    foreign = foreign_options(present)
    merged = _merge(_without_options(present, foreign), declared)
    recorded = _recorded(state)
    withdrawn = [
        key
        for key in OPTIONAL
        if key not in declared and key in present and _same(present[key], recorded.get(key))
    ]
    for key in withdrawn:
        del merged[key]
    differing = [key for key, value in merged.items() if not _same(present.get(key), value)]
    ours = {
        key: declared[key]
        for key in OPTIONAL
        if key in declared and (key in differing or _same(declared[key], recorded.get(key)))
    }
    differing += withdrawn
    found = [Change(_DAEMON_FILE, Code.DIFFERS, key) for key in differing]
    # No value is shown: a registry's address can hold a password.
    found += [Change(_DAEMON_FILE, Code.CONFLICTS, f"log-opts {name}") for name in foreign]
    found += compare(_DAEMON_FILE, "mode and owner", "644|0|0", owner or None)
    if state.ahead and not state.loaded:
        found.append(Change(_DAEMON_FILE, Code.NOT_LOADED))  # as far as anybody can tell
    content = json.dumps(merged, indent=2) + "\n" if found else None

    record = ("-", "-")
    if not _same(ours, recorded):
        record = json.dumps({**recorded, **ours}), json.dumps(ours)
        found = found or [Change(f"file {RECORD}", Code.DIFFERS)]

    load = "none"
    # A reload leaves alone what stands in the file no longer.
    if not state.loaded or withdrawn or set(differing) - _READ_ON_RELOAD:
        load = "restart"
    elif differing:
        load = "reload"
    if not state.loaded and not found:
        found.append(Change(_DAEMON_FILE, Code.NOT_LOADED))
    found += _unit_changes(state.unit)
    if state.socket == "masked":
        found.append(Change("unit docker.socket", Code.DIFFERS, "UnitFileState", actual="masked"))
        load = "restart"
    return DaemonChange(tuple(found), content, load, record) if found else None


_DAEMON_FILE = f"file {DAEMON_JSON}"


def daemon_json(state: DockerState) -> tuple[str, dict[str, Any]]:
    """Owner (`MODE|UID|GID`) and content of daemon.json; an empty one is a good one to dockerd.

    :raises UnreadableDaemonJson: says why it cannot be read.
    """
    owner, raw = state.files.get(DAEMON_JSON, ("", b"{}"))
    try:
        present = json.loads(raw or b"{}", parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UnreadableDaemonJson(str(error)) from error
    if not isinstance(present, dict):
        raise UnreadableDaemonJson("it holds no JSON object")
    return owner, present


_OF_EVERY_DRIVER = frozenset(
    [
        "labels",
        "labels-regex",
        "env",
        "env-regex",
        "tag",
        "mode",
        "max-buffer-size",
        "max-size",
        "max-file",
    ]
)
"""Options that json-file takes as others do; with one that it does not know dockerd does not start
or makes no container (moby, daemon/logger/jsonfilelog)."""


def foreign_options(present: Mapping[str, Any]) -> list[str]:
    """The options in daemon.json that belong to the log driver which json-file replaces."""
    options = present.get("log-opts")
    if (present.get("log-driver") or "json-file") == "json-file" or not isinstance(options, dict):
        return []
    return [name for name in options if name not in _OF_EVERY_DRIVER]


def _without_options(present: dict[str, Any], foreign: Iterable[str]) -> dict[str, Any]:
    options = present.get("log-opts")
    if not isinstance(options, dict):
        return present
    kept = {name: value for name, value in options.items() if name not in set(foreign)}
    return {**present, "log-opts": kept}


def _unit_changes(unit: Mapping[str, str]) -> list[Change]:
    wanted = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}
    return [
        Change("unit docker.service", Code.DIFFERS, name, value, unit.get(name) or "unknown")
        for name, value in wanted.items()
        if unit.get(name) != value
    ]


def _recorded(state: DockerState) -> dict[str, Any]:
    """What `RECORD` says; a record that cannot be read says that nothing is ours."""
    try:
        found = json.loads(state.files.get(RECORD, ("", b"{}"))[1])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _same(one: object, other: object) -> bool:
    """Whether both are the same JSON: to Python 1 equals true, to dockerd it does not."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _merge(present: dict[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(present)
    for key, value in declared.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged
