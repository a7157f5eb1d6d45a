"""The databases, who owns them, and how the live server is compared with that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from borgstack.settings import Settings


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


CHATWOOT = Database(
    "chatwoot_db",
    "chatwoot_user",
    "CHATWOOT_DB_PASSWORD",
    ("pg_stat_statements", "pg_trgm", "pgcrypto", "vector"),
)
N8N = Database("n8n_db", "n8n_user", "N8N_DB_PASSWORD")
EVOLUTION = Database("evolution_db", "evolution_user", "EVOLUTION_DB_PASSWORD")


def databases(settings: Settings) -> tuple[Database, ...]:
    """The databases of what runs; those of what is switched off stay as they are."""
    return (CHATWOOT, N8N, EVOLUTION) if settings.whatsapp else (CHATWOOT,)


UNKNOWN = ("unset", "unasked")
"""Verdicts on a password that say nothing of whether it is right."""
FIT_ROLE = "login"
"""How `stack_state.sh` describes a role that can log in and nothing more."""


@dataclass(frozen=True)
class DatabaseState:
    """The running server, as far as this project declares it.

    :ivar roles: attributes by role name, such as `login` or `login,superuser,member of pg_monitor`.
    :ivar databases: `OWNER` by name, with ` open` behind it while PUBLIC may connect.
    :ivar extensions: by database.
    :ivar passwords: by role: whether the password of `.env` logs in (`ok` or `refused`); `unset`
        where the container does not have it, and so differs from its configuration; `unasked`
        where the server could not be asked at its address, which says nothing of the password.
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


def changes(wanted: Iterable[Database], state: DatabaseState) -> list[DatabaseChange]:
    """Every difference between the declared databases and the live server."""
    found: list[DatabaseChange] = []

    def compare(what: str, seen: str | None, fit: str) -> None:
        if seen != fit:
            found.append(DatabaseChange(what, seen or "missing", fit))

    def compare_password(role: str) -> None:
        if state.passwords.get(role) not in UNKNOWN:
            compare(f"password of {role}", state.passwords.get(role), "ok")

    compare_password("postgres")
    for name in ("postgres", "template1"):
        compare(f"database {name}", state.databases.get(name), "postgres")
    for database in wanted:
        compare(f"role {database.role}", state.roles.get(database.role), FIT_ROLE)
        compare(f"database {database.name}", state.databases.get(database.name), database.role)
        compare_password(database.role)
        present = state.extensions.get(database.name, frozenset())
        for extension in database.extensions:
            seen = "present" if extension in present else None
            compare(f"extension {extension} in {database.name}", seen, "present")
    return found
