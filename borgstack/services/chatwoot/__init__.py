"""Chatwoot: a one-shot that prepares, then web and worker."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from borgstack.services import postgresql
from borgstack.services.base import (
    Database,
    Entry,
    Kind,
    Mount,
    ProjectFile,
    Service,
    State,
    Template,
    sizes,
    supplied,
)
from borgstack.services.chatwoot import application, live
from borgstack.services.chatwoot.live import NAME as NAME
from borgstack.services.chatwoot.live import held as held
from borgstack.settings import Settings

PREPARE = "chatwoot-prepare"
WEB = "chatwoot"
WORKER = "chatwoot-worker"
FIRST_PASSWORDS = "first-passwords"
"""A folder with a file for each agent who has not changed the first password yet."""
DATABASE = Database(
    "chatwoot_db",
    "chatwoot_user",
    "CHATWOOT_DB_PASSWORD",
    ("pg_stat_statements", "pg_trgm", "pgcrypto", "vector"),
)
_CONTAINERS = (PREPARE, WEB, WORKER)
_REPOSITORY = Path(__file__).parents[3]
VERIFY_SCRIPT = _REPOSITORY / "tests" / "deployment" / "verify-chatwoot.sh"
"""The story's name for it; whoever has only the server finds a copy there."""


def _startup_files(settings: Settings) -> Iterable[ProjectFile | Template]:
    for name in ("prepare.rake", "provision.rb"):
        content = (_REPOSITORY / "files" / "chatwoot" / name).read_bytes()
        yield ProjectFile(f"config/chatwoot/{name}", content)
    yield ProjectFile("config/chatwoot/application.json", application.render(settings), "600")


def _files(_: Settings) -> Iterable[ProjectFile | Template]:
    yield ProjectFile(FIRST_PASSWORDS, None, mode="700")
    yield Template("config/chatwoot/README.md", "chatwoot/README.md.j2")
    yield ProjectFile("verify-chatwoot.sh", VERIFY_SCRIPT.read_bytes(), mode="750")


SERVICE = Service(
    NAME,
    "Chatwoot",
    memory={
        PREPARE: sizes("512m", "1g", "1g"),
        WEB: sizes("640m", "1g", "2g"),
        WORKER: sizes("640m", "1280m", "2560m"),
    },
    entries=(
        Entry(
            "CHATWOOT_HOST",
            Kind.PLAIN,
            "Chatwoot customer service platform credentials\n"
            "Chatwoot's public name; follows the settings.",
            "chatwoot.${DOMAIN}",
            readers=_CONTAINERS,
            value=lambda settings: settings.chatwoot_host,
        ),
        Entry(
            "CHATWOOT_DB_PASSWORD",
            Kind.PASSWORD,
            "The role chatwoot_user, which owns chatwoot_db and reaches no other database.",
            "<generate-strong-password>",
            readers=_CONTAINERS,
            length=32,
        ),
        Entry(
            "CHATWOOT_SECRET_KEY_BASE",
            Kind.HEX,
            "SECURITY WARNING: signs every session and attachment link. Whoever has it is "
            "anybody;\nwhoever changes it logs everybody out. Keep a copy with your backups.",
            "<generate-secret-key>",
            readers=_CONTAINERS,
            length=128,
            least=30,  # Rails refuses a shorter one
        ),
        Entry(
            "CHATWOOT_API_TOKEN",
            Kind.PASSWORD,
            "SECURITY WARNING: acts with all rights of the administrator.\n"
            "Nobody has to obtain it: it is generated here and written into Chatwoot by the "
            "deploy,\nwhich shows it under the avatar menu: Profile Settings, Access Token.",
            "<generate-api-token>",
            readers=(PREPARE,),
            length=24,
        ),
        Entry(
            "CHATWOOT_ADMIN_PASSWORD",
            Kind.LOGIN,
            "The administrator's first password. Chatwoot reads it once, when it makes the user;\n"
            "after that the one set in Chatwoot counts.",
            "<generate-strong-password>",
            readers=(PREPARE,),
            length=24,
        ),
        Entry(
            "SMTP_PASSWORD",
            Kind.SUPPLIED,
            "The mail server's password; follows the reference in the settings.",
            "<from-the-settings>",
            readers=_CONTAINERS,
            value=supplied("smtp_password"),
        ),
    ),
    reads={"REDIS_PASSWORD": _CONTAINERS},
    databases=(DATABASE,),
    mounts=(
        Mount(WEB, "/app/storage", "borgstack_chatwoot_storage"),
        Mount(WORKER, "/app/storage", "borgstack_chatwoot_storage"),
        Mount(WEB, "/app/public", "borgstack_chatwoot_public"),
    ),
    startup_files=_startup_files,
    files=_files,
    # Its one-shot brings it about, see tasks/chatwoot.py.
    state=State(lambda _: NAME, postgresql.NAME, live.parse, words=live.words, from_start=True),
    own_task=True,
)
