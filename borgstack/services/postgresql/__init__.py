"""PostgreSQL with pgvector: every application has a database and a role of its own in it."""

from __future__ import annotations

from collections.abc import Iterable

from borgstack.services.base import (
    Entry,
    Kind,
    Mount,
    ProjectFile,
    Service,
    State,
    Template,
    sizes,
)
from borgstack.services.postgresql import databases
from borgstack.settings import Settings

NAME = "postgresql"


def _startup_files(_: Settings) -> Iterable[ProjectFile | Template]:
    yield Template("config/postgresql/postgresql.conf", "postgresql/postgresql.conf.j2")


def _files(_: Settings) -> Iterable[ProjectFile | Template]:
    yield Template("config/postgresql/init-databases.sql", "postgresql/init-databases.sql.j2")


SERVICE = Service(
    NAME,
    "PostgreSQL",
    memory={NAME: sizes("448m", "1536m", "4g")},
    entries=(
        Entry(
            "POSTGRES_PASSWORD",
            Kind.PASSWORD,
            "PostgreSQL's superuser; no application gets it.",
            "<generate-strong-password>",
            readers=(NAME,),
            length=32,
        ),
    ),
    mounts=(Mount(NAME, "/var/lib/postgresql", "borgstack_postgresql_data"),),
    startup_files=_startup_files,
    files=_files,
    state=State(
        lambda _: "PostgreSQL's roles",
        NAME,
        databases.parse,
        lambda wanted, held: databases.changes(wanted.databases, held),
        databases.words,
        orders=lambda *_: (),
        secrets=databases.secrets,
        from_start=True,
        step="Converge roles, databases and extensions",
    ),
    own_task=True,
)
