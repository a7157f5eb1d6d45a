"""n8n's workflows and credentials, and how they are compared with what n8n holds.

They lie in `files/n8n/`, the code of their nodes in files of its own; secrets and the numbers of
account and inbox are filled in on the server.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from borgstack.change import Change, Code
from borgstack.services.base import Fault, Wanted
from borgstack.settings import Settings

_FOLDER = Path(__file__).parents[3] / "files" / "n8n"
WEB = "n8n"
CREDENTIALS = ("borgstackChatwoot", "borgstackEvolution", "borgstackBridge")


@dataclass(frozen=True)
class Workflow:
    """One of the workflows: its name in the settings, its file, its fixed id in n8n.

    :ivar listens: whether it begins with a webhook; the other is called by n8n itself.
    """

    name: str
    file: str
    id: str
    listens: bool = True


WORKFLOWS = (
    Workflow("inbound", "04-whatsapp-chatwoot-integration.json", "borgstackInbound"),
    Workflow("replies", "05-chatwoot-whatsapp-replies.json", "borgstackReplies"),
    Workflow("errors", "06-whatsapp-errors.json", "borgstackErrors", listens=False),
)


@dataclass(frozen=True)
class WorkflowState:
    """A workflow as n8n holds it.

    :ivar differing: what is not as in its file: `name`, `nodes`, `connections`, `settings`.
    :ivar registered: whether n8n takes calls at its address; of the operator's own always true.
    """

    differing: tuple[str, ...]
    active: bool
    registered: bool


@dataclass(frozen=True)
class N8nState:
    """What n8n's database holds.

    :ivar owned: whether somebody has claimed the installation.
    :ivar workflows: by id; :ivar credentials: by id: `ok`, `differs`, or `unknown` without openssl.
    """

    owned: bool
    workflows: Mapping[str, WorkflowState]
    credentials: Mapping[str, str]


Marks = tuple[tuple[str, str], ...]
"""What the settings fill in, with what; the rest only the server knows."""


@cache
def source(file: str) -> str:
    """A workflow with the code of its nodes, which lies in the folder of its name."""
    path = _FOLDER / "workflows" / file
    workflow = json.loads(path.read_text(encoding="utf-8"))
    for node in workflow["nodes"]:
        if name := node["parameters"].get("jsCode"):
            node["parameters"]["jsCode"] = code(path.with_suffix("") / name.strip("@"))
    return json.dumps(workflow, indent=2, ensure_ascii=False) + "\n"


def code(file: Path) -> str:
    """A node's code; a line `@@other.js@@` in it stands for the file of that name beside it."""
    lines = file.read_text(encoding="utf-8").rstrip("\n").split("\n")
    named = ((re.fullmatch(r"@@([\w-]+\.js)@@", line), line) for line in lines)
    return "\n".join(code(file.parent / found[1]) if found else line for found, line in named)


def workflows(settings: Settings) -> dict[str, bytes]:
    """The workflows' files by name, as they go to the server."""
    marks = _marks(settings)
    return {one.file: _filled(one.file, marks).encode() for one in WORKFLOWS}


def _marks(settings: Settings) -> Marks:
    return (
        ("@@INSTANCE@@", settings.whatsapp_instance),
        ("@@LOCALE@@", settings.locale),
        ("@@CHATWOOT_URL@@", f"https://{settings.chatwoot_host}"),
    )


def _filled(file: str, marks: Marks) -> str:
    text = source(file)
    for mark, value in marks:
        text = text.replace(mark, value)
    return text


def import_manifest(settings: Settings) -> bytes:
    """What `prepare.js` has to know; it holds no secret."""
    wanted = {
        "workflows": [
            {
                "id": one.id,
                "file": one.file,
                "activate": one.listens,
                "own": one.name in settings.own_workflows,
            }
            for one in WORKFLOWS
        ],
    }
    return (json.dumps(wanted, indent=2) + "\n").encode()


def encoded_workflows(settings: Settings) -> str:
    """The workflows for the look at n8n's database: a JSON array, gzip, base64."""
    if not settings.whatsapp:
        return ""
    return _packed(_marks(settings), settings.own_workflows)


@cache
def _packed(marks: Marks, own: tuple[str, ...]) -> str:
    kept = ("id", "name", "nodes", "connections", "settings")
    entries = []
    for one in WORKFLOWS:
        parsed = json.loads(_filled(one.file, marks))
        entries.append({**{key: parsed[key] for key in kept}, "own": one.name in own})
    text = json.dumps(entries, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def words(wanted: Wanted) -> tuple[str, ...]:
    """What `state.sh` takes: whose account and which inbox, and the workflows."""
    settings = wanted.settings
    return (
        settings.admin_email.lower(),
        settings.whatsapp_inbox,
        encoded_workflows(settings),
    )


def parse(lines: Iterable[str]) -> N8nState | None:
    """Read the lines of `state.sh`; None when nothing answered."""
    rows: dict[str, list[str]] = {}
    for line in lines:
        kind, _, rest = line.partition(" ")
        rows.setdefault(kind, []).append(rest)
    if "read" not in rows:
        return None
    found: dict[str, WorkflowState] = {}
    for row in rows.get("workflow", ()):
        identity, differing, active, registered = row.split("|")
        parts = tuple(filter(None, differing.split(",")))
        found[identity] = WorkflowState(parts, active == "true", registered == "true")
    credentials = (row.partition(" ") for row in rows.get("credential", ()))
    owned = "true" in rows.get("owner", ())
    return N8nState(owned, found, {identity: verdict for identity, _, verdict in credentials})


def faults(held: N8nState) -> Mapping[str, Fault]:
    """A webhook at which n8n does not listen; it begins to when it starts."""
    silent = unregistered_webhooks(held)
    return {WEB: (Code.UNREGISTERED, f"webhook of {', '.join(silent)}")} if silent else {}


def workflow_changes(settings: Settings, live: N8nState) -> list[Change]:
    """What importing would put right."""
    return [
        *(change for one in WORKFLOWS for change in _workflow_changes(settings, one, live)),
        *(
            Change(f"credential {identity}", Code.DIFFERS if verdict else Code.MISSING)
            for identity in CREDENTIALS
            if (verdict := live.credentials.get(identity, "")) not in {"ok", "unknown"}
        ),
    ]


def _workflow_changes(settings: Settings, one: Workflow, live: N8nState) -> Iterable[Change]:
    subject = f"workflow {one.name}"
    seen = live.workflows.get(one.id)
    if seen is None:
        yield Change(subject, Code.MISSING)
        return
    if one.name in settings.own_workflows:
        return
    yield from (Change(subject, Code.DIFFERS, part) for part in seen.differing)
    if one.listens and not seen.active:
        yield Change(subject, Code.DIFFERS, "active", expected=True, actual=False)


def unregistered_webhooks(live: N8nState) -> list[str]:
    """The workflows at whose address n8n does not listen; it begins to when it starts."""
    return [
        one.name
        for one in WORKFLOWS
        if one.listens and not (one.id in live.workflows and live.workflows[one.id].registered)
    ]
