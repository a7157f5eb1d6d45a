"""The judges of what only the host itself can tell. Each is a pure function of what was seen.

What a judge takes for granted (an answer of PostgreSQL, of Redis …) stands in the table of checks;
`borgstack.checks.judge` deals with its absence.
"""

from __future__ import annotations

from collections.abc import Iterable

from borgstack import services
from borgstack.entries import FIT_OWNER
from borgstack.evidence import Container, Evidence, Jobs, Memory
from borgstack.project import ENV_PATH, Project
from borgstack.verdict import DEPLOY, Verdict, failed, skipped, unless

CLOCK_TOLERANCE = 10
LEAST_DISK = 2 * 1024**3
LEAST_INODES = 0.05
MOST_MEMORY = 0.9
"""Of a container's limit, and of what Redis may hold: full, it refuses every job and message, and a
worker that stops for minutes leaves a backlog."""
RECENTLY = 600
"""Seconds: a container that Docker restarted within them is not steady yet."""
BEAT = 60
"""Seconds: Sidekiq beats every 10, and is given up by its own page after 60."""
LIFE = 420
"""Seconds: Sidekiq's own job runs every 300."""
QUEUED = 300
"""Seconds that a job may wait for a free thread."""


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


def schema(project: Project, evidence: Evidence) -> Verdict:
    """The database has every migration of the image, and the web process can read it."""
    web = evidence.inside.web or {}
    wanted, found = web.get("migrations", ()), set(evidence.inside.migrated or ())
    if not wanted:
        return failed(
            "db/schema.rb and db/migrate in the image", "neither", "is it Chatwoot's image?"
        )
    missing = [version for version in wanted if version not in found]
    problems = []
    if missing:
        newest = max(found, default="nothing")
        problems.append(f"{newest}; {len(missing)} are missing, the first is {missing[0]}")
    data = web.get("api", {}).get("data_services")
    if data != "ok":
        problems.append(f"the web process says of its database: {data or 'nothing'}")
    return unless(problems, f"the database at the image's version {max(wanted)}", DEPLOY)


def jobs(project: Project, evidence: Evidence) -> Verdict:
    """Redis answers and keeps what it is given, and a job has gone through not long ago."""
    inside = evidence.inside
    found = inside.jobs or Jobs()
    of_redis = list(_redis(found))
    problems = [*of_redis]
    if inside.alive is False:
        problems.append("the worker's health port 7433 does not say 200")
    if found.now:
        problems += _sidekiq(found, inside.containers.get("chatwoot-worker"))
    elif not of_redis:
        problems.append("Redis tells nothing of Sidekiq's jobs")
    return unless(
        problems,
        "PONG, noeviction, all of it written to the disk, room for more, a worker that beats, and "
        "its own job run within 7 minutes",
        _REDIS_NEXT if of_redis else _WORKER_NEXT,
    )


_WORKER_NEXT = "on the host: docker logs --tail 100 chatwoot-worker; docker restart chatwoot-worker"
_REDIS_NEXT = (
    "on the host: docker logs --tail 50 borgstack_redis; make room on the disk, or for more memory "
    f"raise `size`; then {DEPLOY}"
)
_UNWRITTEN = {
    "rdb_last_bgsave_status": "Redis cannot save its data",
    "aof_last_write_status": "Redis cannot write to its append-only file",
    "aof_last_bgrewrite_status": "Redis cannot rewrite its append-only file, which grows",
}
"""By what Redis calls it, and in the order in which it weighs."""


def _redis(found: Jobs) -> Iterable[str]:
    if found.ping != "PONG":
        said = found.ping.partition(". ")[0]
        yield f"Redis answers {said or 'nothing'}, not PONG"
    if found.policy != "noeviction" and (found.policy or found.ping == "PONG"):
        yield f"Redis' maxmemory-policy is {found.policy}: jobs may vanish"
    for status, what in _UNWRITTEN.items():
        # What was wrong with an append-only file that is switched off counts no more.
        counts = not status.startswith("aof_") or found.info.get("aof_enabled") == "1"
        if counts and found.info.get(status) == "err":
            yield f"{what} ({status}:err)"
    used, most = (int(found.info.get(name, 0)) for name in ("used_memory", "maxmemory"))
    if most and used > most * MOST_MEMORY:
        yield f"Redis holds {used / most:.0%} of the {most // 1024**2} MB that it may"


def _sidekiq(found: Jobs, worker: Container | None) -> list[str]:
    problems = []
    fresh = [one for one in found.processes.values() if found.now - one.beat <= BEAT]
    if not fresh:
        problems.append(f"no Sidekiq process has beaten within {BEAT} s")
    elif all(one.quiet for one in fresh):
        problems.append("the worker is quiet: it takes no new jobs")
    started = worker.started if worker else 0
    if found.renewed is None:
        problems.append("Sidekiq's own job has left no trace")
    elif (age := found.now - found.renewed) > LIFE:
        problems.append(f"Sidekiq's own job ran {age:.0f} s ago, not within {LIFE} s")
    elif found.next is None and found.renewed - started < RECENTLY / 10:
        # The start renews the key as well; that a job ran shows in the next one being due.
        problems.append("no job has gone through since the worker's start")
    problems += [
        f"a job waits in {queue} for {found.now - since:.0f} s"
        for queue, since in found.waiting.items()
        # Each worker has a queue of its own for that job; one that was killed leaves it behind.
        if found.now - since > QUEUED and not queue.startswith("sidekiq-alive-")
    ]
    return problems


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


def agents(project: Project, evidence: Evidence) -> Verdict:
    """The token lists the account's agents, the administrator among them; strangers get nothing."""
    web = evidence.inside.web or {}
    if not web.get("token"):
        return skipped(f"CHATWOOT_API_TOKEN is not set in {ENV_PATH}")
    found = web.get("agents") or {}
    problems = []
    if found.get("status") != 200 or not found.get("array"):
        status = found.get("status", "no answer")
        problems.append(
            f"inside: {status}{'' if found.get('array') else ', which is not an array'}"
        )
    elif found.get("role") != "administrator":
        role = found.get("role") or "missing"
        problems.append(f"the token's user is {role} among {found.get('count')} agents")
    stranger = evidence.outside.answers.get("agents", "no answer")
    if not isinstance(stranger, str) and stranger.status != 401:
        problems.append(f"from outside, without a token: {stranger.status}, not 401")
    return unless(
        problems,
        "GET /api/v1/accounts/ID/agents: 200 and an array with the administrator; 401 for others",
        DEPLOY,
    )


def token(project: Project, evidence: Evidence) -> Verdict:
    """The token of `.env` is the administrator's, and another one is refused."""
    web = evidence.inside.web or {}
    profile = web.get("profile") or {}
    email = project.settings.admin_email.lower()
    problems = []
    if not web.get("token"):
        problems.append(f"no CHATWOOT_API_TOKEN in {ENV_PATH}")
    elif profile.get("status") != 200:
        problems.append(f"GET /api/v1/profile with the token: {profile.get('status', 'no answer')}")
    else:
        if profile.get("email") != email:
            problems.append(f"it belongs to {profile.get('email')}")
        if not any(one.get("role") == "administrator" for one in profile.get("accounts", ())):
            problems.append("its user is administrator of no account")
    if web.get("wrong_token") != 401:
        problems.append(f"a wrong token is answered by {web.get('wrong_token', 'nothing')}")
    return unless(
        problems,
        f"the token of .env belongs to the administrator {email}; 401 for a wrong one",
        DEPLOY,
    )


def exposed(project: Project, evidence: Evidence) -> Verdict:
    """Nothing but 80, 443, SSH and what is allowed listens for others or is published by Docker.

    UDP counts where Docker publishes it: clients of DNS, DHCP and NTP listen on UDP everywhere.
    """
    allowed = {22, 80, 443, evidence.inside.ssh_port, *project.settings.allowed_ports}
    if not evidence.inside.sockets:  # at least sshd does
        return failed("a list of what listens", "none", "on the host: ss -ltnp (package iproute2)")
    problems = {
        f"{one.port} on {one.address} by {one.who}": None
        for one in evidence.inside.sockets
        if not one.loopback and one.port not in allowed and one.who != "sshd"
    }
    return unless(
        list(problems),
        f"only {', '.join(map(str, sorted(allowed)))} and sshd listen for others",
        "close it or bind it to 127.0.0.1; if it is yours, add it to the setting allowed_ports",
    )


def clock(project: Project, evidence: Evidence) -> Verdict:
    """The host's clock and the laptop's agree."""
    before, after = evidence.inside.asked
    host = evidence.inside.clock
    if host is None:
        return skipped("the host did not say its time")
    late = max(before - host, host - after, 0)
    return unless(
        [f"the host's is {late:.0f} s {'behind' if host < before else 'ahead'}"]
        if late > CLOCK_TOLERANCE
        else [],
        f"the host's clock and this machine's within {CLOCK_TOLERANCE} s",
        "see which of the two is wrong: timedatectl; on the host: timedatectl set-ntp true",
    )


def disk(project: Project, evidence: Evidence) -> Verdict:
    """There is room on / and where Docker keeps its data."""
    disks = evidence.inside.disks
    if not disks:
        return failed("the free space of /", "df told nothing", "on the host: df -h /")
    problems = []
    for path, one in disks.items():
        if one.free < LEAST_DISK:
            problems.append(f"{path} has {one.free / 1024**3:.1f} GB left")
        if one.inodes and one.free_inodes < one.inodes * LEAST_INODES:
            problems.append(f"{path} has {one.free_inodes} inodes left of {one.inodes}")
    return unless(
        problems,
        f"{LEAST_DISK // 1024**3} GB and {LEAST_INODES:.0%} of the inodes free",
        "on the host: docker system df; docker image prune -a (removes every image that no "
        "container uses); journalctl --vacuum-size=200M",
    )


def env(project: Project, evidence: Evidence) -> Verdict:
    """`.env` is there for root alone."""
    seen = evidence.inside.env
    problems = [] if seen == FIT_OWNER else [f"{seen}"]
    return unless(problems, f"{ENV_PATH}: {FIT_OWNER} (type, mode, user, group)", DEPLOY)


def mail(project: Project, evidence: Evidence) -> Verdict:
    """The mail server greets the worker."""
    settings = project.settings
    if not settings.smtp_address:
        return skipped(
            "no mail server is set (smtp_address): invitations and password resets cannot be sent"
        )
    seen = evidence.inside.smtp
    return unless(
        [] if seen == "ok" else [seen or "no answer"],
        f"{settings.smtp_address}:{settings.smtp_port} greets the worker"
        f"{' over TLS' if settings.smtp_tls else ''} and answers EHLO",
        "check smtp_address and smtp_port, whether the provider blocks outgoing mail, and at port "
        "465 whether the server's certificate is for this name",
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
