"""The judges of the host around the containers: what listens, the clock, the disk, `.env`.

Each is a pure function of what was seen. What it takes for granted (an answer of PostgreSQL, of
Redis …) stands in the table of checks; `borgstack.checks.judge` deals with its absence.
"""

from __future__ import annotations

from borgstack.entries import FIT_OWNER
from borgstack.evidence import Evidence
from borgstack.project import ENV_PATH, Project
from borgstack.verdict import DEPLOY, Verdict, failed, skipped, unless

CLOCK_TOLERANCE = 10
LEAST_DISK = 2 * 1024**3
LEAST_INODES = 0.05


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
