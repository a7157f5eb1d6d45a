"""The host as the operations see it: five facts, of which four are gathered side by side.

Each is read once and kept until something is about to change (`cached_fact`); the preflight gathers
them at once, so that a run without changes waits for the slowest fact and not for their sum.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import gevent
from pyinfra.api import Host
from pyinfra.context import ctx_host, state

from borgstack import entries, services, stack
from borgstack.entries import EnvChange, EnvState, plain_values
from borgstack.facts.docker import Docker
from borgstack.facts.env import Env
from borgstack.facts.files import Files
from borgstack.facts.preflight import Server
from borgstack.facts.stack import Stack
from borgstack.live_docker import DockerState
from borgstack.live_server import ServerState
from borgstack.live_stack import StackState
from borgstack.operations import cached_fact, forget_facts
from borgstack.project import (
    COMPOSE_FILE,
    DIRECTORY,
    ENV_PATH,
    Project,
)
from borgstack.remote import state_program
from borgstack.salted import SALT
from borgstack.services.base import Service
from borgstack.settings import Settings

STAGING = ".staging"
"""Where `files_put.sh` unpacks; there only while it runs, or when it was killed."""


def gather_facts(project: Project) -> None:
    """Take the four looks that need root, side by side on the one connection."""
    host = ctx_host.get()
    looks = (
        lambda: env_state(project.settings),
        lambda: stack_state(project),
        docker_state,
        lambda: files_on_host(project),
    )

    def take(host: Host, number: int) -> None:
        with ctx_host.use(host):
            looks[number]()

    greenlets = [gevent.spawn(take, host, number) for number in range(len(looks))]
    gevent.joinall(greenlets, raise_error=True)


def server_state(settings: Settings) -> ServerState:
    """This server, looked at as the login user."""
    return cached_fact(Server, names=services.public_names(settings), _sudo=False)


def env_state(settings: Settings) -> EnvState:
    """`.env` as it is on this host, judged by these settings."""
    return cached_fact(Env, path=ENV_PATH, salt=SALT, rules=entries.rules(settings))


def env_changes(settings: Settings) -> list[EnvChange]:
    """What has to be done to `.env` on this host."""
    return entries.changes(settings, env_state(settings), SALT)


def docker_state() -> DockerState:
    """Docker as it is on this host."""
    return cached_fact(Docker)


def files_on_host(project: Project) -> Mapping[str, str]:
    """How the project's files and folders lie on this host."""
    paths = (*(file.path for file in project.files), STAGING)
    return cached_fact(Files, directory=DIRECTORY, paths=paths)


def stack_state(project: Project) -> StackState:
    """The stack as it is on this host, compared with what this project wants."""
    plain = plain_values(project.settings)
    containers = (service.container for service in project.services.values())
    enabled = services.enabled(project.settings)
    return cached_fact(
        Stack,
        directory=DIRECTORY,
        plain=" ".join(f"{name}={value}" for name, value in plain.items()),
        compose=base64.b64encode(project.content(COMPOSE_FILE)).decode(),
        states=state_program(enabled, project.wanted, DIRECTORY, SALT),
        things=(*project.images, *project.networks, *containers),
    )


def stack_state_of(project: Project, service: Service) -> StackState:
    """The same with an answer of this service's `state.sh`, asked for twice: one can get lost."""
    live = stack_state(project)
    container = project.services[service.state.container].container if service.state else ""
    due = state.is_executing or stack.answers(live, container)
    if due and live.engine == "running" and live.states.get(service.name) is None:
        forget_facts()
        live = stack_state(project)
    return live
