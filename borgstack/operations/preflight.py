"""Preflight: one report of everything that stands in the way, before anything is touched."""

from __future__ import annotations

from pyinfra import logger
from pyinfra.context import host, state

from borgstack import docker_fitness, docker_packages, entries, images
from borgstack.findings import Finding
from borgstack.live_server import ServerState
from borgstack.live_stack import StackState
from borgstack.operations import Commands, converging_operation, refuse
from borgstack.operations.run_lock import taken_by
from borgstack.operations.snapshot import (
    docker_state,
    env_state,
    gather_facts,
    server_state,
    stack_state,
)
from borgstack.preflight import findings, is_known
from borgstack.project import ENV_PATH, Project
from borgstack.settings import Settings
from borgstack.strangers import publishers, strangers


def _rejected(live: StackState) -> list[str]:
    if not live.rejected:
        return []
    own = "your override beside it" if live.override else "templates/docker-compose.yml.j2"
    return [
        "must be put right: expected Compose to take what is to be deployed; saw that it rejects "
        f"the new docker-compose.yml: '{' '.join(live.rejected)}'. Correct {own}."
    ]


def _published(live: StackState) -> dict[int, str]:
    """Of Caddy's ports, those that other containers publish, and whose they are."""
    others = {port: set(publishers(live, port)) - {"borgstack_caddy"} for port in (80, 443)}
    return {port: ", ".join(sorted(names)) for port, names in others.items() if names}


def _docker(settings: Settings, server: ServerState, live: StackState) -> list[Finding]:
    """What is to be said of this host's Docker, where it is known what is wanted there."""
    if not is_known(settings, server):
        return []
    goal = docker_packages.wanted(settings, server.os[0], server.codename, server.machine)
    running = (name for name, one in live.containers.items() if one.state == "running")
    return docker_fitness.findings(settings, goal, docker_state(), running)


def _uses_sudo() -> bool:
    arguments = host.current_op_global_arguments
    return bool(arguments and arguments["_sudo"])


@converging_operation
def check(project: Project) -> Commands:
    """Stop this host unless it is fit; every finding is named at once."""
    settings = project.settings
    server = server_state(settings)
    may_look = server.uid == 0 or (server.root and _uses_sudo())
    if may_look and state.is_executing and (why := taken_by(settings)):
        yield from refuse([why])
        return
    caddy_runs: bool | None = False
    room = images.FIRST_DEPLOY
    mistakes: list[entries.EnvMistake] = []
    in_the_way: list[str] = []
    of_docker: list[Finding] = []
    published: dict[int, str] = {}
    if may_look:
        gather_facts(project)
        mistakes = entries.mistakes(env_state(settings))
        live = stack_state(project)
        in_the_way = [
            f"must be put right: expected no {what} but this tool's own; saw one, {seen}, which it "
            f"did not make and does not touch. {then}"
            for what, seen, then in strangers(project, live)
        ]
        of_docker = _docker(settings, server, live)
        # A Compose that is too old rejects what it does not know yet.
        in_the_way += [] if docker_state().plugins and of_docker else _rejected(live)
        # Docker's listeners outlive a daemon that was killed, and are there before it answers.
        caddy_runs = None if live.engine == "stopped" else "borgstack_caddy" in live.containers
        published = _published(live)
        room = images.room(project, live)
    found = findings(
        settings,
        server,
        sudo=_uses_sudo(),
        caddy_runs=caddy_runs,
        published=published,
        room=room,
    )
    found += of_docker
    for finding in found:
        if not finding.fatal:
            logger.warning(f"{host.print_prefix}{finding}")
    fatal = [str(finding) for finding in found if finding.fatal]
    fatal += [
        f"must be put right: {ENV_PATH} {mistake}. The file was left as it is. {mistake.remedy}"
        for mistake in mistakes
    ]
    fatal += in_the_way
    if fatal:
        yield from refuse([*fatal, "Nothing was touched on this host."])
