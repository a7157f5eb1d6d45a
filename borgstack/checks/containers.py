"""The judges of the containers: whether they run, are well, have memory and keep their data.

Each is a pure function of what was seen. What it takes for granted (an answer of PostgreSQL, of
Redis …) stands in the table of checks; `borgstack.checks.judge` deals with its absence.
"""

from __future__ import annotations

from collections.abc import Iterable

from borgstack import services
from borgstack.evidence import Container, Evidence, Memory
from borgstack.project import Project
from borgstack.verdict import DEPLOY, Verdict, failed, skipped, unless

MOST_MEMORY = 0.9
"""Of a container's limit, and of what Redis may hold: full, it refuses every job and message, and a
worker that stops for minutes leaves a backlog."""
RECENTLY = 600
"""Seconds: a container that Docker restarted within them is not steady yet."""


def running(project: Project, evidence: Evidence) -> Verdict:
    """Every service of the rendered compose file runs; the one-shot has ended well."""
    inside = evidence.inside
    if inside.engine != "running":
        return failed("Docker runs", f"it is {inside.engine}", DEPLOY)
    problems = []
    for service in project.services.values():
        live = inside.containers.get(service.name)
        if live is None:
            problems.append(f"{service.container} is not there")
        elif service.one_shot:
            if (live.status, live.exit_code) != ("exited", 0):
                problems.append(f"{service.container} is {live.status}, exit code {live.exit_code}")
        elif live.status != "running":
            problems.append(f"{service.container} is {live.status}")
    names = ", ".join(service.container for service in project.services.values())
    return unless(problems, f"all run: {names}", f"docker logs NAME on the host; then {DEPLOY}")


def healthy(project: Project, evidence: Evidence) -> Verdict:
    """Every service that runs says that it is well."""
    states = evidence.inside.containers
    problems = [
        f"{service.container} is {live.health or 'without a health check'}"
        for service in project.services.values()
        if (live := states.get(service.name))
        and live.status == "running"
        and live.health != "healthy"
    ]
    if not problems and not any(live.status == "running" for live in states.values()):
        return skipped("no container runs, see `running`")
    return unless(
        problems,
        "every container that runs is healthy",
        "`starting`: wait a minute; else on the host: docker inspect -f "
        "'{{json .State.Health.Log}}' NAME",
    )


def volumes(project: Project, evidence: Evidence) -> Verdict:
    """Data lies in named volumes, which outlive every container.

    Proof: what the process in the container sees at the path is the very folder, by device and
    inode, that Docker keeps for the volume.
    """
    inside = evidence.inside
    there = {(one.service, one.path): one for one in inside.volumes}
    problems, wanted = [], set()
    for mount in services.mounts(project.settings):
        service, path, name = mount.container, mount.path, mount.volume
        wanted.add(name)
        live, volume = inside.containers.get(service), there.get((service, path))
        if live is None or live.status != "running":
            continue  # `running` tells of it
        if volume is None or volume.name != name:
            seen = f"the volume {volume.name}" if volume else "no named volume"
            problems.append(f"{service}:{path} is {seen}, not {name}")
        elif volume.used != volume.kept or volume.kept == "-":
            problems.append(f"{service}:{path} shows another folder than {name} keeps")
    return unless(
        problems,
        "data in named volumes: " + ", ".join(sorted(wanted)),
        f"what is written there now is lost with the container: copy it out, then {DEPLOY}",
    )


def memory(project: Project, evidence: Evidence) -> Verdict:
    """No container is near its limit, was short of memory, or keeps being restarted."""
    problems = []
    for service in project.services.values():
        live = evidence.inside.containers.get(service.name)
        if live is not None and live.status in {"running", "restarting"}:
            used = evidence.inside.memory.get(service.container)
            steady = evidence.now - live.started > RECENTLY
            problems += [f"{service.container} {what}" for what in _short_of(live, used, steady)]
    return unless(
        problems,
        f"every container below {MOST_MEMORY:.0%} of its limit, none killed or restarted",
        "raise `size` or `memory_limits` and deploy; a restart of the container clears the count",
    )


def _short_of(live: Container, used: Memory | None, steady: bool) -> Iterable[str]:
    if live.status == "restarting":
        yield "keeps being restarted"
    elif used is None:
        yield "does not tell how much it uses"
    else:
        if used.limit and used.used > used.limit * MOST_MEMORY:
            yield f"uses {used.used / used.limit:.0%} of {used.limit // 1024**2} MB"
        if used.kills:
            yield f"lost {used.kills} processes for want of memory"
        if live.restarts and not steady:
            yield f"was restarted {live.restarts} times, the last time just now"
