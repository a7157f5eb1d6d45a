"""A deploy may die anywhere: one plain deploy converges, and nothing is lost, doubled or left.

Points are found by counting, never by time: calls that the scripts on the host make, or SSH
commands; some by name, the others as shares of what a run that is only counted has made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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
WHATSAPP_SERVICES = ("evolution", "n8n", "n8n-prepare")

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
# All that switching it off leaves; but for the images, the host is then one that never had it.
REMOVE_WHATSAPP = (
    "docker volume ls -q | grep -E '_(n8n|evolution)_' | xargs -r docker volume rm; "
    "sed -Ei '/^(N8N|EVOLUTION|WHATSAPP)_/d' /opt/borgstack/.env; "
    "docker exec borgstack_redis redis-cli -n 1 flushdb"
)
FORGET_WHATSAPP = (
    "WITH gone AS (DELETE FROM inboxes WHERE name = 'WhatsApp' RETURNING channel_id) "
    "DELETE FROM channel_api WHERE id IN (SELECT channel_id FROM gone); "
    "DROP DATABASE IF EXISTS n8n_db WITH (FORCE); DROP ROLE IF EXISTS n8n_user; "
    "DROP DATABASE IF EXISTS evolution_db WITH (FORCE); DROP ROLE IF EXISTS evolution_user"
)
EDIT_WORKFLOW = "UPDATE workflow_entity SET nodes = '[]' WHERE id = 'borgstackInbound'"
WHATSAPP = {"whatsapp": True}


@dataclass(frozen=True)
class Start:
    """A state in which the run that dies finds the host.

    :ivar family: of the tests that begin in it.
    :ivar run: the data of the run that dies, and of those after it.
    :ivar deployed: the data of a deploy that has to be through; None where Docker is enough.
    :ivar sql: what then happens in a database; :ivar commands: and on the host.
    :ivar one_shot: what has to be seen at work, or nothing is proved of it.
    """

    family: str
    run: Mapping[str, object] = field(default_factory=dict)
    deployed: Mapping[str, object] | None = None
    sql: tuple[str, str] | None = None
    commands: str = ":"
    one_shot: str = "chatwoot-prepare"


UPGRADED = {"chatwoot_image": NEXT}
STARTS = {
    "bare": Start("Docker"),
    "no images": Start("Docker", commands=f"{REMOVE_STACK}; {REMOVE_IMAGES}"),
    "images": Start("first deploy", commands=REMOVE_STACK),
    "deployed": Start("upgrade", UPGRADED, {}, ("chatwoot_db", REMOVE_UPGRADE)),
    "daemon.json edited": Start(
        "upgrade", UPGRADED, {}, ("chatwoot_db", REMOVE_UPGRADE), EDIT_DAEMON_JSON
    ),
    "no WhatsApp": Start(
        "WhatsApp",
        WHATSAPP,
        {},
        ("chatwoot_db", FORGET_WHATSAPP),
        REMOVE_WHATSAPP,
        one_shot="n8n-prepare",
    ),
    "WhatsApp edited": Start(
        "WhatsApp", WHATSAPP, WHATSAPP, ("n8n_db", EDIT_WORKFLOW), one_shot="n8n-prepare"
    ),
}


@dataclass(frozen=True)
class Kill:
    """A run that dies: where, and on a host in which state."""

    start: str
    point: Point

    @property
    def family(self) -> str:
        return STARTS[self.start].family

    @property
    def data(self) -> Mapping[str, object]:
        return STARTS[self.start].run

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
# Five times services_up: PostgreSQL, Evolution, chatwoot-prepare, n8n-prepare, n8n.
SWITCHED_ON = (
    Kill("no WhatsApp", Point("env_write mv 1", "power")),
    Kill("no WhatsApp", Point("postgresql_converge docker exec 1", "power", "making databases")),
    Kill("no WhatsApp", Point("services_up docker start 2", "power", "Evolution migrating")),
    Kill("no WhatsApp", Point("services_up docker start 4", "power", "n8n migrating")),
    Kill("no WhatsApp", Point("services_up docker start 4", "operator", "n8n migrating")),
    Kill("no WhatsApp", Point("services_up docker start 4", "connection", "importing")),
    Kill("no WhatsApp", Point("services_up docker start 5", "host", "n8n starting")),
    Kill("no WhatsApp", Point("n8n_claim timeout 1", "operator")),
    Kill("no WhatsApp", Point("n8n_claim timeout 1", "host")),
    Kill("no WhatsApp", Point("evolution_converge timeout 1", "connection")),
    Kill("no WhatsApp", Point("evolution_converge timeout 1", "power")),
)
WORKFLOW = (
    Kill("WhatsApp edited", Point("services_up docker start 1", "operator", "importing")),
    Kill("WhatsApp edited", Point("services_up docker start 1", "host", "importing")),
    Kill("WhatsApp edited", Point("services_up docker start 1", "power", "importing")),
    Kill("WhatsApp edited", Point("services_up docker start 1", "power", "activating")),
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
    *SWITCHED_ON,
    *WORKFLOW,
)
RUNS = {
    "Docker": "the first",
    "first deploy": "the first",
    "upgrade": "a later one",
    "WhatsApp": "a later one",
}
"""Which of a host's runs dies: of each, the sample has one."""
PARAMETERS = [
    pytest.param(case, id=str(case), marks=pytest.mark.family(RUNS[case.family])) for case in CASES
]


ONCE = (
    ("chatwoot_db", "SELECT count(*) FROM inboxes WHERE name = 'WhatsApp'", "1"),
    ("chatwoot_db", "SELECT count(*) FROM channel_api", "1"),
    ("n8n_db", "SELECT string_agg(email, ',') FROM \"user\"", "ops@lab.test"),
    ("n8n_db", "SELECT count(*) FROM credentials_entity", "3"),
    (
        "n8n_db",
        "SELECT string_agg(id || ' ' || active, ', ' ORDER BY id) FROM workflow_entity",
        "borgstackErrors false, borgstackInbound true, borgstackReplies true",
    ),
    ("evolution_db", "SELECT string_agg(name, ',') FROM \"Instance\"", "whatsapp"),
)
"""What a database holds when WhatsApp was switched on as if nothing had happened."""


@pytest.fixture(scope="module")
def host() -> Iterator[HostUnderTest]:
    """A host of its own; bare again at the end, so that its stack takes no time from others."""
    if not KEEP:
        lab.up((HOST,), data=WITHOUT_WHATSAPP)
        lab.reset(HOST)
    yield HostUnderTest(HOST)
    if not KEEP:
        lab.reset(HOST)


def begin(host: HostUnderTest, start: str) -> None:
    """Bring the host into the state in which the run that dies finds it."""
    if start == "bare":
        lab.reset(host.name)
        return
    host.ssh("rm -rf /tmp/tmp.*")  # of a test that failed
    state = STARTS[start]
    if state.deployed is not None or not host.ssh("command -v docker || :"):
        host.deploy(**(state.deployed or {}))
    if state.sql:
        database, statement = state.sql
        host.sql(statement, database)
    host.ssh(f"{{ {state.commands}; }} >/dev/null")


@cache
def counted(name: str, start: str) -> Counted:
    """What a run from this state makes when nothing stops it; counted once a session."""
    host = HostUnderTest(name)
    begin(host, start)
    return kill.count(host, **STARTS[start].run)


@pytest.mark.parametrize("case", PARAMETERS)
def test_one_deploy_converges_after_a_kill(host: HostUnderTest, case: Kill) -> None:
    share = isinstance(case.point.at, float)
    at = counted(host.name, case.start).number(case.point) if share else str(case.point.at)
    try:
        kept, trace, events = killed(host, case, at)
    except kill.NeverReachedError as error:
        # What a run waits for, and so what it asks, depends on how fast the host is.
        if not share:
            raise
        kept, trace, events = killed(host, case, error.counted.number(case.point))
    assert kill.interleaved_scripts(trace) == [], trace
    assert kill.overlapping_prepares(events) == [], events
    one_shot = STARTS[case.start].one_shot
    assert f"start {one_shot} " in "".join(events), f"{one_shot} was never seen: nothing is proved"
    assert kept.items() <= kill.digests(host).items(), "a secret has changed"
    assert kill.leftovers(host) == []
    converged(host, case)
    host.deploy(**case.data).changed_only()


def killed(host: HostUnderTest, case: Kill, at: str) -> tuple[dict[str, str], list[str], list[str]]:
    """Let a run die there and another one go on: the secrets by then, the calls, the events."""
    begin(host, case.start)
    kept = kill.digests(host)
    with kill.armed(host, case.point, at):
        print(f"\ndied at {kill.interrupt(host, case.point, at, **case.data)}")
        kept |= kill.digests(host)
        host.deploy(**case.data)
        trace = kill.trace_of(host)
        events = host.ssh(f"cat {kill.POINT}/events").splitlines()
    return kept, trace, events


def converged(host: HostUnderTest, case: Kill) -> None:
    """Assert that everything runs, in the wanted version, and serves; and that data has stayed."""
    for name in (*SERVICES, *(WHATSAPP_SERVICES if case.family == "WhatsApp" else ())):
        state = host.inspect(name)["State"]
        one_shot = name.endswith("-prepare")
        wanted = ("exited", 0, None) if one_shot else ("running", 0, "healthy")
        health = state.get("Health", {}).get("Status")
        assert (state["Status"], state["ExitCode"], health) == wanted, name
    wait_for_https(host, seconds=20)
    if case.family == "upgrade":
        assert host.sql("SELECT text FROM kept") == "kept"
        assert host.sql("SELECT to_regclass('borgstack_lab_next') IS NOT NULL") == "t"
        images = {host.inspect(name)["Config"]["Image"] for name in SERVICES if "chatwoot" in name}
        assert images == {NEXT}
    if case.family == "WhatsApp":
        found = {query: host.sql(query, database) for database, query, _ in ONCE}
        assert found == {query: answer for _, query, answer in ONCE}


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (
            kill.overlapping_prepares,
            ["start x a", "start y b", "die x a", "start x c", "power", "start x d"],
            ["start x a", "start y b", "start x c"],
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
