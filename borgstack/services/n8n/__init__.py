"""n8n, which carries messages between WhatsApp and Chatwoot; a one-shot imports what it runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from borgstack.services import postgresql
from borgstack.services.base import (
    Database,
    Entry,
    Kind,
    Mount,
    Page,
    ProjectFile,
    Service,
    State,
    Template,
    sizes,
)
from borgstack.services.n8n import workflows
from borgstack.services.n8n.workflows import WEB as WEB
from borgstack.settings import Settings

DATABASE = Database("n8n_db", "n8n_user", "N8N_DB_PASSWORD")
PREPARE = "n8n-prepare"
_CONTAINERS = (PREPARE, WEB)
_FOLDER = Path(__file__).parents[3] / "files" / "n8n"


def _startup_files(settings: Settings) -> Iterable[ProjectFile | Template]:
    """What the one-shot reads; secrets and ids are filled in there."""
    for name in ("prepare.js", "credentials.json"):
        yield ProjectFile(f"config/n8n/{name}", (_FOLDER / name).read_bytes())
    yield ProjectFile("config/n8n/preparation.json", workflows.import_manifest(settings))
    for name, content in workflows.workflows(settings).items():
        yield ProjectFile(f"config/n8n/workflows/{name}", content)


SERVICE = Service(
    "n8n",
    "n8n",
    memory={PREPARE: sizes("512m", "768m", "1g"), WEB: sizes("512m", "768m", "1g")},
    enabled=lambda settings: settings.whatsapp,
    entries=(
        Entry(
            "N8N_HOST",
            Kind.PLAIN,
            "n8n, which carries messages between WhatsApp and Chatwoot\n"
            "n8n's name; follows the settings.",
            "n8n.${DOMAIN}",
            readers=(WEB,),
            value=lambda settings: settings.n8n_host,
        ),
        Entry(
            "N8N_DB_PASSWORD",
            Kind.PASSWORD,
            "The role n8n_user, which owns n8n_db and reaches no other database.",
            "<generate-strong-password>",
            readers=_CONTAINERS,
            length=32,
        ),
        Entry(
            "N8N_ENCRYPTION_KEY",
            Kind.KEY,
            "SECURITY WARNING: encrypts the credentials that n8n keeps; without it they are lost.\n"
            "Keep a copy with your backups, and never change it.",
            "<generate-encryption-key>",
            readers=_CONTAINERS,
            length=48,
            least=1,  # n8n itself asks nothing of it
        ),
        Entry(
            "N8N_OWNER_PASSWORD",
            Kind.LOGIN,
            "The first password of n8n's owner, whose login is the administrator's e-mail "
            "address.\nThe deploy claims n8n with it once; after that the one set in n8n counts.",
            "<generate-strong-password>",
            length=24,
        ),
    ),
    # Those of the credentials that it imports.
    reads={
        "CHATWOOT_API_TOKEN": (PREPARE,),
        "EVOLUTION_API_KEY": (PREPARE,),
        "WHATSAPP_BRIDGE_SECRET": (PREPARE,),
    },
    databases=(DATABASE,),
    mounts=(Mount(WEB, "/home/node/.n8n", "borgstack_n8n_data"),),
    page=Page(lambda settings: settings.n8n_host, "n8n:5678"),
    startup_files=_startup_files,
    # Its one-shot brings it about, see tasks/n8n.py.
    state=State(
        lambda _: "n8n",
        postgresql.NAME,
        workflows.parse,
        words=workflows.words,
        faults=workflows.faults,
        from_start=True,
    ),
    own_task=True,
)
