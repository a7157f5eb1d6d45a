"""A deploy may die anywhere: one plain deploy converges, and nothing is lost, doubled or left.

Points are found by counting, never by time: calls that the scripts on the host make, or SSH
commands; some by name, the others as shares of what a run that is only counted has made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest

from tests import lab
from tests.e2e import kill
from tests.e2e.conftest import KEEP
from tests.e2e.kill import Counted, Point
from tests.e2e.support import WITHOUT_WHATSAPP, HostUnderTest
from tests.e2e.test_03_survival import wait_for_https
from tests.e2e.test_07_upgrade import NEXT

HOST = "e2ekill"
SERVICES = (
    "borgstack_caddy",
    "borgstack_postgresql",
    "borgstack_redis",
    "chatwoot",
    "chatwoot-prepare",
    "chatwoot-worker",
)

# What a host is like before the run that dies. Bare but for Docker is bare for all that the steps
# after Docker's look at: containers, volumes, networks, /opt/borgstack, the state in /run.
REMOVE_STACK = (
    "docker ps -aq | xargs -r docker rm -fv; docker volume ls -q | xargs -r docker volume rm; "
    "docker network prune -f; rm -rf /opt/borgstack /run/borgstack*"
)
REMOVE_IMAGES = "docker image ls -q | sort -u | xargs -r docker image rm -f"
REMOVE_UPGRADE = (
    "DROP TABLE IF EXISTS borgstack_lab_next, kept; CREATE TABLE kept AS SELECT 'kept' AS text; "
    "DELETE FROM schema_migrations WHERE version = '20991231000001'"
)
EDIT_DAEMON_JSON = "sed -i s/10m/99m/ /etc/docker/daemon.json"


@dataclass(frozen=True)
class Kill:
    """A run that dies: where, on a host in which state, and what it was to bring about."""

    start: str
    point: Point

    @property
    def family(self) -> str:
        return {"bare": "Docker", "no images": "Docker", "images": "first deploy"}.get(
            self.start, "upgrade"
        )

    @property
    def data(self) -> dict[str, object]:
        return {"chatwoot_image": NEXT} if self.family == "upgrade" else {}

    def __str__(self) -> str:
        point = self.point
        at = point.at if isinstance(point.at, str) else f"{point.at:.0%} {point.moment or 'calls'}"
        return ": ".join(filter(None, (self.start, at, point.during, point.way)))


DOCKER = (
    Kill("bare", Point("docker_daemon mv 1", "operator")),
    Kill("bare", Point("docker_install curl 1", "connection")),
    Kill("bare", Point("docker_install mv 1", "host")),
    Kill("bare", Point("docker_install apt-get 4", "host", "unpacking")),
    Kill("bare", Point("docker_install apt-get 4", "operator", "configuring")),
    Kill("bare", Point("docker_install apt-get 4", "power", "configuring")),
    Kill("no images", Point("images_pull docker pull 1", "host", "pulling")),
    Kill("no images", Point("images_pull docker pull 4", "operator", "pulling")),
    Kill("no images", Point("images_pull docker pull 2", "connection", "pulling")),
)
FIRST_DEPLOY = (
    Kill("images", Point("env_write mv 1", "host")),
    Kill("images", Point("env_write mv 1", "connection")),
    Kill("images", Point("files_put mv 3", "host")),
    Kill("images", Point("files_put mv 5", "operator")),
    Kill("images", Point("files_put mv 7", "power")),
    Kill("images", Point("services_up docker start 1", "operator", "initdb")),
    Kill("images", Point("services_up docker start 1", "host", "init SQL")),
    Kill("images", Point("services_up docker start 2", "operator", "migrating")),
    Kill("images", Point("services_up docker start 2", "connection", "migrating")),
    Kill("images", Point("services_up docker start 2", "power", "migrating")),
    Kill("images", Point("services_up docker start 2", "host", "provisioning")),
    Kill("images", Point("services_up docker compose 3", "connection")),
    Kill("images", Point("services_up docker start 3", "power")),
)
UPGRADE = (
    Kill("deployed", Point("files_put mv 1", "host")),
    Kill("deployed", Point("services_up docker compose 1", "operator")),
    Kill("deployed", Point("services_up docker start 1", "host", "migrating")),
    Kill("deployed", Point("services_up docker start 1", "power", "migrating")),
    Kill("deployed", Point("services_up docker start 1", "operator", "provisioning")),
    Kill("deployed", Point("services_up docker compose 2", "connection")),
    Kill("daemon.json edited", Point("docker_daemon systemctl restart 1", "host", "restarting")),
    Kill("daemon.json edited", Point("docker_daemon systemctl restart 1", "operator")),
)
WAYS = ("host", "operator", "connection")
MOMENTS = ("sent", "before", "ended")


def spread(start: str, calls: int, commands: int) -> tuple[Kill, ...]:
    """Points spread evenly over the counted calls and SSH commands, by turns in each way."""
    shares = [(index + 0.5) / calls for index in range(calls)]
    points = [Point(share, WAYS[index % 3]) for index, share in enumerate(shares)]
    shares = [(index + 0.5) / commands for index in range(commands)]
    points += [
        Point(share, WAYS[1 + index % 2], moment=MOMENTS[index % 3])
        for index, share in enumerate(shares)
    ]
    return tuple(Kill(start, point) for point in points)


CASES = (
    *DOCKER,
    *spread("bare", 2, 0),
    *FIRST_DEPLOY,
    *spread("images", 5, 4),
    *UPGRADE,
    *spread("deployed", 4, 4),
)
PARAMETERS = [
    pytest.param(case, id=str(case), marks=pytest.mark.family(case.family)) for case in CASES
]


@pytest.fixture(scope="module")
def host() -> HostUnderTest:
    if not KEEP:
        lab.up((HOST,), data=WITHOUT_WHATSAPP)
        lab.reset(HOST)
    return HostUnderTest(HOST)


def begin(host: HostUnderTest, start: str) -> None:
    """Bring the host into the state in which the run that dies finds it."""
    if start == "bare":
        lab.reset(host.name)
        return
    host.ssh("rm -rf /tmp/tmp.*")  # of a test that failed
    if start in {"deployed", "daemon.json edited"} or not host.ssh("command -v docker || :"):
        host.deploy()
    if start in {"no images", "images"}:
        host.ssh(f"{{ {REMOVE_STACK}; }} >/dev/null")
    if start == "no images":
        host.ssh(f"{{ {REMOVE_IMAGES}; }} >/dev/null")
    if start in {"deployed", "daemon.json edited"}:
        host.sql(REMOVE_UPGRADE)
    if start == "daemon.json edited":
        host.ssh(EDIT_DAEMON_JSON)


@cache
def counted(name: str, start: str) -> Counted:
    """What a run from this state makes when nothing stops it; counted once a session."""
    host = HostUnderTest(name)
    begin(host, start)
    family = Kill(start, Point(0.0, ""))
    return kill.count(host, **family.data)


@pytest.mark.parametrize("case", PARAMETERS)
def test_one_deploy_converges_after_a_kill(host: HostUnderTest, case: Kill) -> None:
    share = isinstance(case.point.at, float)
    at = counted(host.name, case.start).number(case.point) if share else str(case.point.at)
    begin(host, case.start)
    kept = kill.digests(host) if case.family == "upgrade" else {}
    with kill.armed(host, case.point, at):
        print(f"\ndied at {kill.interrupt(host, case.point, at, **case.data)}")
        kept |= kill.digests(host)
        host.deploy(**case.data)
        trace = kill.trace_of(host)
        events = host.ssh(f"cat {kill.POINT}/events").splitlines()
    assert kill.interleaved_scripts(trace) == [], trace
    assert kill.overlapping_prepares(events) == [], events
    assert "start" in "".join(events), "prepare was never seen: nothing is proved of it"
    assert kept.items() <= kill.digests(host).items(), "a secret has changed"
    assert kill.leftovers(host) == []
    converged(host, case)
    host.deploy(**case.data).changed_only()


def converged(host: HostUnderTest, case: Kill) -> None:
    """Assert that everything runs, in the wanted version, and serves; and that data has stayed."""
    for name in SERVICES:
        state = host.inspect(name)["State"]
        wanted = ("exited", 0, None) if name == "chatwoot-prepare" else ("running", 0, "healthy")
        health = state.get("Health", {}).get("Status")
        assert (state["Status"], state["ExitCode"], health) == wanted, name
    wait_for_https(host, seconds=20)
    if case.family == "upgrade":
        assert host.sql("SELECT text FROM kept") == "kept"
        assert host.sql("SELECT to_regclass('borgstack_lab_next') IS NOT NULL") == "t"
        images = {host.inspect(name)["Config"]["Image"] for name in SERVICES if "chatwoot" in name}
        assert images == {NEXT}


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            kill.overlapping_prepares,
            ["start a", "die a", "start b", "die b", "start b", "power", "start c"],
            ["start a", "start b"],
        ),
        (
            kill.interleaved_scripts,
            ["1 70 env_write mv", "2 70 env_write rm", "3 80 files_put mv"],
            ["1 70 services_up docker start", "2 80 env_write mv", "3 70 services_up docker start"],
        ),
    ],
    ids=["overlapping prepares", "interleaved scripts"],
)
def test_a_check_finds_what_it_is_for(
    check: Callable[[list[str]], list[str]], good: list[str], bad: list[str]
) -> None:
    assert check(good) == []
    assert check(bad) == bad[-1:]
