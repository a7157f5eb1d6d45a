"""The live databases against the declared ones: one row for each difference that the SQL closes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from borgstack import database, stack
from borgstack.database import DATABASES, DatabaseState
from tests.unit.support import CHATWOOT_EXTENSIONS, fit_database_lines


def parsed(lines: list[str]) -> DatabaseState:
    state = stack.parse(["engine running", *lines]).database
    assert state is not None
    return state


FIT = parsed(fit_database_lines())


def changed(**values: Any) -> DatabaseState:  # noqa: ANN401 - DatabaseState's own fields
    return dataclasses.replace(FIT, **values)


def test_nothing_differs_where_the_sql_has_run() -> None:
    assert database.changes(FIT) == []


def test_every_line_of_the_script_is_read() -> None:
    assert FIT.roles["chatwoot_user"] == "login"
    assert FIT.databases["chatwoot_db"] == "chatwoot_user"
    assert FIT.passwords == {"postgres": "ok", "chatwoot_user": "ok"}
    assert FIT.extensions == {"chatwoot_db": frozenset(CHATWOOT_EXTENSIONS)}
    assert FIT.schema == "20250101000000"


def test_a_server_that_did_not_answer_to_the_end_is_not_compared() -> None:
    assert stack.parse(fit_database_lines()[:-1]).database is None


def test_the_schema_of_another_database_does_not_count() -> None:
    lines = [line for line in fit_database_lines() if not line.startswith("schema")]
    assert parsed([*lines, "schema other_db 20250101000000"]).schema == ""


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (changed(roles={}), "role chatwoot_user: missing, not login"),
        (
            changed(roles={"chatwoot_user": "login,superuser"}),
            "role chatwoot_user: login,superuser, not login",
        ),
        (
            changed(roles={"chatwoot_user": "nologin"}),
            "role chatwoot_user: nologin, not login",
        ),
        (
            changed(roles={"chatwoot_user": "login,member of pg_monitor"}),
            "role chatwoot_user: login,member of pg_monitor, not login",
        ),
        (
            changed(databases={**FIT.databases, "chatwoot_db": "postgres"}),
            "database chatwoot_db: postgres, not chatwoot_user",
        ),
        (
            changed(databases={**FIT.databases, "chatwoot_db": "chatwoot_user open"}),
            "database chatwoot_db: chatwoot_user open, not chatwoot_user",
        ),
        (
            changed(databases={k: v for k, v in FIT.databases.items() if k != "chatwoot_db"}),
            "database chatwoot_db: missing, not chatwoot_user",
        ),
        (
            changed(databases={**FIT.databases, "postgres": "postgres open"}),
            "database postgres: postgres open, not postgres",
        ),
        (
            changed(databases={**FIT.databases, "template1": "postgres open"}),
            "database template1: postgres open, not postgres",
        ),
        (
            changed(passwords={**FIT.passwords, "chatwoot_user": "refused"}),
            "password of chatwoot_user: refused, not ok",
        ),
        (
            changed(passwords={**FIT.passwords, "postgres": "refused"}),
            "password of postgres: refused, not ok",
        ),
        *(
            (
                changed(extensions={"chatwoot_db": frozenset(CHATWOOT_EXTENSIONS) - {name}}),
                f"extension {name} in chatwoot_db: missing, not present",
            )
            for name in CHATWOOT_EXTENSIONS
        ),
    ],
)
def test_each_difference_is_named_with_what_is_wanted(state: DatabaseState, expected: str) -> None:
    assert [str(change) for change in database.changes(state)] == [expected]


def test_what_the_operator_added_is_left_alone() -> None:
    state = changed(
        roles={**FIT.roles, "reporting": "login"},
        databases={**FIT.databases, "reports": "reporting open"},
        extensions={"chatwoot_db": frozenset({*CHATWOOT_EXTENSIONS, "plpgsql"})},
    )
    assert database.changes(state) == []


def test_an_empty_server_lacks_everything() -> None:
    found = database.changes(DatabaseState({}, {}, {}, {}, ""))
    assert len(found) == 3 + 3 * len(DATABASES) + len(CHATWOOT_EXTENSIONS)
