"""The whole of deploy.py on hosts that answer from a script: how many commands a run costs in which
nothing differs, and that a difference leads to its own command and to no other.
"""

from __future__ import annotations

import runpy

import pytest
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.operation import OperationMeta
from pyinfra.context import ctx_host, ctx_state

from borgstack.change import Change, Code
from borgstack.lock import Held
from borgstack.operations import run_log
from borgstack.project import DIRECTORY, ENV_PATH, render
from tests.operations.conftest import FakeFactory, FakeHosts, execute
from tests.operations.server import BARE, FIT, LOOKS, READS, altered, fit_answers, without
from tests.unit.changes import keys
from tests.unit.support import REPOSITORY, REQUIRED, fit_server_lines, settings_of
from tests.unit.told import values


def deploy(hosts: FakeHosts) -> None:
    """Run deploy.py for every host and execute it, as the CLI does."""
    with ctx_state.use(hosts.state):
        for host in hosts.state.inventory.get_active_hosts():
            with ctx_host.use(host):
                runpy.run_path(str(REPOSITORY / "deploy.py"))
    execute(hosts.state)


def changes(hosts: FakeHosts, name: str = "chat") -> list[str]:
    return [script for script in hosts.scripts(name) if script not in READS]


@pytest.fixture
def chat(fake_hosts: FakeFactory) -> FakeHosts:
    return fake_hosts("chat", data=REQUIRED)


def test_a_run_in_which_nothing_differs_costs_five_commands(chat: FakeHosts) -> None:
    deploy(chat)
    assert chat.scripts("chat") == LOOKS
    host = chat.host("chat")
    results = chat.state.get_results_for_host(host)
    assert (results.error_ops, results.success_ops) == (0, results.ops)


def test_with_a_plan_it_costs_twice_that_and_still_no_more_than_twelve(
    fake_hosts: FakeFactory,
) -> None:
    hosts = fake_hosts("chat", data=REQUIRED, plan=True)
    deploy(hosts)
    assert hosts.scripts("chat") == [*LOOKS, *LOOKS]
    assert len(hosts.scripts("chat")) <= 12
    meta = hosts.state.get_meta_for_host(hosts.host("chat"))
    assert (meta.ops_change, meta.ops_no_change) == (0, meta.ops)


FIT_STACK = FIT["stack_state"]
REDIS_MADE_ANEW = ["containers_stop", "services_up", "services_up"]
"""Evolution, which would lose messages without it, is stopped before it and started after."""
N8N_PREPARED = ["n8n_numbers", "services_up"]
FIT_FILES = FIT["files_state"]
FIT_DOCKER = FIT["docker_state"]
FIT_ENV = FIT["env_state"]


@pytest.mark.parametrize(
    ("script", "lines", "expected"),
    [
        ("docker_state", altered(FIT_DOCKER, "package docker-ce ", "x "), ["docker_install"]),
        ("docker_state", altered(FIT_DOCKER, "=enabled", "=disabled"), ["docker_daemon"]),
        ("docker_state", altered(FIT_DOCKER, "loaded by", "x"), ["docker_daemon"]),
        ("docker_state", ["unit MainPID=0"], ["docker_daemon", "docker_install"]),
        (
            "docker_state",  # a killed installation: a daemon that is not configured cannot start
            [
                *altered(FIT_DOCKER, "package docker-ce ", "broken docker-ce "),
                *("unit MainPID=0", "unit ActiveState=inactive"),
            ],
            ["docker_install"],
        ),
        ("env_state", altered(FIT_ENV, "|600|", "|644|"), ["env_write"]),
        ("env_state", altered(FIT_ENV, "DOMAIN ok", "DOMAIN differs"), ["env_write"]),
        ("env_state", [*FIT_ENV, "entry SMTP_PASSWORD withdrawn"], ["env_write"]),
        (
            "env_state",  # read by Redis, prepare, web and worker, Evolution
            altered(FIT_ENV, "REDIS_PASSWORD ok", "REDIS_PASSWORD empty"),
            ["env_write", "containers_stop", *["services_up"] * 4],
        ),
        ("files_state", altered(FIT_FILES, "redis.conf regular", "redis.conf x"), ["files_put"]),
        (
            "stack_state",  # what is pulled is another image than the one that the container has
            altered(FIT_STACK, '"redis:8.2-alpine"', '"x"'),
            ["images_note", "images_pull", *REDIS_MADE_ANEW],
        ),
        ("stack_state", altered(FIT_STACK, "hash caddy ", "hash caddy new-"), ["services_up"]),
        ("stack_state", altered(FIT_STACK, "hash redis ", "hash redis new-"), REDIS_MADE_ANEW),
        (
            "stack_state",  # both one-shots
            altered(FIT_STACK, "Exited (0)", "Exited (1)"),
            ["services_up", "n8n_numbers", "services_up"],
        ),
        ("stack_state", altered(FIT_STACK, "hash n8n ", "hash n8n new-"), ["services_up"]),
        ("stack_state", altered(FIT_STACK, "borgstackErrors||", "x||"), N8N_PREPARED),
        ("stack_state", altered(FIT_STACK, "owner true", "owner false"), ["n8n_claim"]),
        (
            "stack_state",
            altered(FIT_STACK, '"byEvents": false', '"byEvents": true'),
            ["evolution_converge"],
        ),
        (
            "stack_state",
            [*FIT_STACK, "container own|borgstack|own|h|i|running|Up|n|own:1||/opt/borgstack"],
            [],  # an operator's own
        ),
        (
            "stack_state",
            [
                *FIT_STACK,
                *(f"local caddy:{tag}|sha256:{tag}|15MB" for tag in ("2.8", "2.9")),
                *("pulled caddy:2.8", "pulled caddy:2.9"),
            ],
            ["images_remove"],
        ),
        ("stack_state", altered(FIT_STACK, "schema chatwoot_db", "schema x"), ["services_up"]),
        ("stack_state", altered(FIT_STACK, "user ok", "user refused"), ["postgresql_converge"]),
        (
            "stack_state",
            altered(FIT_STACK, 'running {"a":1}', 'running {"a":2}'),
            ["caddy_converge"],
        ),
        ("stack_state", [*FIT_STACK, "state caddy unstored chatwoot.example.com"], ["services_up"]),
        ("stack_state", altered(FIT_STACK, "policy noeviction", "policy x"), ["redis_converge"]),
        ("stack_state", altered(FIT_STACK, "onboarding 0", "onboarding 1"), ["redis_converge"]),
        (
            "stack_state",
            altered(FIT_STACK, "redis password ok", "redis password x"),
            REDIS_MADE_ANEW,
        ),
        (
            "stack_state",
            altered(FIT_STACK, "[::]:80->80/tcp, ", "[::1]:80->80/tcp, "),
            ["services_up"],
        ),
        (
            "stack_state",  # Redis is made anew, so only its key is left to correct
            altered(
                altered(FIT_STACK, "|borgstack|borgstack_internal|true", "|||true"),
                "onboarding 0",
                "onboarding 1",
            ),
            [
                *("containers_stop", "networks_remove", "services_up", "redis_converge"),
                *["services_up"] * 3,
            ],
        ),
        (
            "docker_state",
            altered(FIT_DOCKER, "socket LoadState=loaded", "socket LoadState=masked"),
            ["docker_daemon"],
        ),
    ],
)
def test_each_difference_leads_to_its_own_command(
    chat: FakeHosts, script: str, lines: list[str], expected: list[str]
) -> None:
    chat.differ("chat", **{script: lines})
    deploy(chat)
    assert changes(chat) == expected


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("docker_state", ["unit MainPID=0"]),
        ("env_state", ["file missing"]),
        ("files_state", ["stat . directory|755|0|0"]),
        ("stack_state", ["engine missing"]),
    ],
)
def test_a_plan_over_differences_runs_no_command_that_changes(
    fake_hosts: FakeFactory, script: str, lines: list[str]
) -> None:
    hosts = fake_hosts("chat", data=REQUIRED, plan=True)
    hosts.differ("chat", **{script: lines})
    with ctx_state.use(hosts.state), ctx_host.use(hosts.host("chat")):
        runpy.run_path(str(REPOSITORY / "deploy.py"))
    assert hosts.scripts("chat") == LOOKS
    assert hosts.state.get_meta_for_host(hosts.host("chat")).ops_change > 0


def still_starting(*containers: str) -> list[str]:
    """The stack with these of its containers not healthy yet."""
    begins = tuple(f"container {name}|" for name in containers)
    return [
        line.replace("(healthy)", "(health: starting)") if line.startswith(begins) else line
        for line in FIT_STACK
    ]


STILL_STARTING = still_starting("borgstack_redis")


@pytest.mark.parametrize("plan", [True, False])
@pytest.mark.parametrize(
    "names",
    [
        ["borgstack_redis"],
        ["borgstack_caddy"],
        ["n8n"],
        ["chatwoot", "chatwoot-worker", "evolution"],
    ],
)
def test_what_is_still_starting_is_waited_for_together_which_is_no_change(
    fake_hosts: FakeFactory, names: list[str], *, plan: bool
) -> None:
    hosts = fake_hosts("chat", data=REQUIRED, plan=plan)
    hosts.differ("chat", stack_state=still_starting(*names))
    deploy(hosts)
    assert changes(hosts) == ["services_up"]
    waited = hosts.arguments("chat", "services_up")[2:]
    assert [word.split(":")[1:] for word in waited] == [[name, "wait"] for name in names]
    host = hosts.host("chat")
    assert hosts.state.get_meta_for_host(host).ops_change == 0
    assert not [meta for meta in metas(hosts) if meta.did_change()]


def metas(hosts: FakeHosts, name: str = "chat") -> list[OperationMeta]:
    return [data.operation_meta for data in hosts.state.ops[hosts.host(name)].values()]


def test_a_container_that_is_gone_when_it_is_waited_for_stops_the_host(chat: FakeHosts) -> None:
    """Removed by hand, or by another program, while others were started."""
    chat.answer("chat", stack_state=without(FIT_STACK, "container chatwoot|"))
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        deploy(chat)
    assert {"container", "chatwoot"} <= chat.refused("chat")


def test_a_docker_that_ends_meanwhile_stops_the_host(chat: FakeHosts) -> None:
    chat.answer("chat", stack_state=["engine stopped"])
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        deploy(chat)
    assert {"Docker", "Engine", "stopped"} <= chat.refused("chat")
    assert changes(chat) == []


def test_redis_is_told_the_commands_that_close_its_differences(chat: FakeHosts) -> None:
    chat.differ("chat", stack_state=altered(FIT_STACK, "policy noeviction", "policy x"))
    deploy(chat)
    told = chat.arguments("chat", "redis_converge")
    assert told == ["/opt/borgstack", 'CONFIG SET maxmemory-policy "noeviction"']


def test_what_loses_messages_without_a_store_is_stopped_before_it_and_started_after(
    chat: FakeHosts,
) -> None:
    """Evolution tells WhatsApp that it has a message before it writes it down."""
    chat.differ("chat", stack_state=altered(FIT_STACK, "hash postgresql ", "hash postgresql x-"))
    deploy(chat)
    assert changes(chat)[:3] == ["containers_stop", "services_up", "services_up"]
    assert chat.arguments("chat", "containers_stop") == ["evolution"]
    store, evolution, *_ = chat.all_arguments("chat", "services_up")
    assert store[2:] == ["postgresql:borgstack_postgresql:up"]
    assert evolution[2:] == ["evolution:evolution:up"]


def test_n8ns_one_shot_works_while_chatwoot_is_starting(chat: FakeHosts) -> None:
    lines = altered(still_starting("chatwoot"), "borgstackErrors||", "x||")
    chat.differ("chat", stack_state=lines)
    deploy(chat)
    ran = [words[1:] for words in chat.all_arguments("chat", "services_up")]
    assert ran == [
        ["1800", "n8n-prepare:n8n-prepare:recreate:once"],
        ["300", "chatwoot:chatwoot:wait"],
    ]
    assert chat.all_arguments("chat", "n8n_numbers") == [
        ["/opt/borgstack", settings_of().admin_email, "WhatsApp"]
    ]


def test_a_service_that_does_not_become_healthy_stops_the_host(chat: FakeHosts) -> None:
    chat.answer("chat", stack_state=STILL_STARTING, services_up={"success": False})
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        deploy(chat)
    assert "healthy" in chat.refused("chat")
    assert changes(chat) == ["services_up"]


@pytest.mark.parametrize(
    "rows",
    [
        *("state postgresql read", "state redis ", "state chatwoot read"),
        *("state n8n ", "state evolution ", "state caddy running"),
    ],
)
def test_an_answer_that_got_lost_is_asked_for_once_more(
    chat: FakeHosts, monkeypatch: pytest.MonkeyPatch, rows: str
) -> None:
    server = chat.servers["chat"]
    server.answers["stack_state"] = without(FIT_STACK, rows)
    taken = server.react

    def react(script: str, *arguments: str) -> None:
        if script == "stack_state":
            server.answers["stack_state"] = FIT_STACK
        taken(script, *arguments)

    monkeypatch.setattr(server, "react", react)
    deploy(chat)
    assert changes(chat) == []
    assert chat.scripts("chat").count("stack_state") == 2


@pytest.mark.parametrize(
    ("store", "rows"),
    [
        ("PostgreSQL", "state postgresql read"),
        ("PostgreSQL", "state chatwoot read"),
        ("Redis", "state redis "),
        ("Evolution API", "state evolution "),
        ("Caddy", "state caddy running"),
    ],
)
def test_a_store_that_could_not_be_asked_stops_the_host(
    chat: FakeHosts, store: str, rows: str
) -> None:
    lines = [line for line in FIT_STACK if not line.startswith(rows)]
    chat.answer("chat", stack_state=lines)
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        deploy(chat)
    assert set(store.split()) <= chat.refused("chat")
    assert changes(chat) == []


NO_N8N = without(FIT_STACK, "state n8n ")


def test_tables_that_something_holds_locked_stop_the_host(chat: FakeHosts) -> None:
    locked = [*without(FIT_STACK, "state chatwoot application "), "state chatwoot locked"]
    chat.answer("chat", stack_state=locked)
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        deploy(chat)
    assert {"Chatwoot's", "locked"} <= chat.refused("chat")
    assert changes(chat) == []


def test_an_n8n_whose_owner_could_not_be_asked_for_stops_the_host(chat: FakeHosts) -> None:
    chat.answer("chat", stack_state=NO_N8N)
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        deploy(chat)
    assert {"n8n's", "borgstack_postgresql"} <= chat.refused("chat")
    assert changes(chat) == N8N_PREPARED  # which might have helped


def test_an_n8n_that_has_lost_its_tables_is_made_anew(chat: FakeHosts) -> None:
    chat.differ("chat", stack_state=NO_N8N)
    deploy(chat)
    assert changes(chat) == [*N8N_PREPARED, "services_up", "n8n_claim"]


@pytest.mark.parametrize(
    ("script", "lines", "told"),
    [
        (
            "docker_state",
            altered(FIT_DOCKER, "package docker-ce ", "x "),
            "package docker-ce: missing",
        ),
        (
            "docker_state",
            altered(FIT_DOCKER, "=enabled", "=disabled"),
            "unit docker.service: UnitFileState differs",
        ),
        ("env_state", altered(FIT_ENV, "DOMAIN ok", "DOMAIN differs"), ".env: DOMAIN differs"),
        (
            "files_state",
            altered(FIT_FILES, "|600|", "|644|"),
            f"file {DIRECTORY}/config/redis/redis.conf: mode differs",
        ),
        (
            "stack_state",
            altered(FIT_STACK, '"redis:8.2-alpine"', '"x"'),
            "image redis:8.2-alpine: missing",
        ),
        (
            "stack_state",
            altered(FIT_STACK, "hash caddy ", "hash caddy x-"),
            "service caddy: configuration differs",
        ),
        (
            "stack_state",
            altered(FIT_STACK, "schema chatwoot_db", "schema x"),
            "service chatwoot-prepare: database schema missing",
        ),
        (
            "stack_state",
            altered(FIT_STACK, "user ok", "user refused"),
            "role chatwoot_user: password differs",
        ),
        (
            "stack_state",
            altered(FIT_STACK, 'running {"a":1}', "running {}"),
            "service caddy: Caddyfile not_loaded",
        ),
        (
            "stack_state",
            altered(FIT_STACK, "|borgstack_internal|true", "||true"),
            "network borgstack_internal: foreign",
        ),
        (
            "stack_state",
            altered(FIT_STACK, "onboarding 0", "onboarding 1"),
            "chatwoot: onboarding exposed",
        ),
        (
            "stack_state",
            altered(FIT_STACK, "owner true", "owner false"),
            "service n8n: owner missing",
        ),
    ],
)
def test_the_operator_is_told_why_something_changes(
    chat: FakeHosts, script: str, lines: list[str], told: str, messages: pytest.LogCaptureFixture
) -> None:
    chat.differ("chat", **{script: lines})
    deploy(chat)
    found = [one for changes in run_log(chat.host("chat")).changes.values() for one in changes]
    assert told in keys(found)
    assert all(str(one) in messages.text for one in found)


def test_after_a_change_only_what_may_have_changed_is_read_again(chat: FakeHosts) -> None:
    chat.differ("chat", env_state=altered(FIT_ENV, "DOMAIN ok", "DOMAIN differs"))
    deploy(chat)
    after = ["files_state", "stack_state", "env_state"]
    assert chat.scripts("chat") == [*LOOKS, "env_write", *after]


@pytest.mark.parametrize("leftover", ["n8n", "evolution"])
def test_what_is_switched_off_goes_and_nothing_else_of_whatsapp_is_touched(
    fake_hosts: FakeFactory, leftover: str, messages: pytest.LogCaptureFixture
) -> None:
    data = {**REQUIRED, "whatsapp": False}
    hosts = fake_hosts("chat", data=data)
    fit = fit_answers(render(settings_of(whatsapp=False)))
    container = next(row for row in FIT_STACK if row.startswith(f"container {leftover}|"))
    hosts.differ("chat", **{**fit, "stack_state": [*fit["stack_state"], container]})
    deploy(hosts)
    assert changes(hosts) == ["containers_remove"]
    assert hosts.arguments("chat", "containers_remove") == [leftover]
    assert str(Change(f"container {leftover}", Code.UNDECLARED)) in messages.text


def test_a_bare_host_gets_everything_in_the_order_of_the_story(chat: FakeHosts) -> None:
    chat.differ("chat", **BARE)
    deploy(chat)
    assert changes(chat) == [
        "docker_daemon",
        "docker_install",
        "images_note",
        "images_pull",
        "env_write",
        "files_put",
        "services_up",  # PostgreSQL and Redis
        "services_up",  # Evolution
        "services_up",  # prepare
        "services_up",  # web and worker
        "n8n_numbers",
        "services_up",  # n8n-prepare
        "services_up",  # n8n
        "n8n_claim",
        "evolution_converge",
        "services_up",  # Caddy
    ]


@pytest.mark.parametrize(
    ("script", "lines", "named"),
    [
        ("preflight", altered(fit_server_lines(), "debian 13", "arch 1"), {"arch", "1"}),
        ("preflight", altered(fit_server_lines(), "uid 0", "uid 1000"), {"--sudo"}),
        (
            "env_state",
            altered(FIT_ENV, "REDIS_PASSWORD ok", "REDIS_PASSWORD refused short"),
            {ENV_PATH, "REDIS_PASSWORD", "32", "generated"},
        ),
        ("env_state", [*FIT_ENV, "problem 7 open_quote"], {ENV_PATH, "line", "7"}),
        (
            "stack_state",
            altered(FIT_STACK, "container n8n|borgstack|n8n|", "container n8n|||"),
            {"container", "n8n", "n8nio/n8n:1.112.6"},
        ),
        (
            "stack_state",
            [*FIT_STACK, "rejected services.x: additional properties", "override"],
            {"docker-compose.yml", "services.x", "additional", "properties", "override"},
        ),
    ],
)
def test_an_unfit_server_is_refused_before_anything_is_changed(
    chat: FakeHosts,
    script: str,
    lines: list[str],
    named: set[str],
    messages: pytest.LogCaptureFixture,
) -> None:
    chat.differ("chat", **{script: lines})
    with pytest.raises(PyinfraError, match="No hosts remaining"):
        deploy(chat)
    assert changes(chat) == []
    assert set(chat.scripts("chat")) <= set(LOOKS)
    assert {*named, "Nothing"} <= chat.refused("chat")
    assert all(line in messages.text for line in run_log(chat.host("chat")).refusals)


def test_a_user_without_rights_is_not_asked_for_what_only_root_may_see(chat: FakeHosts) -> None:
    lines = altered(fit_server_lines(), "uid 0", "uid 1000")
    chat.answer("chat", preflight=altered(lines, "root yes", "root no"))
    with pytest.raises(PyinfraError):
        deploy(chat)
    assert chat.scripts("chat") == ["preflight"]


def test_a_warning_is_told_and_stops_nothing(
    chat: FakeHosts, messages: pytest.LogCaptureFixture
) -> None:
    chat.answer("chat", preflight=altered(fit_server_lines(), "time synchronised", "x"))
    deploy(chat)
    (warned,) = [one for one in messages.records if one.levelname == "WARNING"]
    assert {"warning", "systemd-timesyncd"} <= values(warned.getMessage())
    assert chat.scripts("chat") == LOOKS


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (
            altered(FIT_DOCKER, "docker-ce 5:29.1", "docker-ce 5:24.0"),
            {"25", "docker-ce", "5:24.0.0-1~debian"},
        ),
        (
            [*FIT_DOCKER[:6], "file /etc/docker/daemon.json 644|0|0 WzFd", *FIT_DOCKER[7:]],
            {"JSON", "/etc/docker/daemon.json"},
        ),
    ],
)
@pytest.mark.parametrize("plan", [True, False])
def test_a_docker_that_a_run_must_not_touch_stops_the_host(
    fake_hosts: FakeFactory,
    lines: list[str],
    named: set[str],
    *,
    plan: bool,
) -> None:
    hosts = fake_hosts("chat", "other", data=REQUIRED, plan=plan)
    hosts.answer("chat", docker_state=lines)
    deploy(hosts)
    assert {*named, "Nothing"} <= hosts.refused("chat")  # by the preflight, which says so
    assert hosts.refused("other") == set()
    assert changes(hosts) == changes(hosts, "other") == []
    assert {host.name for host in hosts.state.failed_hosts} == {"@fake/chat"}


def test_a_host_that_fails_halfway_does_not_hold_up_the_others(fake_hosts: FakeFactory) -> None:
    hosts = fake_hosts("ill", "well", data=REQUIRED)
    for name in hosts.names:
        hosts.differ(name, files_state=["stat . directory|755|0|0"])
    hosts.answer("ill", files_put={"success": False, "stderr": "disk full"})
    deploy(hosts)
    assert {host.name for host in hosts.state.failed_hosts} == {"@fake/ill"}
    assert hosts.scripts("ill")[-1] == "files_put"
    written = hosts.scripts("well").index("files_put")
    assert hosts.scripts("well")[written + 1 :] == ["stack_state", "env_state"]


def test_no_command_of_a_first_run_shows_a_secret(chat: FakeHosts) -> None:
    chat.differ("chat", env_state=["file missing"])
    deploy(chat)
    connector = chat.host("chat").connector
    sent = "\n".join(connector.executed_commands)  # type: ignore[attr-defined]
    assert "borgstack-env_write" in sent
    assert "fill REDIS_PASSWORD" not in sent


def test_a_run_that_has_lost_the_lock_stops_before_its_next_change(
    chat: FakeHosts,
) -> None:
    """What it has done by then stays; the other operations are not begun either."""
    chat.differ("chat", **BARE)
    host = chat.host("chat")
    held = host.connector_data["borgstack_lock"] = Held(None, None)
    react = chat.servers["chat"].react

    def sleep_after_docker(script: str, *words: str) -> None:
        react(script, *words)
        held.confirmed -= 3600 if script == "docker_install" else 0

    chat.servers["chat"].react = sleep_after_docker  # type: ignore[method-assign]
    with pytest.raises(PyinfraError):
        deploy(chat)
    assert changes(chat) == ["docker_daemon", "docker_install"]
    assert any(word.startswith("36") and len(word) == 4 for word in chat.refused("chat"))
