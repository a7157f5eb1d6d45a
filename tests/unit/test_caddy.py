"""The configuration that Caddy runs against the wanted one, and certificates that it has lost."""

from __future__ import annotations

import pytest

from borgstack.change import Change, Code
from borgstack.services.caddy import live
from borgstack.services.caddy.live import CaddyState
from tests.unit.support import default_project

WANTED = default_project().wanted
RELOAD = [Change("service caddy", Code.NOT_LOADED, "Caddyfile")]


@pytest.mark.parametrize(
    ("adapted", "running", "differs"),
    [
        ('{"a":1,"b":[1,2]}', '{"b":[1,2],"a":1}', False),
        ('{"a":1}', '{"a":2}', True),
        ('{"a":[1,2]}', '{"a":[2,1]}', True),
        ('{"a":1}', "null", True),
        ("null", '{"a":1}', True),
    ],
)
def test_another_configuration_is_reloaded_whatever_the_order_of_keys(
    adapted: str, running: str, *, differs: bool
) -> None:
    held = live.parse([f'adapted {{"result":{adapted}}}', f"running {running}"])
    assert held is not None
    assert live.changes(WANTED, held) == (RELOAD if differs else [])


@pytest.mark.parametrize("running", ["null", '{"a":1}'])
def test_a_caddyfile_that_caddy_refuses_is_a_difference_for_the_reload_to_tell(
    running: str,
) -> None:
    held = live.parse(['adapted {"error":"unknown directive"}', f"running {running}"])
    assert held is not None
    assert held.adapted is None
    assert live.changes(WANTED, held) == RELOAD


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["adapted ", "running "],
        ["adapted ", 'running {"a":1}'],
        ['adapted {"result":{"a":1}}', 'running {"a":'],
    ],
)
def test_what_a_caddy_runs_that_does_not_answer_is_not_known(lines: list[str]) -> None:
    assert live.parse(lines) is None


def test_a_certificate_that_is_stored_no_more_needs_a_new_container() -> None:
    held = live.parse(['adapted {"result":1}', "running 1", "unstored a.example"])
    assert held == CaddyState(1, 1, ("a.example",))
    assert live.faults(held) == {"caddy": (Code.MISSING, "stored certificate for a.example")}
    assert live.faults(CaddyState(1, 1)) == {}
