"""The judge of Chatwoot's jobs: Redis keeps them, and Sidekiq works them off.

One check with many causes, a pure function of what was seen. What it takes for granted (an answer
of Redis, of the worker) stands in the table of checks; `borgstack.checks.judge` deals with its
absence.
"""

from __future__ import annotations

from collections.abc import Iterable

from borgstack.checks.containers import MOST_MEMORY, RECENTLY
from borgstack.evidence import Container, Evidence, Jobs
from borgstack.project import Project
from borgstack.verdict import DEPLOY, Verdict, unless

BEAT = 60
"""Seconds: Sidekiq beats every 10, and is given up by its own page after 60."""
LIFE = 420
"""Seconds: Sidekiq's own job runs every 300."""
QUEUED = 300
"""Seconds that a job may wait for a free thread."""


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
