"""The files of /opt/borgstack, rendered from the settings alone: no secret passes through here.

Secrets stay `${NAME}` for Compose to take from `.env` on the host, so the same bytes can be
compared, shown and logged.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateSyntaxError
from pyinfra.api.exceptions import DeployError

from borgstack import application, whatsapp
from borgstack.change import Change, Code, compare
from borgstack.database import databases
from borgstack.settings import Settings
from borgstack.sizes import SIZES

DIRECTORY = "/opt/borgstack"
ENV_PATH = f"{DIRECTORY}/.env"
COMPOSE_FILE = "docker-compose.yml"
CADDYFILE = "config/caddy/Caddyfile"
FIRST_PASSWORDS = "first-passwords"
"""Below `DIRECTORY`: a file for each agent who has not changed the first password yet."""
REDIS_CONF = "config/redis/redis.conf"
VOLUMES = (
    "borgstack_postgresql_data",
    "borgstack_redis_data",
    "borgstack_chatwoot_storage",
    "borgstack_chatwoot_public",
    "borgstack_caddy_data",
    "borgstack_caddy_config",
)
WHATSAPP_VOLUMES = ("borgstack_n8n_data", "borgstack_evolution_instances")
_YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REPOSITORY = Path(__file__).parent.parent
VERIFY_SCRIPT = _REPOSITORY / "tests" / "deployment" / "verify-chatwoot.sh"
"""The story's name for it; whoever has only the server finds a copy there."""
_REDIS_UID, _REDIS_GID = 999, 1000
"""The user that the Redis image drops to before it reads its configuration."""


@dataclass(frozen=True)
class ProjectFile:
    """One file or folder as it has to lie below `DIRECTORY`.

    :ivar path: relative to `DIRECTORY`; the empty path is the directory itself.
    :ivar content: None for a folder.
    :ivar mode: octal digits, as `stat -c %a` prints them.
    """

    path: str
    content: bytes | None
    mode: str = "644"
    uid: int = 0
    gid: int = 0

    @property
    def expected(self) -> str:
        """What `files_state.sh` prints of it when it is in place."""
        kind = "directory" if self.content is None else "regular file"
        digest = "-" if self.content is None else hashlib.sha256(self.content).hexdigest()
        return f"{kind}|{self.mode}|{self.uid}|{self.gid}|{digest}"


def file_changes(file: ProjectFile, seen: str | None) -> list[Change]:
    """In what a file on the host differs from what it has to be; never empty."""
    subject = f"file {DIRECTORY}/{file.path}".rstrip("/")
    if seen is None:
        return [Change(subject, Code.MISSING)]
    names = ("type", "mode", "owner", "group")
    rows = zip(names, file.expected.split("|")[:4], seen.split("|")[:4], strict=True)
    found = [change for row in rows for change in compare(subject, *row)]
    if seen.split("|")[4] != file.expected.split("|")[4]:
        found.append(Change(subject, Code.DIFFERS, "content"))
    # What lies below a folder that is none is written again with it.
    return found or [Change(subject, Code.FOLLOWS, "folder")]


MTU_OPTION = "com.docker.network.driver.mtu"


@dataclass(frozen=True)
class Service:
    """What the rendered compose file says of a service, as far as a live container shows it.

    :ivar ports: what it publishes on every address of the host, as `80->8080/tcp`.
    """

    name: str
    container: str
    image: str
    networks: frozenset[str]
    one_shot: bool
    ports: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NetworkGoal:
    """What the rendered compose file says of a network.

    :ivar internal: whether it has no way out; :ivar mtu: empty for Docker's own.
    """

    internal: bool
    mtu: str = ""


@dataclass(frozen=True)
class Project:
    """Everything that one host's settings render to."""

    settings: Settings
    files: tuple[ProjectFile, ...]
    services: Mapping[str, Service]
    networks: Mapping[str, NetworkGoal]

    def content(self, path: str) -> bytes:
        """The bytes of one of the files."""
        return next(file.content or b"" for file in self.files if file.path == path)

    @property
    def images(self) -> tuple[str, ...]:
        """The images that the services run, each once."""
        return tuple(dict.fromkeys(service.image for service in self.services.values()))


def render(settings: Settings) -> Project:
    """Render every file.

    :raises DeployError: a template is broken; says which, where and why.
    """
    folder = _REPOSITORY / "files" / "chatwoot"
    chatwoot = [
        ProjectFile(f"config/chatwoot/{name}", (folder / name).read_bytes())
        for name in ("prepare.rake", "provision.rb")
    ]
    chatwoot.append(
        ProjectFile("config/chatwoot/application.json", application.render(settings), "600")
    )
    postgresql = _template("config/postgresql/postgresql.conf", "postgresql.conf.j2", settings)
    n8n = _n8n_files(settings)
    redis = _template(REDIS_CONF, "redis.conf.j2", settings, "600", _REDIS_UID, _REDIS_GID)
    digests = {
        "postgresql": _digest([postgresql]),
        "redis": _digest([redis]),
        "chatwoot": _digest(chatwoot),
        "n8n": _digest(n8n),
    }
    compose = _template(COMPOSE_FILE, "docker-compose.yml.j2", settings, "640", digests=digests)
    files = [
        compose,
        _template(CADDYFILE, "Caddyfile.j2", settings, editors=_editors(settings)),
        _template("config/postgresql/init-databases.sql", "init-databases.sql.j2", settings),
        postgresql,
        redis,
        *chatwoot,
        *n8n,
        _template("config/chatwoot/README.md", "chatwoot-README.md.j2", settings),
        ProjectFile("verify-chatwoot.sh", VERIFY_SCRIPT.read_bytes(), mode="750"),
    ]
    if settings.acme_root is not None:
        files.append(ProjectFile("config/caddy/acme-root.pem", settings.acme_root.read_bytes()))
    parsed = _parsed(compose.content or b"")
    networks = {name: _network(one) for name, one in parsed["networks"].items()}
    return Project(settings, (*_folders(settings), *files), _services(parsed), networks)


def _network(declared: Mapping[str, Any]) -> NetworkGoal:
    options = declared.get("driver_opts", {})
    return NetworkGoal(bool(declared.get("internal")), options.get(MTU_OPTION, ""))


def _editors(settings: Settings) -> list[tuple[str, str]]:
    """The public name of each open user interface, and where it answers inside."""
    known = {
        "n8n": (settings.n8n_host, "n8n:5678"),
        "evolution": (settings.evolution_host, "evolution:8080"),
    }
    return [known[name] for name in known if name in settings.editors]


def volumes(settings: Settings) -> tuple[str, ...]:
    """The volumes of what runs; those of what is switched off stay, and are nobody's."""
    return (*VOLUMES, *WHATSAPP_VOLUMES) if settings.whatsapp else VOLUMES


def _n8n_files(settings: Settings) -> list[ProjectFile]:
    """What the one-shot n8n-prepare reads; secrets and ids are filled in there."""
    if not settings.whatsapp:
        return []
    folder = _REPOSITORY / "files" / "n8n"
    files = [
        ProjectFile(f"config/n8n/{name}", (folder / name).read_bytes())
        for name in ("prepare.js", "credentials.json")
    ]
    wanted = whatsapp.import_manifest(settings)
    files.append(ProjectFile("config/n8n/preparation.json", wanted))
    for name, content in whatsapp.workflows(settings).items():
        files.append(ProjectFile(f"config/n8n/workflows/{name}", content))
    return files


def _folders(settings: Settings) -> Iterable[ProjectFile]:
    yield ProjectFile("", None, mode="750")
    yield ProjectFile(FIRST_PASSWORDS, None, mode="700")
    for path in ("config", "config/caddy", "config/caddy/conf.d"):
        yield ProjectFile(path, None, mode="755")
    for service in ("postgresql", "redis", "chatwoot"):
        yield ProjectFile(f"config/{service}", None, mode="755")
    if settings.whatsapp:
        for path in ("config/n8n", "config/n8n/workflows"):
            yield ProjectFile(path, None, mode="755")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_REPOSITORY / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration files, not HTML
    )


def _template(
    path: str,
    template: str,
    settings: Settings,
    mode: str = "644",
    uid: int = 0,
    gid: int = 0,
    **values: Any,  # noqa: ANN401 - whatever the template wants
) -> ProjectFile:
    try:
        text = (
            _environment()
            .get_template(template)
            .render(
                settings=settings,
                size=SIZES[settings.size],
                databases=databases(settings),
                volumes=volumes(settings),
                **values,
            )
        )
    except Exception as error:  # an expression in a template may raise anything
        line = _template_line(error)
        where = f"templates/{template}" + (f" line {line}" if line else "")
        raise DeployError(
            f"The template {where} cannot be rendered: {error}.\n"
            "  Nothing was touched on any host. Correct the template and run again."
        ) from error
    return ProjectFile(path, text.encode(), mode, uid, gid)


def _template_line(error: Exception) -> int | None:
    """Where in a template an error arose: Jinja puts template lines into the traceback."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next(
        (frame.lineno for frame in reversed(frames) if frame.filename.endswith(".j2")), None
    )


def _digest(files: Iterable[ProjectFile]) -> str:
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.path}\0{file.expected}\0".encode())
    return whole.hexdigest()[:16]


def _parsed(compose: bytes) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = yaml.load(compose, Loader=_YamlLoader)  # noqa: S506 - a safe one
    except yaml.YAMLError as error:
        raise DeployError(
            f"templates/docker-compose.yml.j2 does not render to YAML: {error}\n"
            "  Nothing was touched on any host. Correct the template and run again."
        ) from error
    return parsed


def _services(compose: Mapping[str, Any]) -> dict[str, Service]:
    return {
        name: Service(
            name,
            service["container_name"],
            service["image"],
            frozenset(service["networks"]),
            service.get("restart") == "no",
            frozenset(_published(port) for port in service.get("ports", ())),
        )
        for name, service in compose["services"].items()
    }


def _published(port: str) -> str:
    """`0.0.0.0:80:8080` of a compose file as `docker ps` prints it, without that address."""
    ports, _, protocol = port.removeprefix("0.0.0.0:").partition("/")
    host, _, container = ports.partition(":")
    return f"{host}->{container}/{protocol or 'tcp'}"
