"""daemon.json and the unit: what is compared, and what a difference leads to. The operator may have
a daemon.json of their own, so what is not declared here has to survive.
"""

from __future__ import annotations

import dataclasses
import json

import pytest

from borgstack import docker_daemon
from borgstack.change import Code
from borgstack.docker_daemon import DAEMON_JSON, UnreadableDaemonJson
from borgstack.live_docker import DockerState
from tests.unit.changes import keys
from tests.unit.docker_states import FIT, changed, with_daemon, without_file
from tests.unit.support import settings_of

DECLARED = docker_daemon.daemon_settings(settings_of())


@pytest.mark.parametrize(
    ("state", "reason", "load"),
    [
        (
            changed(files=without_file(DAEMON_JSON)),
            f"file {DAEMON_JSON}: log-driver differs",
            "restart",
        ),
        (with_daemon(b""), f"file {DAEMON_JSON}: log-driver differs", "restart"),
        (
            with_daemon({**DECLARED, "log-driver": "local"}),
            f"file {DAEMON_JSON}: log-driver differs",
            "restart",
        ),
        (
            with_daemon({**DECLARED, "live-restore": False}),
            f"file {DAEMON_JSON}: live-restore differs",
            "reload",
        ),
        (with_daemon(DECLARED, "600|0|0"), f"file {DAEMON_JSON}: mode and owner differs", "none"),
        (with_daemon(DECLARED, "644|5|0"), f"file {DAEMON_JSON}: mode and owner differs", "none"),
        (changed(loaded=False), f"file {DAEMON_JSON}: not_loaded", "restart"),
        (
            changed(unit={**FIT.unit, "LoadState": "masked"}),
            "unit docker.service: LoadState differs",
            "none",
        ),
        (
            changed(unit={**FIT.unit, "UnitFileState": "disabled"}),
            "unit docker.service: UnitFileState differs",
            "none",
        ),
        (
            changed(unit={**FIT.unit, "ActiveState": "inactive"}),
            "unit docker.service: ActiveState differs",
            "none",
        ),
        (
            changed(unit={**FIT.unit, "ActiveState": "failed"}),
            "unit docker.service: ActiveState differs",
            "none",
        ),
        (changed(unit={}), "unit docker.service: LoadState differs", "none"),
        (changed(socket="masked"), "unit docker.socket: UnitFileState differs", "restart"),
        (changed(loaded=False, ahead=True), f"file {DAEMON_JSON}: not_loaded", "restart"),
    ],
)
def test_each_difference_of_the_daemon_has_its_reason_and_its_load(
    state: DockerState, reason: str, load: str
) -> None:
    change = docker_daemon.daemon_changes(settings_of(), state)
    assert change is not None
    assert reason in keys(change.changes)
    assert change.load == load


@pytest.mark.parametrize(
    "state",
    [changed(loaded=False), changed(unit={**FIT.unit, "ActiveState": "inactive"})],
)
def test_daemon_json_is_not_written_when_only_the_daemon_differs(state: DockerState) -> None:
    change = docker_daemon.daemon_changes(settings_of(), state)
    assert change is not None
    assert change.content is None


def test_a_time_in_the_future_is_put_right_when_it_leaves_a_question_open() -> None:
    change = docker_daemon.daemon_changes(settings_of(), changed(loaded=False, ahead=True))
    assert change is not None
    assert change.content is not None
    assert docker_daemon.daemon_changes(settings_of(), changed(ahead=True)) is None


def test_the_operators_keys_survive_the_merge() -> None:
    own = {
        "data-root": "/srv/docker",
        "log-opts": {"labels": "app", "max-size": "1g"},
        "features": {"containerd-snapshotter": True},
    }
    change = docker_daemon.daemon_changes(settings_of(), with_daemon(dict(own)))
    assert change is not None
    assert json.loads(change.content or "") == {
        **DECLARED,
        "data-root": "/srv/docker",
        "features": {"containerd-snapshotter": True},
        "log-opts": {"labels": "app", "max-size": "10m", "max-file": "3"},
    }
    merged = with_daemon((change.content or "").encode())
    assert docker_daemon.daemon_changes(settings_of(), merged) is None


@pytest.mark.parametrize(
    ("driver", "options", "kept", "dropped"),
    [
        ("syslog", {"syslog-address": "udp://x:514", "tag": "t"}, {"tag": "t"}, ["syslog-address"]),
        ("loki", {"loki-url": "http://x", "mode": "blocking"}, {"mode": "blocking"}, ["loki-url"]),
        ("local", {"compress": "true", "max-size": "1g"}, {}, ["compress"]),
        (None, {"compress": "true"}, {"compress": "true"}, []),
        ("json-file", {"compress": "true"}, {"compress": "true"}, []),
    ],
)
def test_options_of_a_log_driver_go_with_it_and_are_named(
    driver: str | None, options: dict[str, str], kept: dict[str, str], dropped: list[str]
) -> None:
    own: dict[str, object] = {"log-opts": options}
    state = with_daemon({**own, "log-driver": driver} if driver else own)
    change = docker_daemon.daemon_changes(settings_of(), state)
    assert change is not None
    merged = json.loads(change.content or "")
    assert merged["log-opts"] == {**kept, **DECLARED["log-opts"]}
    named = [one.attribute for one in change.changes if one.code == Code.CONFLICTS]
    assert named == [f"log-opts {name}" for name in dropped]
    after = with_daemon((change.content or "").encode())
    assert docker_daemon.daemon_changes(settings_of(), after) is None


def test_a_number_in_the_place_of_true_differs_though_python_calls_them_equal() -> None:
    declared = docker_daemon.daemon_settings(settings_of())
    state = with_daemon(json.dumps({**declared, "live-restore": 1}).encode())
    change = docker_daemon.daemon_changes(settings_of(), state)
    assert change is not None
    assert keys(change.changes) == [f"file {DAEMON_JSON}: live-restore differs"]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"{ not json", "Expecting property name"),
        (b"[]", "no JSON object"),
        (b'"x"', "no JSON object"),
        (b'{"a": "\xff"}', "decode"),
        (b'{"a": NaN}', "NaN is no JSON"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_a_daemon_json_that_cannot_be_read_is_left_alone(raw: bytes, why: str) -> None:
    with pytest.raises(UnreadableDaemonJson, match=why):
        docker_daemon.daemon_changes(settings_of(), with_daemon(raw))


def test_mirrors_and_address_pools_are_declared_only_when_they_are_set() -> None:
    settings = settings_of(
        registry_mirrors=["http://mirror:5000"],
        docker_address_pools=[{"base": "10.201.0.0/16", "size": 24}],
    )
    more = docker_daemon.daemon_settings(settings)
    assert more["registry-mirrors"] == ["http://mirror:5000"]
    assert more["default-address-pools"] == [{"base": "10.201.0.0/16", "size": 24}]
    assert set(more) - set(DECLARED) == {"registry-mirrors", "default-address-pools"}


MIRROR = {"registry-mirrors": ["http://mirror:5000"]}
POOLS = {"default-address-pools": [{"base": "10.201.0.0/16", "size": 24}]}


def with_record(daemon: dict[str, object], record: object) -> DockerState:
    state = with_daemon({**DECLARED, **daemon})
    raw = record if isinstance(record, bytes) else json.dumps(record).encode()
    return dataclasses.replace(state, files={**state.files, docker_daemon.RECORD: ("644|0|0", raw)})


@pytest.mark.parametrize(
    ("present", "record", "left", "load"),
    [
        (MIRROR, MIRROR, {}, "restart"),
        (POOLS, POOLS, {}, "restart"),
        ({**MIRROR, **POOLS}, POOLS, MIRROR, "restart"),
    ],
)
def test_what_a_setting_had_put_into_daemon_json_goes_with_the_setting(
    present: dict[str, object], record: object, left: dict[str, object], load: str
) -> None:
    change = docker_daemon.daemon_changes(settings_of(), with_record(present, record))
    assert change is not None
    assert json.loads(change.content or "") == {**DECLARED, **left}
    assert (change.load, json.loads(change.record[1])) == (load, {})
    assert json.loads(change.record[0]) == record
    assert docker_daemon.daemon_changes(settings_of(), with_record(left, {})) is None


@pytest.mark.parametrize("record", [{}, b"", b"[]", {"registry-mirrors": ["http://former:5000"]}])
def test_what_an_operator_wrote_stays(record: object) -> None:
    change = docker_daemon.daemon_changes(settings_of(), with_record(MIRROR, record))
    assert change is None or change.content is None
    assert docker_daemon.daemon_changes(settings_of(), with_daemon({**DECLARED, **MIRROR})) is None


def test_what_was_there_already_does_not_become_this_tools() -> None:
    settings = settings_of(registry_mirrors=["http://mirror:5000"])
    assert docker_daemon.daemon_changes(settings, with_daemon({**DECLARED, **MIRROR})) is None
    change = docker_daemon.daemon_changes(settings, with_daemon(DECLARED))
    assert change is not None
    assert [json.loads(one) for one in change.record] == [MIRROR, MIRROR]
    assert docker_daemon.daemon_changes(settings, with_record(MIRROR, MIRROR)) is None


def test_a_record_of_what_is_there_no_longer_is_put_right_without_touching_the_daemon() -> None:
    change = docker_daemon.daemon_changes(settings_of(), with_record({}, MIRROR))
    assert change is not None
    assert (change.content, change.load, change.record[1]) == (None, "none", "{}")


@pytest.mark.parametrize(
    ("data", "load"),
    [
        # One that dockerd refuses would show at its next start alone, perhaps that of a boot.
        ({"registry_mirrors": ["http://mirror:5000"]}, "restart"),
        ({"docker_address_pools": [{"base": "10.201.0.0/16", "size": 24}]}, "restart"),
        ({"docker_log_max_size": "20m"}, "restart"),
    ],
)
def test_the_daemon_restarts_only_for_keys_that_a_reload_does_not_take_up(
    data: dict[str, object], load: str
) -> None:
    change = docker_daemon.daemon_changes(settings_of(**data), FIT)
    assert change is not None
    assert change.load == load
