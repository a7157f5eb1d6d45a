"""A server that answers our scripts and that our commands change: after `services_up` the named
containers run, after `env_write` the readers of what changed have another hash, and so on.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from borgstack import entries
from borgstack.project import Project
from borgstack.services import caddy, chatwoot, n8n, redis
from borgstack.services.n8n import workflows
from borgstack.settings import Settings
from tests.unit.support import (
    default_project,
    fit_database_lines,
    fit_docker_lines,
    fit_file_lines,
    fit_server_lines,
    fit_stack_lines,
)

LOOKS = ["preflight", "env_state", "stack_state", "docker_state", "files_state"]
"""What a run asks where nothing differs."""
READS = {*LOOKS, "files_masked"}
"""Every script that changes nothing."""

Lines = list[str]


def script_of(command: str) -> str:
    """The script that a command runs."""
    return command.rpartition(" borgstack-")[2].split(" ", 1)[0].strip("'\"")


def words(command: str) -> list[str]:
    """The script that a command runs, and its arguments; slow on the long ones that only look."""
    if script_of(command).endswith("_state"):
        return [script_of(command)]
    return shlex.split(command.rpartition(" borgstack-")[2])


def fit_env_lines(settings: Settings) -> Lines:
    names = [entry.name for entry in entries.entries_for(settings)]
    return ["file regular file|600|0|0", *(f"entry {name} ok" for name in names)]


def fit_answers(project: Project) -> dict[str, Lines]:
    """What a server says on which nothing differs."""
    return {
        "preflight": fit_server_lines(),
        "env_state": fit_env_lines(project.settings),
        "docker_state": fit_docker_lines(project.settings),
        "stack_state": fit_stack_lines(project),
        "files_state": fit_file_lines(project),
        "files_masked": [],
    }


def altered(lines: Lines, old: str, new: str) -> Lines:
    found = [line.replace(old, new) for line in lines]
    assert found != lines, f"no line holds {old!r}"
    return found


def starting(lines: Lines, start: str) -> Lines:
    return [line for line in lines if line.startswith(start)]


def without(lines: Lines, *starts: str) -> Lines:
    found = [line for line in lines if not line.startswith(starts)]
    assert found != lines, f"no line starts with {starts!r}"
    return found


FIT = fit_answers(default_project())
BARE: dict[str, Lines] = {
    "docker_state": ["unit MainPID=0"],
    "env_state": ["file missing"],
    "files_state": ["stat . directory|755|0|0"],
    "stack_state": ["engine missing"],
}


STALE = {
    "CHATWOOT_API_TOKEN": [
        ('"token": true', '"token": false'),
        ("credential borgstackChatwoot ok", "credential borgstackChatwoot differs"),
    ],
    "EVOLUTION_API_KEY": [
        ("credential borgstackEvolution ok", "credential borgstackEvolution differs"),
    ],
    "N8N_ENCRYPTION_KEY": [("credential (.*) ok", r"credential \1 differs")],
    "WHATSAPP_BRIDGE_SECRET": [
        ("credential borgstackBridge ok", "credential borgstackBridge differs"),
        ('"secret": true', '"secret": false'),
    ],
}
"""By entry, what a look finds to be of the old value until somebody is told the new one."""


@dataclass
class Server:
    """What one server answers now; `react` is called with every script that ended well."""

    answers: dict[str, Lines] = field(default_factory=lambda: {**FIT})

    def react(self, script: str, *arguments: str) -> None:
        """Take the effect of a script."""
        if script == "docker_install":
            self.answers["docker_state"] = FIT["docker_state"]
            if "engine missing" in self.answers["stack_state"]:
                hashes = starting(FIT["stack_state"], "hash ")
                self.answers["stack_state"] = ["engine running", *hashes]
        elif script == "docker_daemon" and "unit MainPID=0" not in self.answers["docker_state"]:
            self.answers["docker_state"] = FIT["docker_state"]
        elif script == "images_pull":
            for image in arguments:
                self.answers["stack_state"] = [
                    *self.answers["stack_state"],
                    f'image sha256:pulled-{image}|["{image}"]|[]',
                ]
        elif script == "files_put":
            self.answers["files_state"] = FIT["files_state"]
        elif script == "env_write":
            self._write_env()
        elif script == "services_up":
            for word in arguments[2:]:
                self._bring_up(word.split(":")[0])
        elif script == "networks_remove":
            for word in arguments[1:]:
                self._remove_network(word.split(":")[0])
        elif script == "redis_converge":
            self._replace("state redis ", starting(FIT["stack_state"], "state redis "))
        elif script == "postgresql_converge":
            self._databases(fit_database_lines())
        elif script == "caddy_converge":
            self._caddy()
        elif script == "containers_stop":
            for name in arguments:
                rows = self.answers["stack_state"]
                self.answers["stack_state"] = [
                    row.replace("|running|", "|exited|")
                    if row.startswith(f"container {name}|")
                    else row
                    for row in rows
                ]
        elif script == "containers_remove":
            for name in arguments:
                self._replace(f"container {name}|", [])
        elif script == "n8n_claim":
            self._replace("state n8n owner ", ["state n8n owner true"])
        elif script == "evolution_converge":
            self._replace("state evolution ", starting(FIT["stack_state"], "state evolution "))

    def _write_env(self) -> None:
        late = set(FIT["env_state"]) - set(self.answers["env_state"])
        names = [line.split(" ")[1] for line in late if line.startswith("entry ")]
        for service in {reader for name in names for reader in entries.readers(name)}:
            self._replace(f"hash {service} ", [f"hash {service} renewed"])
        for name in names:
            for old, new in STALE.get(name, ()):
                rows = self.answers["stack_state"]
                self.answers["stack_state"] = [re.sub(old, new, row) for row in rows]
        self.answers["env_state"] = FIT["env_state"]

    def _remove_network(self, name: str) -> None:
        self._replace(f"network {name}|", [])
        rows = self.answers["stack_state"]
        attached = [row for row in rows if row.startswith("container ") and name in row]
        left = [re.sub(rf"\b{name}\b,?", "", row) for row in attached]
        self.answers["stack_state"] = [*(row for row in rows if row not in attached), *left]

    def _bring_up(self, service: str) -> None:
        container = default_project().services[service].container
        (line,) = (
            line for line in FIT["stack_state"] if line.startswith(f"container {container}|")
        )
        (hash_now,) = (
            line.split(" ")[2]
            for line in self.answers["stack_state"]
            if line.startswith(f"hash {service} ")
        )
        line = line.replace(f"hash-of-{service}|", f"{hash_now}|")
        self._replace(f"container {container}|", [line])
        rows = self.answers["stack_state"]
        if service == "postgresql" and "state postgresql read" not in rows:
            self._databases(without(fit_database_lines(), "schema "))
        elif service == redis.NAME:
            flag = "state redis onboarding "
            flags = starting(rows, flag) or [f"{flag}0"]
            self._replace("state redis ", starting(FIT["stack_state"], "state redis "))
            self._replace(flag, flags)
        elif service == chatwoot.PREPARE:
            for kind in ("state postgresql schema ", "state chatwoot "):
                self._replace(kind, starting(FIT["stack_state"], kind))
        elif service == caddy.NAME:
            self._caddy()
        elif service == n8n.PREPARE:
            self._prepare_n8n()
        elif service == n8n.WEB:  # it begins to listen when it starts
            self.answers["stack_state"] = [
                f"{row}true"
                if row.startswith("state n8n workflow ") and row.endswith("|true|")
                else row
                for row in rows
            ]
        elif service == "evolution" and not starting(rows, "state evolution "):
            missing = 'state evolution {"status": null, "secret": false}'
            self._replace("state evolution ", [missing])

    def _prepare_n8n(self) -> None:
        """Import all; n8n itself, and who owns it, stay as they are."""
        rows = self.answers["stack_state"]
        heard = [row.split("|")[0] for row in rows if row.endswith("|true|true")]
        fit = [
            row if row.split("|")[0] in heard else row.removesuffix("true")
            for row in starting(FIT["stack_state"], "state n8n workflow ")
        ]
        credentials = [f"state n8n credential {identity} ok" for identity in workflows.CREDENTIALS]
        owner = starting(rows, "state n8n owner ") or ["state n8n owner false"]
        self._replace("state n8n ", [*fit, *credentials, *owner, "state n8n read yes"])

    def _databases(self, rows: Lines) -> None:
        self._replace("state postgresql ", [f"state postgresql {row}" for row in rows])
        if not starting(self.answers["stack_state"], "state chatwoot "):
            self._replace("state chatwoot ", ["state chatwoot read"])

    def _caddy(self) -> None:
        self._replace("state caddy ", starting(FIT["stack_state"], "state caddy "))

    def _replace(self, start: str, rows: Lines) -> None:
        kept = [row for row in self.answers["stack_state"] if not row.startswith(start)]
        self.answers["stack_state"] = [*kept, *rows]
