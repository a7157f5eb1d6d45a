"""The live databases against the declared ones: one row for each difference that the SQL closes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from borgstack import services
from borgstack.services.postgresql import databases
from borgstack.services.postgresql.databases import DatabaseState
from tests.unit.changes import keys
from tests.unit.support import ALL, CHATWOOT_EXTENSIONS, fit_database_lines, settings_of


def parsed(lines: list[str]) -> DatabaseState:
    state = databases.parse(lines)
    assert state is not None
    return state


FIT = parsed(fit_database_lines())


def changed(**values: Any) -> DatabaseState:  # noqa: ANN401 - DatabaseState's own fields
    return dataclasses.replace(FIT, **values)


def roles_but(**roles: str | None) -> DatabaseState:
    """All that fits, but for these roles; None for one that is missing."""
    found = {**FIT.roles, **roles}
    return changed(roles={name: one for name, one in found.items() if one is not None})


def test_nothing_differs_where_the_sql_has_run() -> None:
    assert databases.changes(ALL, FIT) == []


def test_every_line_of_the_script_is_read() -> None:
    roles = ("chatwoot_user", "n8n_user", "evolution_user")
    assert {name: FIT.roles[name] for name in roles} == dict.fromkeys(roles, "login")
    assert FIT.databases["chatwoot_db"] == "chatwoot_user"
    assert FIT.databases["n8n_db"] == "n8n_user"
    assert FIT.passwords == dict.fromkeys(("postgres", *roles), "ok")
    assert FIT.extensions == {"chatwoot_db": frozenset(CHATWOOT_EXTENSIONS)}
    assert FIT.schemas == {"chatwoot_db": "20250101000000"}


def test_a_server_that_did_not_answer_to_the_end_is_not_compared() -> None:
    assert databases.parse(fit_database_lines()[:-1]) is None
    assert databases.parse([*fit_database_lines(), "unread"]) is None


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (roles_but(chatwoot_user=None), "role chatwoot_user: attributes missing"),
        (
            roles_but(chatwoot_user="login,superuser"),
            "role chatwoot_user: attributes differs",
        ),
        (
            roles_but(chatwoot_user="nologin"),
            "role chatwoot_user: attributes differs",
        ),
        (
            roles_but(chatwoot_user="login,member of pg_monitor"),
            "role chatwoot_user: attributes differs",
        ),
        (roles_but(n8n_user=None), "role n8n_user: attributes missing"),
        (
            roles_but(evolution_user="login,createdb"),
            "role evolution_user: attributes differs",
        ),
        (
            changed(databases={**FIT.databases, "n8n_db": "n8n_user open"}),
            "database n8n_db: owner differs",
        ),
        (
            changed(passwords={**FIT.passwords, "evolution_user": "refused"}),
            "role evolution_user: password differs",
        ),
        (
            changed(databases={**FIT.databases, "chatwoot_db": "postgres"}),
            "database chatwoot_db: owner differs",
        ),
        (
            changed(databases={**FIT.databases, "chatwoot_db": "chatwoot_user open"}),
            "database chatwoot_db: owner differs",
        ),
        (
            changed(databases={k: v for k, v in FIT.databases.items() if k != "chatwoot_db"}),
            "database chatwoot_db: owner missing",
        ),
        (
            changed(databases={**FIT.databases, "postgres": "postgres open"}),
            "database postgres: owner differs",
        ),
        (
            changed(databases={**FIT.databases, "template1": "postgres open"}),
            "database template1: owner differs",
        ),
        (
            changed(passwords={**FIT.passwords, "chatwoot_user": "refused"}),
            "role chatwoot_user: password differs",
        ),
        (
            changed(passwords={**FIT.passwords, "postgres": "refused"}),
            "role postgres: password differs",
        ),
        *(
            (
                changed(extensions={"chatwoot_db": frozenset(CHATWOOT_EXTENSIONS) - {name}}),
                f"database chatwoot_db: extension {name} missing",
            )
            for name in CHATWOOT_EXTENSIONS
        ),
    ],
)
def test_each_difference_is_named_with_what_is_wanted(state: DatabaseState, expected: str) -> None:
    assert keys(databases.changes(ALL, state)) == [expected]


def test_what_the_operator_added_is_left_alone() -> None:
    state = changed(
        roles={**FIT.roles, "reporting": "login"},
        databases={**FIT.databases, "reports": "reporting open"},
        extensions={"chatwoot_db": frozenset({*CHATWOOT_EXTENSIONS, "plpgsql"})},
    )
    assert databases.changes(ALL, state) == []


def test_an_empty_server_lacks_everything() -> None:
    found = databases.changes(ALL, DatabaseState({}, {}, {}, {}, {}))
    assert len(found) == 3 + 3 * len(ALL) + len(CHATWOOT_EXTENSIONS)


def test_what_is_switched_off_has_no_database_and_what_is_left_of_it_is_no_difference() -> None:
    wanted = services.databases(settings_of(whatsapp=False))
    assert [one.name for one in wanted] == ["chatwoot_db"]
    assert services.databases(settings_of()) == ALL
    assert databases.changes(wanted, FIT) == []


def test_a_password_that_the_container_does_not_have_yet_is_not_judged() -> None:
    roles = dict(FIT.passwords) | {"n8n_user": "unset"}
    assert databases.changes(ALL, changed(passwords=roles)) == []
