"""The running Redis against redis.conf: what somebody set at run time is found, however a value is
spelled, and no password is ever compared.
"""

from __future__ import annotations

import pytest

from borgstack.change import Change, Code
from borgstack.services.redis import CONF as REDIS_CONF
from borgstack.services.redis import live
from borgstack.services.redis.live import ONBOARDING, RedisState
from tests.unit.support import default_project, fit_redis_lines

WANTED = live.parse_conf(default_project().content(REDIS_CONF))
FIT = live.parse(fit_redis_lines(default_project()))


def test_what_redis_conf_declares_is_compared_and_nothing_else() -> None:
    conf = b'# comment\n\nmaxmemory 64mb\nbind * -::*\nrequirepass x\nuser default\nsave ""\n'
    assert live.parse_conf(conf) == {"maxmemory": "64mb", "bind": "* -::*", "save": ""}


def test_the_rendered_redis_conf_declares_what_keeps_jobs() -> None:
    assert WANTED["maxmemory-policy"] == "noeviction"
    assert WANTED["appendonly"] == "yes"


def test_nothing_differs_where_redis_runs_with_its_redis_conf() -> None:
    assert FIT is not None
    assert live.settings_changes(WANTED, FIT) == []
    assert live.onboarding_changes(FIT) == []


def test_every_line_of_the_script_is_read() -> None:
    rows = ["password refused", "onboarding 1", "setting a b c", "noise x"]
    assert live.parse(rows) == RedisState("refused", {"a": "b c"}, onboarding=True)
    assert live.parse(["noise x"]) is None


@pytest.mark.parametrize(
    ("wanted", "seen", "differs"),
    [
        ("64mb", "67108864", False),
        ("64MB", "67108864", False),
        ("1g", "1000000000", False),
        ("2gb", "2147483648", False),
        ("5k", "5000", False),
        ("7b", "7", False),
        ("64mb", "67108865", True),
        ("64mb", "0", True),
        ("noeviction", "allkeys-lru", True),
        ("yes", "no", True),
        ("yes", "", True),
    ],
)
def test_a_value_is_compared_as_redis_prints_it(wanted: str, seen: str, *, differs: bool) -> None:
    state = RedisState("ok", {"other": "x", "name": seen})
    assert bool(live.settings_changes({"name": wanted}, state)) is differs


def test_a_difference_has_its_reason_and_its_command() -> None:
    state = RedisState("ok", {"bind": "*"}, onboarding=True)
    (change,) = live.settings_changes({"bind": "* -::*"}, state)
    assert change.change == Change("redis", Code.DIFFERS, "bind", "* -::*", "*")
    assert change.command == 'CONFIG SET bind "* -::*"'
    (change,) = live.onboarding_changes(state)
    assert change.change == Change("chatwoot", Code.EXPOSED, "onboarding")
    assert change.command == f"DEL {ONBOARDING}"


def test_a_redis_that_could_not_be_asked_is_told_nothing() -> None:
    state = RedisState("refused", {})
    assert live.settings_changes(WANTED, state) == []
    assert live.onboarding_changes(state) == []


def test_commands_are_told_in_the_order_of_the_differences() -> None:
    held = RedisState("ok", {**WANTED, "maxmemory-policy": "allkeys-lru"}, onboarding=True)
    wanted = default_project().wanted
    assert len(live.changes(wanted, held)) == 2
    expected = (f"DEL {ONBOARDING}", 'CONFIG SET maxmemory-policy "noeviction"')
    assert live.orders(wanted, held) == expected
    left = live.restarted(held)  # a server that starts reads its redis.conf; its keys stay
    assert live.orders(wanted, left) == expected[:1]


def test_a_server_with_another_password_than_its_container_is_made_anew() -> None:
    assert live.faults(RedisState("refused", {})) == {"redis": (Code.DIFFERS, "password")}
    assert live.faults(RedisState("ok", {})) == {}
