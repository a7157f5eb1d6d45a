"""The databases, who owns them, and how the live server is compared with that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Database:
    """One application's database.

    :ivar password: the `.env` entry that holds the role's password.
    :ivar extensions: created by the superuser, since two of Chatwoot's four are not trusted and
        the role must not be a superuser (facts: chatwoot section 4).
    """

    name: str
    role: str
    password: str
    extensions: tuple[str, ...] = ()


DATABASES: tuple[Database, ...] = (
    Database(
        "chatwoot_db",
        "chatwoot_user",
        "CHATWOOT_DB_PASSWORD",
        ("pg_stat_statements", "pg_trgm", "pgcrypto", "vector"),
    ),
)

FIT_ROLE = "login"
"""How `stack_state.sh` describes a role that can log in and nothing more."""


@dataclass(frozen=True)
class DatabaseState:
    """The running server, as far as this project declares it.

    :ivar roles: attributes by role name, such as `login` or `login,superuser,member of pg_monitor`.
    :ivar databases: `OWNER` by name, with ` open` behind it while PUBLIC may connect.
    :ivar extensions: by database.
    :ivar passwords: by role: whether the password of `.env` logs in (`ok` or `refused`).
    :ivar schema: the newest migration of chatwoot_db, or empty while there is none.
    """

    roles: Mapping[str, str]
    databases: Mapping[str, str]
    extensions: Mapping[str, frozenset[str]]
    passwords: Mapping[str, str]
    schema: str


@dataclass(frozen=True)
class DatabaseChange:
    """One difference that running the SQL closes."""

    what: str
    seen: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.what}: {self.seen}, not {self.wanted}"


def changes(state: DatabaseState) -> list[DatabaseChange]:
    """Every difference between the declared databases and the live server."""
    found: list[DatabaseChange] = []

    def compare(what: str, seen: str | None, wanted: str) -> None:
        if seen != wanted:
            found.append(DatabaseChange(what, seen or "missing", wanted))

    compare("password of postgres", state.passwords.get("postgres"), "ok")
    for name in ("postgres", "template1"):
        compare(f"database {name}", state.databases.get(name), "postgres")
    for database in DATABASES:
        compare(f"role {database.role}", state.roles.get(database.role), FIT_ROLE)
        compare(f"database {database.name}", state.databases.get(database.name), database.role)
        compare(f"password of {database.role}", state.passwords.get(database.role), "ok")
        present = state.extensions.get(database.name, frozenset())
        for extension in database.extensions:
            seen = "present" if extension in present else None
            compare(f"extension {extension} in {database.name}", seen, "present")
    return found
