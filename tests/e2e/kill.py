"""Deploys that die at a counted point, and what must not be left on the host after them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import lab
from tests.e2e.support import REPOSITORY, HostUnderTest, data_arguments
from tests.lab.docker import docker
from tests.lab.hosts import container_name, ssh_command, wait_for_boot

LAUNCHER = Path(__file__).with_name("kill_at_ssh.py")
SHIM = Path(__file__).with_name("kill_shim.sh").read_text()
POINT = "/var/lib/kill-point"
COUNTED = (
    "apt-get awk base64 cat chmod chown cp curl docker dpkg find gpg mkdir mktemp mv rm sync "
    "systemctl tar timeout"
)
"""The programs with which the scripts change a host. Only those that a host has are wrapped, so
that no script takes a missing one for installed."""
PREPARES = "--filter container=chatwoot-prepare --filter container=n8n-prepare"
# What has been said by a prepare that is still running; without Docker, which may take a second to
# answer: some of its steps are no longer than that.
_PREPARING = (
    "pgrep -f 'borgstack:prepare' && said=$(cat /var/lib/docker/containers/*/*-json.log) && "
    "echo \"$said\" | grep 'prepare: the database' && "
    "echo \"$said\" | grep {} 'prepare: account'"
)
CONDITIONS = {
    "unpacking": "grep -q ' status half-installed docker-ce:' /var/log/dpkg.log",
    "configuring": "grep -q ' status half-configured containerd.io:' /var/log/dpkg.log",
    "restarting": "! systemctl is-active -q docker.service",
    "pulling": "ls /var/lib/docker/tmp/GetImageBlob*",
    "initdb": "pgrep -x initdb",
    "init SQL": "docker logs borgstack_postgresql 2>&1 | grep 'running .*init-databases.sql'",
    "migrating": _PREPARING.format("-c") + " | grep -qx 0",
    "provisioning": _PREPARING.format("-q"),
    "making databases": "pgrep -f 'postgres: .* CREATE DATABASE'",
    "Evolution migrating": "pgrep -f dist/migrate.js",
    "n8n migrating": "docker exec borgstack_postgresql psql -qAtX -U postgres -d n8n_db "
    "-c 'SELECT count(*) > 9 FROM migrations' | grep t",
    "importing": "docker top n8n-prepare | grep import:workflow",
    "activating": "docker top n8n-prepare | grep update:workflow",
    "n8n starting": "docker top n8n",
}
"""What is true on the host while a call is in the middle of its work."""


@dataclass(frozen=True)
class Point:
    """Where and how a run dies.

    :ivar at: `SCRIPT PROGRAM [FIRST WORD] NTH`, a call that a script on the host makes; or the
        share of the run's counted calls that have been made by then.
    :ivar way: `operator` (SIGKILL), `connection` (cut, the operator's process lives on), `host`
        (SIGKILL to the script's process group), `power` (SIGKILL to the host as a whole).
    :ivar during: the condition that has to come true while the call is under way; without one the
        run dies before the call.
    :ivar moment: set when not the scripts' calls are counted but the SSH commands: `before` it is
        sent, when it is `sent`, when it has `ended`.
    """

    at: str | float
    way: str
    during: str = ""
    moment: str = ""


@dataclass(frozen=True)
class Counted:
    """How many calls a run's scripts make, and how many SSH commands it sends."""

    calls: int
    commands: int

    def number(self, point: Point) -> str:
        """The point, by its number where it is a share."""
        if isinstance(point.at, str):
            return point.at
        total = self.commands if point.moment else self.calls
        return str(1 + round(point.at * (total - 1)))


class NeverReachedError(AssertionError):
    """A run that ended before its point; `counted` is what this one made."""

    def __init__(self, message: str, counted: Counted) -> None:
        super().__init__(message)
        self.counted = counted


def watch(host: HostUnderTest) -> None:
    """Write down when each one-shot's container starts and ends, also over restarts of Docker."""
    host.ssh(
        f"date +%s >{POINT}/since; systemd-run -q --unit=kill-watch -p Restart=always "
        "-p RestartSec=0.1 -p StartLimitIntervalSec=0 sh -c 'docker events "
        f"--since $(cat {POINT}/since) --filter event=start --filter event=die "
        f'{PREPARES} --format "{{{{.Action}}}} {{{{.Actor.Attributes.name}}}} {{{{.Actor.ID}}}}" '
        f">>{POINT}/events'"
    )


@contextmanager
def armed(host: HostUnderTest, point: Point | None = None, at: str = "") -> Iterator[None]:
    """Count the calls on this host; with a point, let the work die there."""
    host.ssh(f"systemctl stop kill-watch.service 2>/dev/null; rm -rf {POINT}; mkdir -m 700 {POINT}")
    lab.ssh(host.name, f"cat >{POINT}/shim && chmod 755 {POINT}/shim", input=SHIM)
    if point and not point.moment:
        way = {"operator": "hold", "power": "hold"}.get(point.way, point.way)
        lab.ssh(host.name, f"cat >{POINT}/during", input=CONDITIONS.get(point.during, ""))
        host.ssh(f"echo '{at}' >{POINT}/at; echo {way} >{POINT}/way")
    host.ssh(
        f"for name in {COUNTED}; do ! command -v $name >/dev/null || "
        f"ln -sf {POINT}/shim /usr/local/sbin/$name; done; touch {POINT}/trace {POINT}/events"
    )
    watch(host)
    try:
        yield
    finally:
        host.ssh(
            "systemctl stop kill-watch.service 2>/dev/null; "
            f"find /usr/local/sbin -lname {POINT}/shim -delete; rm -rf {POINT}"
        )


@contextmanager
def launched(
    host: HostUnderTest, at: str = "", **data: object
) -> Iterator[tuple[subprocess.Popen[bytes], Path, Path]]:
    """A deploy that runs in the launcher, the file with what it prints, and its trace."""
    words = [str(LAUNCHER), "inventory.py", "deploy.py", "--limit", host.name, "-y"]
    with tempfile.TemporaryDirectory() as folder:
        output, trace = Path(folder, "output"), Path(folder, "trace")
        trace.touch()
        environment = {"PYTHONPATH": str(REPOSITORY), "KILL_TRACE": str(trace), "KILL_AT": at}
        with output.open("wb") as file:
            run = subprocess.Popen(
                [sys.executable, *words, *data_arguments({**host.data, **data})],
                cwd=REPOSITORY,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        try:
            yield run, output, trace
        finally:
            run.kill()
            run.wait()


def count(host: HostUnderTest, **data: object) -> Counted:
    """Let a deploy run through and count."""
    with armed(host), launched(host, **data) as (run, output, trace):
        assert run.wait(timeout=300) == 0, output.read_text()
        calls = len(trace_of(host))
        print(f"\ncounted: {calls} calls, {len(trace.read_text().splitlines())} SSH commands")
        return Counted(calls, len(trace.read_text().splitlines()))


def interrupt(host: HostUnderTest, point: Point, at: str, **data: object) -> str:
    """Let a deploy die at the point; what it was about to do there.

    :raises NeverReachedError: it ended without coming there.
    """
    sent = f"{at} {point.moment} {point.way}" if point.moment else ""
    with launched(host, at=sent, **data) as (run, output, trace):
        if not point.moment:
            _die_on_the_host(host, point, run)
        code = run.wait(timeout=120)
        if point.moment:
            reached = [line for line in trace.read_text().splitlines() if "reached" in line]
        else:
            reached = host.ssh(f"cat {POINT}/reached || :").splitlines()
        told = output.read_text()
        if not reached:
            commands = trace.read_text().splitlines()
            raise NeverReachedError(
                f"the run was to die at {at!r}; it ended with {code} and never came there:\n"
                f"{told}\n{chr(10).join(trace_of(host))}\n{chr(10).join(commands)}",
                Counted(len(trace_of(host)), len(commands)),
            )
        assert code != 0, f"the run died at {at!r} and ended well:\n{told}"
    if point.way == "operator":
        # The connection ends, and with it the lock; then the next run may come.
        host.ssh(
            "until ! pgrep -f '[b]orgstack-lock_hold' >/dev/null; do sleep 0.05; done; "
            f"touch {POINT}/go"
        )
    return reached[0]


def _die_on_the_host(host: HostUnderTest, point: Point, run: subprocess.Popen[bytes]) -> None:
    """Wait until the point is reached, and do what the host cannot do to itself."""
    wait = f"timeout 600 sh -c 'until [ -e {POINT}/reached ]; do sleep 0.05; done'"
    with subprocess.Popen(ssh_command(host.name, "root", wait)) as waiting:
        while waiting.poll() is None and run.poll() is None:
            time.sleep(0.02)
        if run.poll() is not None:  # of what the host has done, or without coming there
            waiting.kill()
            return
        assert waiting.returncode == 0, f"{point} was not reached on {host.name} within 600 s"
    if point.way == "operator":
        run.kill()
    elif point.way == "power":
        docker("kill", container_name(host.name))
        run.wait(timeout=60)
        docker("start", container_name(host.name))
        wait_for_boot(host.name)
        host.ssh(f"echo power >>{POINT}/events")
        watch(host)


def trace_of(host: HostUnderTest) -> list[str]:
    """The calls that were counted so far."""
    return host.ssh(f"cat {POINT}/trace").splitlines()


def digests(host: HostUnderTest) -> dict[str, str]:
    """The digest of each value in `.env`, by name; empty when there is no `.env`."""
    lines = host.ssh(
        "cd /opt/borgstack 2>/dev/null && [ -e .env ] && grep -E '^[A-Z0-9_]+=.' .env | "
        "while IFS= read -r line; do "
        'echo "${line%%=*} $(printf %s "$line" | sha256sum)"; done || :'
    ).splitlines()
    return {name: digest for name, digest, _ in (line.split() for line in lines)}


def leftovers(host: HostUnderTest) -> list[str]:
    """What the scripts make for a moment and a kill may leave: by their names, or as strangers.

    Every hidden file but `.env` in the folders that the scripts write to, every temp file but those
    of others (a health check's are runc's, a folder of links is what a killed apt leaves), every
    container and volume that is not the stack's.
    """
    return host.ssh(
        "find /opt/borgstack /etc/docker /etc/apt/keyrings /etc/apt/sources.list.d "
        "-name '.*' ! -name .env ! -path '*/.staging/*'; "
        "find /tmp /var/tmp -mindepth 1 -maxdepth 1 ! -name 'systemd-private-*' ! -name '.*-unix' "
        "! -name 'runc-process*' ! -name 'apt-dpkg-install-*'; "
        "docker ps -a --format '{{.Names}}' | "
        "grep -Evx 'borgstack_(postgresql|redis|caddy)|chatwoot(-worker|-prepare)?|"
        "n8n(-prepare)?|evolution'; "
        "docker volume ls -q | grep -v '^borgstack_'; :"
    ).splitlines()


def overlapping_prepares(events: list[str]) -> list[str]:
    """The starts of a one-shot while another container of it ran; at least one has to be seen."""
    running: set[tuple[str, ...]] = set()
    found: list[str] = []
    for line in events:
        action, *rest = line.split()
        container = tuple(rest)  # its name and its id
        if action == "start":
            found += [line for one in running - {container} if one[0] == container[0]]
            running.add(container)
        elif action == "die":
            running.discard(container)
        else:  # the host lost its power
            running.clear()
    return found


def interleaved_scripts(trace: list[str]) -> list[str]:
    """Calls of a script after those of another have begun: two of them worked at a time."""
    seen: list[str] = []
    found: list[str] = []
    for line in trace:
        group = line.split()[1]
        if group in seen[:-1]:
            found.append(line)
        elif group not in seen:
            seen.append(group)
    return found
