"""The files of /opt/borgstack, rendered from the settings alone: no secret passes through here.

Secrets stay `${NAME}` for Compose to take from `.env` on the host, so the same bytes can be
compared, shown and logged.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateSyntaxError
from pyinfra.api.exceptions import DeployError

from borgstack import services
from borgstack.change import Change, Code, compare
from borgstack.services.base import ProjectFile, Template, Wanted
from borgstack.settings import Settings
from borgstack.sizes import SIZES

DIRECTORY = "/opt/borgstack"
ENV_PATH = f"{DIRECTORY}/.env"
COMPOSE_FILE = "docker-compose.yml"
_YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REPOSITORY = Path(__file__).parent.parent


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

    @cached_property
    def wanted(self) -> Wanted:
        """What services are compared with."""
        contents = {file.path: file.content for file in self.files if file.content is not None}
        settings = self.settings
        names = services.public_names(settings)
        return Wanted(settings, services.databases(settings), names, contents)

    @property
    def images(self) -> tuple[str, ...]:
        """The images that the services run, each once."""
        return tuple(dict.fromkeys(service.image for service in self.services.values()))


def render(settings: Settings) -> Project:
    """Render every file.

    :raises DeployError: a template is broken; says which, where and why.
    """
    values = _values(settings)
    digests = {
        one.name: _digest(_rendered(file, values) for file in one.startup_files(settings))
        for one in services.enabled(settings)
    }
    main = Template(COMPOSE_FILE, "docker-compose.yml.j2", "640")
    compose = _rendered(main, {**values, "digests": digests})
    files = [compose, *(_rendered(file, values) for file in services.files(settings))]
    parsed = _parsed(compose.content or b"")
    networks = {name: _network(one) for name, one in parsed["networks"].items()}
    return Project(settings, (*_folders(files), *files), _services(parsed), networks)


def _values(settings: Settings) -> dict[str, Any]:
    """What templates may name."""
    pages = services.pages(settings)
    return {
        "settings": settings,
        "size": SIZES[settings.size],
        "services": services.enabled(settings),
        "databases": services.databases(settings),
        "volumes": services.volumes(settings),
        "memory": services.memory_limits(settings),
        "editors": [page for name, page in pages.items() if name in settings.editors],
    }


def _network(declared: Mapping[str, Any]) -> NetworkGoal:
    options = declared.get("driver_opts", {})
    return NetworkGoal(bool(declared.get("internal")), options.get(MTU_OPTION, ""))


def _folders(files: Collection[ProjectFile]) -> Iterable[ProjectFile]:
    """The folders that files lie in, a folder before what is below it."""
    yield ProjectFile("", None, mode="750")
    parents = {str(parent) for file in files for parent in PurePosixPath(file.path).parents}
    for path in sorted(parents - {".", *(file.path for file in files)}):
        yield ProjectFile(path, None, mode="755")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_REPOSITORY / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration files, not HTML
    )


def _rendered(file: ProjectFile | Template, values: Mapping[str, Any]) -> ProjectFile:
    if isinstance(file, ProjectFile):
        return file
    try:
        text = _environment().get_template(file.template).render(values)
    except Exception as error:  # an expression in a template may raise anything
        raise DeployError(
            f"The template {_place(error, file.template)} cannot be rendered: {error}.\n"
            "  Nothing was touched on any host. Correct the template and run again."
        ) from error
    return ProjectFile(file.path, text.encode(), file.mode, file.uid, file.gid)


def _place(error: Exception, template: str) -> str:
    """Which template and line an error arose in: Jinja puts template lines into the traceback."""
    if isinstance(error, TemplateSyntaxError):
        return f"templates/{error.name or template} line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.endswith(".j2"):
            path = Path(frame.filename).relative_to(_REPOSITORY)
            return f"{path} line {frame.lineno}"
    return f"templates/{template}"


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
