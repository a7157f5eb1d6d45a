"""What several tests build: settings, a rendered project, hosts in which nothing differs, and runs
of the shell scripts that go to the host.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from borgstack import docker_daemon, docker_packages
from borgstack.entries import digest
from borgstack.host_data import read_settings
from borgstack.project import Project, Service, render
from borgstack.remote import script_text
from borgstack.salted import SALT
from borgstack.services import chatwoot, evolution, n8n
from borgstack.services.evolution import instance as evolution_instance
from borgstack.services.n8n import workflows
from borgstack.services.redis import CONF as REDIS_CONF
from borgstack.services.redis import live
from borgstack.settings import Settings
from borgstack.values import LOCALES
from borgstack.whatsapp import REPLY_URL

REPOSITORY = Path(__file__).parent.parent.parent
SCRIPT_FILES = {
    **{path.stem: path for path in sorted((REPOSITORY / "borgstack/remote").glob("*.sh"))},
    **{
        f"{path.parent.name}_{path.stem}": path
        for path in sorted((REPOSITORY / "borgstack/services").glob("*/*.sh"))
    },
}
"""The scripts that go to the host, by the names that run them."""
REQUIRED: dict[str, object] = {"domain": "example.com", "caddy_email": "ops@example.com"}
CHATWOOT_EXTENSIONS = ("pg_stat_statements", "pg_trgm", "pgcrypto", "vector")


def settings_of(**data: object) -> Settings:
    """Settings of a host on which nothing but the two required values and `data` is set."""
    settings, mistakes = read_settings({**REQUIRED, **data})
    assert settings is not None, mistakes
    return settings


@cache
def default_project() -> Project:
    return render(settings_of())


@dataclass(frozen=True)
class Ran:
    """What a script did."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def run_script(
    name: str, *arguments: str, stdin: str = "", first_on_path: Path | None = None
) -> Ran:
    """Run `borgstack/remote/NAME.sh` through `sh`, as pyinfra does on a host."""
    return run_text(script_text(name), *arguments, stdin=stdin, first_on_path=first_on_path)


def run_text(text: str, *arguments: str, stdin: str = "", first_on_path: Path | None = None) -> Ran:
    environment = dict(os.environ)
    if first_on_path is not None:
        environment["PATH"] = f"{first_on_path}:{environment['PATH']}"
    done = subprocess.run(
        ["sh", "-c", text, "borgstack-test", *arguments],
        input=stdin.encode(),
        capture_output=True,
        env=environment,
        check=False,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def of_this_host(root: Path) -> str:
    """`stack_state.sh` as it is on a host below `root`, with Compose where `bin` has it."""
    text = script_text("stack_state").replace("${HOME:-/root}", f"{root}/home")
    folder = root / "usr/libexec/docker"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "cli-plugins").exists():
        (folder / "cli-plugins").symlink_to(root / "bin")
    return re.sub(r"(?<= )/usr/(?=lib|local)", f"{root}/usr/", text)


def program(folder: Path, name: str, text: str) -> Path:
    """Put a small shell program on the PATH folder of a test."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def fit_server_lines() -> list[str]:
    """What `preflight.sh` prints on a server that is fit for the default settings."""
    return [
        "uid 0",
        "user root",
        "root yes",
        "os debian 13 trixie",
        "machine x86_64",
        "init systemd",
        "memory 4000000000",
        "disk 50000000000",
        "time synchronised",
        "address 192.0.2.10",
        "address 2001:db8::10",
        "name chatwoot.example.com 192.0.2.10",
    ]


def fit_docker_lines(settings: Settings) -> list[str]:
    """What `docker_state.sh` prints on a Debian 13 where Docker is as the settings want it."""
    goal = docker_packages.wanted(settings, "debian", "trixie", "x86_64")
    daemon = json.dumps(docker_daemon.daemon_settings(settings), indent=2)
    return [
        *(f"package {name} 5:29.1.0-1~debian" for name in goal.packages),
        f"key 644|0|0 {goal.fingerprint}",
        f"file {docker_packages.SOURCES} 644|0|0 {_base64(goal.sources)}",
        f"file {docker_daemon.DAEMON_JSON} 644|0|0 {_base64(daemon)}",
        "unit LoadState=loaded",
        "unit ActiveState=active",
        "unit UnitFileState=enabled",
        "unit MainPID=321",
        "socket LoadState=loaded",
        "now 1700000100",
        "loaded by this process",
    ]


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def image_number(project: Project, image: str) -> str:
    return f"sha256:{project.images.index(image):064x}"


def fit_stack_lines(project: Project) -> list[str]:
    """What `stack_state.sh` prints where the whole stack is in place."""
    lines = ["engine running"]
    for image in project.images:
        lines.append(f'image {image_number(project, image)}|["{image}"]|[]')
    for service in project.services.values():
        lines.append(f"hash {service.name} hash-of-{service.name}")
        state = (
            "exited|Exited (0) 3 hours ago" if service.one_shot else "running|Up 3 hours (healthy)"
        )
        lines.append(
            f"container {service.container}|borgstack|{service.name}|hash-of-{service.name}|"
            f"{image_number(project, service.image)}|{state}|"
            f"{','.join(sorted(service.networks))}|{service.image}|{published(service)}|/opt/borgstack"
        )
    for name, goal in project.networks.items():
        lines.append(f"network {name}|borgstack|{name}|{str(goal.internal).lower()}|id-of-{name}||")
    lines += [f"state postgresql {line}" for line in fit_database_lines()]
    lines += [f"state redis {line}" for line in fit_redis_lines(project)]
    lines += ['state caddy adapted {"result":{"a":1}}', 'state caddy running {"a":1}']
    lines += fit_whatsapp_lines() if project.settings.whatsapp else []
    said = json.dumps(fit_application(project.settings))
    return [*lines, f"state chatwoot application {said}", "state chatwoot read"]


def fit_whatsapp_lines() -> list[str]:
    """What the looks at n8n and Evolution print where both hold what they have to."""
    instance = {
        "status": "open",
        "webhook": {**evolution_instance.WEBHOOK},
        "settings": {**evolution_instance.SETTINGS, "msgCall": ""},
        "secret": True,
    }
    return [
        *(
            f"state n8n workflow {one.id}||{fit}|{fit}"
            for one, fit in zip(workflows.WORKFLOWS, FIT_WORKFLOWS, strict=True)
        ),
        *(f"state n8n credential {identity} ok" for identity in workflows.CREDENTIALS),
        "state n8n owner true",
        "state n8n read yes",
        f"state evolution {json.dumps(instance)}",
    ]


FIT_WORKFLOWS = ("true", "true", "")
"""Whether each is active and listens: nothing calls the one for errors but n8n."""


def fit_application(settings: Settings) -> dict[str, Any]:
    """What Chatwoot's `state.sql` prints where Chatwoot is as declared, webhooks apart."""

    def config(value: str) -> str:
        return f"--- !ruby/hash:ActiveSupport::HashWithIndifferentAccess\nvalue: {value}\n"

    people = [(settings.admin_email.lower(), "SuperAdmin", "administrator", (), ())]
    people += [(a.email.lower(), "", a.role, a.inboxes, a.teams) for a in settings.agents]
    return {
        "configs": {
            "INSTALLATION_NAME": config(settings.installation_name),
            "ENABLE_ACCOUNT_SIGNUP": config("'false'"),
        },
        "token": True,
        "account": {
            "id": 1,
            "name": settings.account_name,
            "locale": LOCALES.index(settings.locale),
            "timezone": settings.timezone,
        },
        "users": [
            dict(zip(("email", "type", "role", "inboxes", "teams"), one, strict=True))
            for one in people
        ],
        "teams": [one.model_dump() for one in settings.teams],
        "labels": [one.model_dump() for one in settings.labels],
        "inboxes": [
            {
                "name": one.name,
                "auto_assignment": one.auto_assignment,
                "greeting": one.greeting,
                "one_conversation": one.one_conversation,
                "webhook": digest(SALT, REPLY_URL)
                if settings.whatsapp and one.name == settings.whatsapp_inbox
                else None,
            }
            for one in settings.inboxes
        ],
        "webhooks": [],
    }


ANY_ADDRESS = ("0.0.0.0", "[::]")  # noqa: S104 - as docker ps prints it


def published(service: Service) -> str:
    """The ports as `docker ps` prints them; Caddy's image exposes one more."""
    ports = [f"{address}:{port}" for address in ANY_ADDRESS for port in service.ports]
    return ", ".join([*sorted(ports), "2019/tcp"]) if ports and not service.one_shot else ""


def fit_redis_lines(project: Project) -> list[str]:
    """What Redis' `state.sh` prints where Redis runs with its redis.conf."""
    settings = live.parse_conf(project.content(REDIS_CONF)) | {"maxmemory": "67108864"}
    rows = [f"setting {name} {value}" for name, value in settings.items()]
    return ["password ok", "onboarding 0", *rows]


ALL = (chatwoot.DATABASE, evolution.DATABASE, n8n.DATABASE)
"""The databases of the default settings."""


def fit_database_lines() -> list[str]:
    """What PostgreSQL's `state.sh` prints where roles, owners, passwords and extensions fit."""
    return [
        "role postgres login,superuser,createdb,createrole,replication,bypassrls",
        *(f"role {one.role} login" for one in ALL),
        "database postgres postgres",
        "database template1 postgres",
        *(f"database {one.name} {one.role}" for one in ALL),
        "password postgres ok",
        *(f"password {one.role} ok" for one in ALL),
        *(f"extension chatwoot_db {name}" for name in CHATWOOT_EXTENSIONS),
        "schema chatwoot_db 20250101000000",
        "read",
    ]


def fit_file_lines(project: Project) -> list[str]:
    """What `files_state.sh` prints where every file and folder lies as rendered."""
    lines = []
    for file in project.files:
        kind_and_owner, _, digest = file.expected.rpartition("|")
        lines.append(f"stat {file.path or '.'} {kind_and_owner}")
        if digest != "-":
            lines.append(f"sha256 {file.path} {digest}")
    return lines
