"""Roles, databases and extensions: how the live server is compared with what services declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from borgstack.change import Change, Code, compare
from borgstack.services.base import Database, Wanted

UNKNOWN = ("unset", "unasked")
"""Verdicts on a password that say nothing of whether it is right."""
FIT_ROLE = "login"
"""How `state.sh` describes a role that can log in and nothing more."""


@dataclass(frozen=True)
class DatabaseState:
    """The running server, as far as this project declares it.

    :ivar roles: attributes by role name, such as `login` or `login,superuser,member of pg_monitor`.
    :ivar databases: `OWNER` by name, with ` open` behind it while PUBLIC may connect.
    :ivar extensions: by database.
    :ivar passwords: by role: whether the password of `.env` logs in (`ok` or `refused`); `unset`
        where the container does not have it, and so differs from its configuration; `unasked`
        where the server could not be asked at its address, which says nothing of the password.
    :ivar schemas: the newest migration of each database that keeps account of them as Rails does.
    """

    roles: Mapping[str, str]
    databases: Mapping[str, str]
    extensions: Mapping[str, frozenset[str]]
    passwords: Mapping[str, str]
    schemas: Mapping[str, str]


def parse(lines: Iterable[str]) -> DatabaseState | None:
    """Read the lines of `state.sh`; None while the server could not be asked."""
    roles: dict[str, str] = {}
    databases: dict[str, str] = {}
    passwords: dict[str, str] = {}
    schemas: dict[str, str] = {}
    extensions: dict[str, set[str]] = {}
    tables = {"role": roles, "database": databases, "password": passwords, "schema": schemas}
    read = False
    for line in lines:
        kind, _, rest = line.partition(" ")
        name, _, value = rest.partition(" ")
        if kind in tables:
            tables[kind][name] = value
        elif kind == "extension":
            extensions.setdefault(name, set()).add(value)
        elif kind == "read":
            read = True
        elif kind == "unread":  # a full server, say: what it lacks is not known
            return None
    if not read:
        return None
    present = {name: frozenset(found) for name, found in extensions.items()}
    return DatabaseState(roles, databases, present, passwords, schemas)


def words(wanted: Wanted) -> tuple[str, ...]:
    """What `state.sh` takes: the databases, with their roles and passwords' entries."""
    return tuple(f"{one.name}:{one.role}:{one.password}" for one in wanted.databases)


def secrets(wanted: Wanted) -> tuple[str, ...]:
    """The entries of `.env` that the SQL sets as passwords."""
    return ("POSTGRES_PASSWORD", *(one.password for one in wanted.databases))


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
