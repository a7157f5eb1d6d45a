"""The databases, who owns them, and how the live server is compared with that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from borgstack.change import Change, Code, compare
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


def changes(wanted: Iterable[Database], state: DatabaseState) -> list[Change]:
    """Every difference between the declared databases and the live server; SQL closes them all."""
    found = _password(state, "postgres")
    for name in ("postgres", "template1"):
        found += compare(f"database {name}", "owner", "postgres", state.databases.get(name))
    for database in wanted:
        subject = f"database {database.name}"
        role = state.roles.get(database.role)
        found += compare(f"role {database.role}", "attributes", FIT_ROLE, role)
        found += compare(subject, "owner", database.role, state.databases.get(database.name))
        found += _password(state, database.role)
        present = state.extensions.get(database.name, frozenset())
        found += [
            Change(subject, Code.MISSING, f"extension {extension}")
            for extension in database.extensions
            if extension not in present
        ]
    return found


def _password(state: DatabaseState, role: str) -> list[Change]:
    verdict = state.passwords.get(role)
    if verdict == "ok" or verdict in UNKNOWN:
        return []
    code = Code.MISSING if verdict is None else Code.DIFFERS
    return [Change(f"role {role}", code, "password")]
