"""`borgstack plan` on hosts that answer from a script: what it lists is what a run then changes, it
runs nothing that changes a host, and its exit code and both its forms say which case it is.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pyinfra.api.exceptions import ConnectError
from pyinfra.connectors.fake import FakeConnector
from pyinfra_cli import util

from borgstack import entries, plan
from borgstack.change import Change, Code
from borgstack.facts.files import MaskedFiles
from borgstack.operations import files
from borgstack.plan import HostPlan, Plan, Step, make_plan
from borgstack.project import DIRECTORY, render
from borgstack.salted import SALT
from borgstack.services.evolution.instance import SETTINGS as INSTANCE_SETTINGS
from borgstack.services.evolution.instance import WEBHOOK as INSTANCE_WEBHOOK
from borgstack.whatsapp import REPLY_URL
from tests.operations.conftest import FakeFactory, FakeHosts, serve
from tests.operations.server import (
    BARE,
    FIT,
    READS,
    Lines,
    Server,
    altered,
    fit_answers,
    script_of,
    starting,
    without,
)
from tests.operations.test_deploy import deploy
from tests.unit.changes import keys
from tests.unit.support import REPOSITORY, REQUIRED, default_project, run_script, settings_of
from tests.unit.told import values

DEPLOY = str(REPOSITORY / "deploy.py")
NO_ROUTE = "no route to it"
SECRET = "SecretOfTheDatabase0123456789abc"
Differences = Mapping[str, Lines]


class World:
    """A project's folder with fake hosts, reached by the connections that a plan makes itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: dict[str, Server] = {}
        self.unreachable: set[str] = set()
        self.sent: dict[str, list[str]] = {}
        self.inventory({"chat": REQUIRED})

    def inventory(self, hosts: Mapping[str, Mapping[str, object]], group: str = "staging") -> None:
        """Write inventory.py; nothing differs on any of its hosts."""
        found = [(f"@fake/{name}", dict(data)) for name, data in hosts.items()]
        (self.folder / "inventory.py").write_text(f"{group} = {found!r}\n")
        self.servers = {name: Server() for name in hosts}

    def connect(self, connector: FakeConnector) -> None:
        """Stand in for the connector's own."""
        name = connector.host.name.removeprefix("@fake/")
        if name in self.unreachable:
            raise ConnectError(NO_ROUTE)
        serve(connector, self.servers[name])
        self.sent[name] = connector.executed_commands

    def plan(self, differences: Differences | None = None, **arguments: Any) -> Plan:  # noqa: ANN401
        """The plan after `differences` came over the host `chat`."""
        if differences:
            self.servers["chat"].answers.update(differences)
        return make_plan(deploy=DEPLOY, **arguments)

    def host(self, differences: Differences | None = None) -> HostPlan:
        (found,) = self.plan(differences).hosts
        return found

    def scripts(self) -> list[str]:
        return [script_of(command) for commands in self.sent.values() for command in commands]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(util, "PYTHON_CODES", {})  # by name: each test has its own inventory.py
    monkeypatch.setattr(FakeConnector, "connect", lambda connector: made.connect(connector))
    return made


def steps(found: HostPlan) -> list[str]:
    return [change.step for change in found.changes]


STACK = FIT["stack_state"]
NO_POSTGRESQL = without(
    STACK,
    "container borgstack_postgresql|",
    "state postgresql ",
    "state chatwoot ",
    "state n8n ",
)
(REDIS_ROW,) = starting(STACK, "container borgstack_redis|")
NO_REDIS = altered(STACK, REDIS_ROW, REDIS_ROW.replace("|running|", "|exited|"))
STOPPED = [
    "unit MainPID=0" if line == "unit MainPID=321" else line.replace("=active", "=inactive")
    for line in FIT["docker_state"]
]
REDIS_EMPTY = altered(FIT["env_state"], "REDIS_PASSWORD ok", "REDIS_PASSWORD empty")
REDIS_CONF = altered(FIT["files_state"], "redis.conf regular file|600", "redis.conf x|644")

INSTALL = "Docker | Install Engine and Compose"
DAEMON = "Docker | Configure and run the daemon"
IMAGES = "Images | Pull missing images"
ENV = "Secrets | Complete .env"
FILES = "Configuration | Put the project's files in place"
STORES = "Databases | Start PostgreSQL and Redis"
ROLES = "Databases | Converge roles, databases and extensions"
PREPARE = "Chatwoot | Prepare schema, account and assets"
WEB = "Chatwoot | Start web and worker"
EVOLUTION = "Services | Start Evolution API"
N8N_PREPARE = "WhatsApp | Import credentials and workflows"
N8N = "WhatsApp | Start n8n"
CLAIM = "WhatsApp | Give n8n its owner"
INSTANCE = "States | Converge Evolution API"
WHATSAPP = [N8N_PREPARE, N8N, CLAIM, INSTANCE]
LEFTOVERS = "Networks | Remove what is switched off"
CADDY = "Publish | Start Caddy"
RELOAD = "Publish | Reload Caddy"


def lost(entry: str) -> Differences:
    """An `.env` without one of its entries."""
    return {"env_state": altered(FIT["env_state"], f"entry {entry} ok", f"entry {entry} missing")}


def stack_with(old: str, new: str) -> Differences:
    return {"stack_state": altered(STACK, old, new)}


def evolution(**fields: object) -> Differences:
    """An Evolution whose instance is as declared, but for these fields."""
    (line,) = starting(STACK, "state evolution ")
    changed = {**json.loads(line.removeprefix("state evolution ")), **fields}
    return stack_with(line, f"state evolution {json.dumps(changed)}")


DIFFERENCES: list[tuple[Differences, list[str]]] = [
    ({}, []),
    ({"docker_state": altered(FIT["docker_state"], "=enabled", "=disabled")}, [DAEMON]),
    ({"docker_state": altered(FIT["docker_state"], "package docker-ce ", "x ")}, [INSTALL]),
    ({"env_state": altered(FIT["env_state"], "DOMAIN ok", "DOMAIN differs")}, [ENV]),
    ({"env_state": altered(FIT["env_state"], "|600|", "|644|")}, [ENV]),
    ({"env_state": REDIS_EMPTY}, [ENV, STORES, EVOLUTION, PREPARE, WEB]),
    (
        {"env_state": altered(FIT["env_state"], "API_TOKEN ok", "API_TOKEN missing")},
        [ENV, PREPARE, N8N_PREPARE],
    ),
    (lost("WHATSAPP_BRIDGE_SECRET"), [ENV, N8N_PREPARE, INSTANCE]),
    (lost("EVOLUTION_API_KEY"), [ENV, EVOLUTION, N8N_PREPARE]),
    (lost("N8N_ENCRYPTION_KEY"), [ENV, N8N_PREPARE, N8N]),
    (lost("N8N_OWNER_PASSWORD"), [ENV]),
    ({"files_state": REDIS_CONF}, [FILES]),
    (
        {"files_state": REDIS_CONF, "stack_state": altered(STACK, "hash redis ", "hash redis x-")},
        [FILES, STORES, EVOLUTION],
    ),
    ({"stack_state": altered(STACK, '"redis:8.2-alpine"', '"x"')}, [IMAGES, STORES, EVOLUTION]),
    ({"stack_state": NO_REDIS}, [STORES]),  # what it could lose is lost
    ({"stack_state": altered(STACK, "Exited (0)", "Exited (1)")}, [PREPARE, N8N_PREPARE]),
    ({"stack_state": altered(STACK, "schema chatwoot_db", "schema x")}, [PREPARE]),
    ({"stack_state": altered(STACK, "user ok", "user refused")}, [ROLES]),
    ({"stack_state": altered(STACK, "hash caddy ", "hash caddy new-")}, [CADDY]),
    (
        {
            "stack_state": altered(
                altered(STACK, "hash caddy ", "hash caddy new-"), 'running {"a":1}', "live {}"
            )
        },
        [CADDY],  # a container that starts reads its Caddyfile
    ),
    ({"stack_state": altered(STACK, 'running {"a":1}', 'running {"a":2}')}, [RELOAD]),
    (stack_with("borgstackInbound||true|true", "x||true|true"), [N8N_PREPARE, N8N]),
    (stack_with("borgstackErrors||", "x||"), [N8N_PREPARE]),
    (stack_with("borgstackReplies||", "borgstackReplies|nodes,settings|"), [N8N_PREPARE]),
    (stack_with("borgstackInbound||true|true", "borgstackInbound|||"), [N8N_PREPARE, N8N]),
    (stack_with("borgstackReplies||true|true", "borgstackReplies||true|"), [N8N]),
    (stack_with("borgstackEvolution ok", "borgstackEvolution differs"), [N8N_PREPARE]),
    ({"stack_state": without(STACK, "state n8n credential borgstackBridge")}, [N8N_PREPARE]),
    (stack_with("state n8n owner true", "state n8n owner false"), [CLAIM]),
    (evolution(status=None, secret=False), [INSTANCE]),
    (evolution(webhook={**INSTANCE_WEBHOOK, "base64": True}), [INSTANCE]),
    (evolution(webhook={}), [INSTANCE]),
    (evolution(settings={**INSTANCE_SETTINGS, "groupsIgnore": False}), [INSTANCE]),
    (evolution(secret=False), [INSTANCE]),
    (stack_with(entries.digest(SALT, REPLY_URL), "another"), [PREPARE]),
    (
        {"stack_state": [*STACK, "container own|borgstack|own|h|i|running|Up|n|own:1||"]},
        [],  # an operator's own
    ),
    (stack_with("hash evolution ", "hash evolution new-"), [EVOLUTION]),
    (BARE, [INSTALL, IMAGES, ENV, FILES, STORES, EVOLUTION, PREPARE, WEB, *WHATSAPP, CADDY]),
]


@pytest.mark.no_cover  # half a minute otherwise, for lines that test_deploy.py runs as well
@pytest.mark.parametrize(("differences", "expected"), DIFFERENCES)
def test_a_plan_lists_what_a_run_then_changes_and_changes_nothing_itself(
    world: World, fake_hosts: FakeFactory, differences: Differences, expected: list[str]
) -> None:
    found = world.plan(differences)
    assert steps(found.hosts[0]) == expected
    assert found.exit_code == (plan.CHANGES if expected else plan.NOTHING)
    assert all(change.reasons for change in found.hosts[0].changes)
    assert set(world.scripts()) <= READS
    assert world.scripts()
    hosts = fake_hosts("chat", data=REQUIRED)
    hosts.differ("chat", **differences)
    assert steps_of_a_run(hosts) == expected


def steps_of_a_run(hosts: FakeHosts) -> list[str]:
    """What a run changes on its one host."""
    deploy(hosts)
    host = hosts.host("chat")
    return [
        name
        for operation in host.op_hash_order
        for name in hosts.state.get_op_meta(operation).names
        if hosts.state.get_op_data_for_host(host, operation).operation_meta.did_change()
    ]


OFF = {**REQUIRED, "whatsapp": False}
FIT_OFF = fit_answers(render(settings_of(whatsapp=False)))
OLD_CONTAINERS = [row for row in STACK if row.startswith(("container n8n", "container evolution|"))]


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ({}, []),
        ({"stack_state": [*FIT_OFF["stack_state"], *OLD_CONTAINERS]}, [LEFTOVERS]),
        (BARE, [INSTALL, IMAGES, ENV, FILES, STORES, PREPARE, WEB, CADDY]),
    ],
)
def test_without_whatsapp_plan_and_run_are_the_same_and_do_none_of_it(
    world: World, fake_hosts: FakeFactory, differences: Differences, expected: list[str]
) -> None:
    world.inventory({"chat": OFF})
    assert steps(world.host({**FIT_OFF, **differences})) == expected
    hosts = fake_hosts("chat", data=OFF)
    hosts.differ("chat", **{**FIT_OFF, **differences})
    assert steps_of_a_run(hosts) == expected


@pytest.mark.parametrize(
    ("differences", "reason"),
    [
        ({"env_state": REDIS_EMPTY}, ".env: REDIS_PASSWORD empty"),
        ({"env_state": REDIS_EMPTY}, "service redis: REDIS_PASSWORD follows"),
        ({"env_state": REDIS_EMPTY}, "service chatwoot-worker: REDIS_PASSWORD follows"),
        (
            {"env_state": altered(FIT["env_state"], "DB_PASSWORD ok", "DB_PASSWORD missing")},
            "PostgreSQL's roles: CHATWOOT_DB_PASSWORD follows",
        ),
        ({"files_state": REDIS_CONF}, f"file {DIRECTORY}/config/redis/redis.conf: type differs"),
        ({"files_state": REDIS_CONF}, f"file {DIRECTORY}/config/redis/redis.conf: mode differs"),
        ({"stack_state": NO_POSTGRESQL}, "service postgresql: container missing"),
        (stack_with("borgstackErrors||", "x||"), "workflow errors: missing"),
        (
            stack_with("borgstackReplies||", "borgstackReplies|nodes,settings|"),
            "workflow replies: settings differs",
        ),
        (
            stack_with("borgstackInbound||true|true", "borgstackInbound|||"),
            "workflow inbound: active differs",
        ),
        (
            stack_with("borgstackReplies||true|true", "borgstackReplies||true|"),
            "service n8n: webhook of replies unregistered",
        ),
        (
            stack_with("borgstackEvolution ok", "borgstackEvolution differs"),
            "credential borgstackEvolution: differs",
        ),
        (stack_with("state n8n owner true", "state n8n owner false"), "service n8n: owner missing"),
        (evolution(status=None), "instance whatsapp: missing"),
        (
            evolution(webhook={**INSTANCE_WEBHOOK, "url": "http://x"}),
            "instance whatsapp: webhook url differs",
        ),
        (
            evolution(settings={}),
            "instance whatsapp: setting rejectCall differs",
        ),
        (
            evolution(secret=False),
            "instance whatsapp: webhook secret differs",
        ),
        (lost("WHATSAPP_BRIDGE_SECRET"), "instance whatsapp: WHATSAPP_BRIDGE_SECRET follows"),
        (
            stack_with(entries.digest(SALT, REPLY_URL), "another"),
            "inbox WhatsApp: webhook address differs",
        ),
    ],
)
def test_a_plan_says_why(world: World, differences: Differences, reason: str) -> None:
    found = [one for step in world.host(differences).changes for one in step.differences]
    assert reason in keys(found)


@pytest.mark.parametrize(
    ("differences", "unknown"),
    [
        ({}, ()),
        (BARE, None),
        (
            {"stack_state": NO_POSTGRESQL},
            ({"PostgreSQL"}, {"Chatwoot", "PostgreSQL"}, {"n8n", "tables"}, {"n8n", "owner"}),
        ),
        (
            {"stack_state": without(STACK, "state evolution ")},
            ({"Evolution"},),
        ),
        (
            {"docker_state": STOPPED, "stack_state": ["engine stopped"]},
            ({"stack", "Docker"},),
        ),
    ],
)
def test_what_depends_on_an_earlier_step_is_told_as_unknown(
    world: World, differences: Differences, unknown: tuple[set[str], ...] | None
) -> None:
    found = world.host(differences)
    told = [values(what) for what in found.unknown]
    if unknown is None:
        assert any("PostgreSQL" in one for one in told)
    else:
        assert len(told) == len(unknown)
        assert all(named <= one for named, one in zip(unknown, told, strict=True))
    assert all(f"  not known yet: {what}" in Plan((found,)).as_text() for what in found.unknown)


def test_what_runs_and_does_not_answer_is_asked_again_and_then_not_told_as_fine(
    world: World,
) -> None:
    silent = {"stack_state": without(STACK, "state redis ")}
    found = world.plan(silent)
    (host,) = found.hosts
    assert (found.exit_code, host.changes) == (plan.ERROR, ())
    (unanswered,) = host.unanswered
    assert "Redis" in values(unanswered)
    assert unanswered in found.as_text()
    assert re.findall(r"\d+", found.as_text().splitlines()[-1]) == ["1", "0", "0", "1"]
    assert world.scripts().count("stack_state") == 2


def test_tables_of_a_later_version_are_no_reason_to_doubt_the_rest(world: World) -> None:
    later = [*without(STACK, "state chatwoot application "), "state chatwoot unreadable"]
    found = world.plan({"stack_state": later})
    assert (found.exit_code, found.hosts[0].unanswered) == (plan.NOTHING, ())
    assert {"Chatwoot", "4.6"} <= values(found.hosts[0].unknown[0])


def test_locked_tables_cannot_be_told_as_fine(world: World) -> None:
    locked = [*without(STACK, "state chatwoot application "), "state chatwoot locked"]
    found = world.plan({"stack_state": locked})
    assert found.exit_code == plan.ERROR
    assert {"Chatwoot", "locked"} <= values(found.hosts[0].unanswered[0])


def test_a_stopped_engine_is_all_that_a_plan_lists(world: World) -> None:
    found = world.plan({"docker_state": STOPPED, "stack_state": ["engine stopped"]})
    assert steps(found.hosts[0]) == [DAEMON]
    assert found.exit_code == plan.CHANGES


@pytest.mark.parametrize("entry", entries.ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_that_changes_makes_exactly_its_readers_differ(
    world: World, tmp_path: Path, entry: entries.Entry
) -> None:
    data = dict(REQUIRED)
    env = FIT["env_state"]
    if entry.kind is entries.Kind.SUPPLIED:
        (tmp_path / "password").write_text(SECRET)
        data |= {
            "smtp_address": "smtp.example.com",
            "smtp_username": "chat",
            "smtp_password": f"file:{tmp_path}/password",
            "dns_check": "off",
            "editors": ["n8n"],
            "editors_password": f"file:{tmp_path}/password",
        }
        env = [*env, f"entry {entry.name} ok", f"digest {entry.name} {'0' * 64}"]
    else:
        env = altered(env, f"entry {entry.name} ok", f"entry {entry.name} differs")
    world.inventory({"chat": data})
    found = world.host({"env_state": env})
    differences = [one for step in found.changes for one in step.differences]
    readers = [
        one.subject.removeprefix("service ")
        for one in differences
        if (one.code, one.attribute) == (Code.FOLLOWS, entry.name)
        and not one.subject.startswith("PostgreSQL")
    ]
    # What is no secret is in the wanted hashes already: its readers need no foretelling.
    expected = () if entry.kind is entries.Kind.PLAIN else entries.readers(entry.name)
    if entry.name == "WHATSAPP_BRIDGE_SECRET":
        expected = (*expected, "instance whatsapp")  # it is told through Evolution's API
    assert sorted(readers) == sorted(expected)
    assert SECRET not in Plan((found,)).as_json()


REFUSED = altered(FIT["preflight"], "debian 13", "arch 1")


@pytest.mark.parametrize(
    ("preflight", "gone", "exit_code", "errors"),
    [
        (FIT["preflight"], False, plan.NOTHING, None),
        (REFUSED, False, plan.ERROR, "saw arch 1"),
        (FIT["preflight"], True, plan.ERROR, NO_ROUTE),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_a_host_of_which_nothing_can_be_said_is_an_error_and_hides_no_other(
    world: World, preflight: Lines, exit_code: int, errors: str | None, *, gone: bool, alone: bool
) -> None:
    world.inventory({"chat": REQUIRED} if alone else {"chat": REQUIRED, "other": REQUIRED})
    if not alone:
        world.servers["other"].answers["env_state"] = REDIS_EMPTY
    world.unreachable = {"chat"} if gone else set()
    found = world.plan({"preflight": preflight})
    by_name = {host.host: host for host in found.hosts}
    assert set(by_name) == ({"@fake/chat"} if alone else {"@fake/chat", "@fake/other"})
    assert errors is None or errors in "\n".join(by_name["@fake/chat"].errors)
    assert bool(by_name["@fake/chat"].errors) == bool(errors)
    if alone:
        assert found.exit_code == exit_code
    else:
        assert ENV in steps(by_name["@fake/other"])
        assert found.exit_code == (exit_code or plan.CHANGES)
    assert set(world.scripts()) <= READS


def test_a_server_that_cannot_be_looked_at_is_an_error(world: World) -> None:
    world.unreachable = {"chat"}
    found = world.plan()
    assert (found.exit_code, found.error) == (plan.ERROR, None)
    assert found.hosts[0].changes == ()
    assert found.as_text().splitlines()[0] == "@fake/chat:"
    assert re.findall(r"\d+", found.as_text().splitlines()[-1]) == ["1", "0", "1"]


def wrong_settings(world: World) -> Plan:
    world.inventory({"chat": {"domain": "example.com", "caddy_emial": "x"}})
    return world.plan()


def production_by_accident(world: World) -> Plan:
    world.inventory({"chat": REQUIRED}, group="prod")
    return world.plan()


def nobody_at_all(world: World) -> Plan:
    world.inventory({})
    return world.plan()


def no_inventory(world: World) -> Plan:
    (world.folder / "inventory.py").unlink()
    return world.plan()


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (wrong_settings, {"@fake/chat", "caddy_emial"}),
        (production_by_accident, {"production", "@fake/chat", "prod"}),
        (nobody_at_all, {"--limit"}),
        (no_inventory, {"inventory.py"}),
        (lambda world: make_plan(deploy="none.py"), {"none.py"}),
        (lambda world: world.plan(limit=["nobody"]), {"--limit"}),
        (lambda world: world.plan(data=["domain=none"]), {"domain", "none"}),
    ],
)
def test_what_stops_the_plan_as_a_whole_is_its_error_and_no_host_is_asked_anything(
    world: World, act: Callable[[World], Plan], error: set[str]
) -> None:
    found = act(world)
    assert error <= values(found.error or "")
    assert (found.exit_code, found.hosts) == (plan.ERROR, ())
    assert found.as_text().startswith("error: ")
    assert world.scripts() == []


def test_wrong_settings_are_told_although_another_host_is_unreachable(world: World) -> None:
    world.inventory({"chat": REQUIRED, "wrong": {"domain": "example.com"}})
    world.unreachable = {"chat"}
    found = world.plan()
    assert "caddy_email" in found.as_text()


def test_a_plan_is_limited_to_the_hosts_that_were_named(world: World) -> None:
    world.inventory({"chat": REQUIRED, "other": REQUIRED}, group="prod")
    assert [host.host for host in world.plan(limit=["@fake/oth*"]).hosts] == ["@fake/other"]
    assert [host.host for host in world.plan(limit=["prod"]).hosts] == ["@fake/chat", "@fake/other"]


def test_data_of_the_command_line_counts(world: World) -> None:
    world.inventory({"chat": {"domain": "example.com"}})
    assert world.plan(data=["caddy_email=ops@example.com"]).exit_code == plan.NOTHING


IMAGE = Change("service redis", Code.DIFFERS, "image", "redis:8.2-alpine", "redis:7")
MODE = Change("file /f", Code.DIFFERS, "mode", "600", "644")
EXAMPLE = Plan(
    (
        HostPlan("one", (), (Step("Redis | Start", (IMAGE,)),), ("the rest",)),
        HostPlan("two", ("no route",)),
        HostPlan("three", (), (Step("Files | Put", (MODE,), {"/f": "--- a\n+++ b\n@@ @@\n-x"}),)),
        HostPlan("four"),
        HostPlan("five", unknown=("x",), unanswered=("x",)),
    )
)


def test_the_json_form_has_its_documented_shape() -> None:
    assert json.loads(EXAMPLE.as_json()) == {
        "schema": 2,
        "exit_code": 1,
        "error": None,
        "hosts": [
            {
                "host": "one",
                "errors": [],
                "changes": [
                    {
                        "step": "Redis | Start",
                        "reasons": [str(IMAGE)],
                        "differences": [
                            {
                                "subject": "service redis",
                                "code": "differs",
                                "attribute": "image",
                                "expected": "redis:8.2-alpine",
                                "actual": "redis:7",
                            }
                        ],
                        "diffs": {},
                    }
                ],
                "unknown": ["the rest"],
                "unanswered": [],
            },
            {"host": "two", "errors": ["no route"], "changes": [], "unknown": [], "unanswered": []},
            {
                "host": "three",
                "errors": [],
                "changes": [
                    {
                        "step": "Files | Put",
                        "reasons": [str(MODE)],
                        "differences": [dataclasses.asdict(MODE)],
                        "diffs": {"/f": "--- a\n+++ b\n@@ @@\n-x"},
                    }
                ],
                "unknown": [],
                "unanswered": [],
            },
            {"host": "four", "errors": [], "changes": [], "unknown": [], "unanswered": []},
            {"host": "five", "errors": [], "changes": [], "unknown": ["x"], "unanswered": ["x"]},
        ],
    }


def test_the_text_form_is_for_people() -> None:
    assert EXAMPLE.as_text().splitlines() == [
        "one:",
        "  Redis | Start",
        "    service redis: image differs (expected redis:8.2-alpine, actual redis:7)",
        "  not known yet: the rest",
        "two:",
        "  error: no route",
        "three:",
        "  Files | Put",
        "    file /f: mode differs (expected 600, actual 644)",
        "    /f",
        "      @@ @@",
        "      -x",
        "four: nothing would change",
        "five: no change was found, but something that runs did not answer:",
        "  not known yet: x",
        "5 hosts: 2 would change, 1 with an error, 1 not wholly seen.",
    ]


CHANGED = HostPlan("changed", (), (Step("step", (MODE,)),))


@pytest.mark.parametrize(
    ("found", "exit_code"),
    [
        (Plan((HostPlan("fit"),)), 0),
        (Plan((HostPlan("fit", unknown=("x",)),)), 0),
        (Plan((HostPlan("fit"), CHANGED)), 2),
        (Plan((CHANGED, HostPlan("ill", ("why",)))), 1),
        (Plan((CHANGED,), error="why"), 1),
        (Plan(), 1),
    ],
)
def test_the_exit_code_says_which_case_it_is(found: Plan, exit_code: int) -> None:
    assert found.exit_code == exit_code
    assert json.loads(found.as_json())["exit_code"] == exit_code


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder as a deploy leaves it, with a secret in `.env`."""
    folder = tmp_path / "placed"
    for file in default_project().files:
        path = folder / file.path
        if file.content is None:
            path.mkdir()
        else:
            path.write_bytes(file.content)
    (folder / ".env").write_text(f"DOMAIN=example.com\nCHATWOOT_DB_PASSWORD='{SECRET}'\n")
    return folder


REDIS_PATH = "config/redis/redis.conf"
REDIS_TEXT = default_project().content(REDIS_PATH).decode()


def masked(folder: Path, *paths: str) -> Lines:
    ran = run_script("files_masked", str(folder), *paths)
    assert (ran.status, ran.err) == (0, "")
    assert SECRET not in ran.out
    return ran.out.splitlines()


def test_files_leave_the_host_without_a_value_of_env(placed: Path) -> None:
    (placed / REDIS_PATH).write_text(f"first\nrequirepass {SECRET}{SECRET}\n\nexample.com")
    lines = masked(placed, REDIS_PATH, "none", "config", "config/caddy/Caddyfile")
    read = MaskedFiles().process(lines)
    assert set(read) == {REDIS_PATH, "config/caddy/Caddyfile"}
    assert read[REDIS_PATH] == "first\nrequirepass **********\n\nexample.com"
    wanted = default_project().content("config/caddy/Caddyfile").decode()
    assert read["config/caddy/Caddyfile"] == wanted.removesuffix("\n")


def test_no_file_leaves_a_host_without_the_folder(tmp_path: Path) -> None:
    assert masked(tmp_path / "none", REDIS_PATH) == []


def test_a_diff_shows_the_lines_that_change_and_no_secret(world: World, placed: Path) -> None:
    first, *rest = REDIS_TEXT.splitlines()
    text = "\n".join([f"{first} by hand", f"requirepass {SECRET}", *rest]) + "\n"
    (placed / REDIS_PATH).write_text(text)
    found = world.plan(
        {
            "files_state": altered(FIT["files_state"], f"sha256 {REDIS_PATH} ", "sha256 x "),
            "files_masked": masked(placed, REDIS_PATH),
        }
    )
    (change,) = found.hosts[0].changes
    (path,) = change.diffs
    assert path == f"{files.DIRECTORY}/{REDIS_PATH}"
    lines = change.diffs[path].splitlines()
    assert lines[:2] == ["--- host", "+++ wanted"]
    assert [line for line in lines[2:] if line[0] in "+-"] == [
        f"-{first} by hand",
        "-requirepass *****",
        f"+{first}",
    ]
    assert f"      -{first} by hand" in found.as_text().splitlines()
    assert SECRET not in found.as_text() + found.as_json()


@pytest.mark.parametrize(
    "lines",
    [
        altered(FIT["files_state"], "redis.conf regular file|600", "redis.conf regular file|644"),
        without(FIT["files_state"], f"stat {REDIS_PATH} ", f"sha256 {REDIS_PATH} "),
    ],
)
def test_a_file_that_is_missing_or_differs_in_its_mode_alone_has_no_diff(
    world: World, placed: Path, lines: Lines
) -> None:
    found = world.host({"files_state": lines, "files_masked": masked(placed, REDIS_PATH)})
    assert [(change.step, change.diffs) for change in found.changes] == [(FILES, {})]


def run_command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as the operator runs it; in a process of its own, for it patches sockets."""
    return subprocess.run(
        [sys.executable, "-m", "borgstack.cli", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_outside_of_a_project_says_where_to_run_it(tmp_path: Path) -> None:
    ran = run_command(tmp_path, "plan", "--json")
    assert ran.returncode == 1
    answer = json.loads(ran.stdout)
    assert (answer["schema"], answer["exit_code"], answer["hosts"]) == (2, 1, [])
    assert f"expected inventory.py in {tmp_path}" in answer["error"]


def test_the_command_with_a_limit_that_matches_nobody_says_so() -> None:
    ran = run_command(REPOSITORY, "plan", "--limit", "nobody")
    assert ran.returncode == 1
    error, summary = ran.stdout.splitlines()
    assert {"error", "inventory.py", "--limit"} <= values(error)
    assert re.findall(r"\d+", summary) == ["0", "0", "0"]


def test_the_command_wants_to_be_told_what_to_do(tmp_path: Path) -> None:
    ran = run_command(tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "plan" in ran.stderr


def test_an_inventory_that_raises_is_an_error_and_no_traceback(world: World) -> None:
    (world.folder / "inventory.py").write_text("1 / 0\n")
    found = world.plan()
    assert (found.exit_code, found.hosts) == (1, ())
    assert "ZeroDivisionError: " in (found.error or "")
