"""The live stack against the rendered one. A wrong answer here either touches a service that is in
place or leaves a broken one as it is, so every reason and every action has its row.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from borgstack import live_stack, networks, services, stack, strangers
from borgstack.live_stack import Container, Network, StackState
from borgstack.project import render
from borgstack.services.base import Service
from borgstack.services.caddy.live import CaddyState
from borgstack.services.postgresql.databases import DatabaseState
from borgstack.services.redis.live import RedisState
from tests.unit.changes import key, keys
from tests.unit.support import default_project, fit_stack_lines, image_number, settings_of
from tests.unit.told import values

PROJECT = default_project()
FIT = live_stack.parse(fit_stack_lines(PROJECT))
IMAGE = "chatwoot/chatwoot:v4.6.0-ce"


def changed(container: str, **values: Any) -> StackState:  # noqa: ANN401 - Container's own fields
    one = dataclasses.replace(FIT.containers[container], **values)
    return dataclasses.replace(FIT, containers={**FIT.containers, container: one})


def without(container: str) -> StackState:
    kept = {name: one for name, one in FIT.containers.items() if name != container}
    return dataclasses.replace(FIT, containers=kept)


def with_state(name: str, held: object) -> StackState:
    return dataclasses.replace(FIT, states={**FIT.states, name: held})


def test_nothing_differs_where_the_stack_is_in_place() -> None:
    assert stack.missing_images(PROJECT, FIT) == []
    assert stack.service_changes(PROJECT, PROJECT.services, FIT) == []
    assert stack.prepare_change(PROJECT, FIT) is None
    assert stack.undeclared(PROJECT.settings, FIT) == []
    assert networks.network_changes(PROJECT, FIT) == []


@pytest.mark.parametrize("service", services.SERVICES, ids=lambda one: one.name)
def test_no_service_differs_where_the_stack_is_in_place(service: Service) -> None:
    assert service.state is not None
    held = FIT.states[service.name]
    assert held is not None
    assert service.state.changes(PROJECT.wanted, held) == []
    assert service.state.faults(held) == {}


def test_every_line_of_the_script_is_read() -> None:
    assert FIT.engine == "running"
    assert FIT.hashes["chatwoot"] == "hash-of-chatwoot"
    assert FIT.containers["borgstack_redis"] == Container(
        project="borgstack",
        service="redis",
        hash="hash-of-redis",
        image=image_number(PROJECT, "redis:8.2-alpine"),
        state="running",
        status="Up 3 hours (healthy)",
        networks=frozenset({"borgstack_internal"}),
        reference="redis:8.2-alpine",
        ports=frozenset(),
        folder="/opt/borgstack",
    )
    assert FIT.containers["borgstack_caddy"].ports == {"80->80/tcp", "443->443/tcp", "443->443/udp"}
    internal = "borgstack_internal"
    assert FIT.networks[internal] == Network("borgstack", internal, True, f"id-of-{internal}")
    assert FIT.networks["borgstack_external"].internal is False
    assert FIT.override is False
    assert FIT.states["caddy"] == CaddyState({"a": 1}, {"a": 1})
    assert set(FIT.states) == {one.name for one in services.SERVICES}


def test_a_container_that_is_in_a_network_by_its_name_alone_is_cut_off() -> None:
    """Docker can leave it in one that is gone; by the name it would be in the one made since."""
    ids = "borgstack_internal=of-old borgstack_external=id-of-borgstack_external own=1"
    found = live_stack.parse([*fit_stack_lines(PROJECT), f"attached /chatwoot {ids}"])
    assert found.containers["chatwoot"].severed == {"borgstack_internal"}
    never_started = "attached /chatwoot borgstack_internal= borgstack_external="
    found = live_stack.parse(
        [*fit_stack_lines(PROJECT), never_started, "attached /gone borgstack_internal=x"]
    )
    assert found.containers["chatwoot"].severed == frozenset()


def test_a_folder_with_a_bar_in_its_name_is_read_whole() -> None:
    """Of a Compose project of somebody's own; what it is called is nobody else's business."""
    row = "mine|other|web|h|sha256:1|running|Up|n|nginx:1|80/tcp|/srv/a|b"
    found = live_stack.parse(["engine running", f"container {row}"]).containers["mine"]
    assert found.folder == "/srv/a|b"


@pytest.mark.parametrize(
    ("lines", "engine"),
    [([], "missing"), (["engine missing"], "missing"), (["engine stopped"], "stopped")],
)
def test_a_host_without_a_running_engine_has_nothing(lines: list[str], engine: str) -> None:
    state = live_stack.parse(lines)
    assert state == StackState(engine=engine)
    assert len(stack.service_changes(PROJECT, PROJECT.services, state)) == len(PROJECT.services)
    assert stack.missing_images(PROJECT, state) == list(PROJECT.images)


@pytest.mark.parametrize(
    ("state", "service", "reason", "action"),
    [
        (without("chatwoot"), "chatwoot", "container missing", "up"),
        (
            changed("chatwoot", project=""),
            "chatwoot",
            "container foreign",
            "up",
        ),
        (
            changed("chatwoot", project="other"),
            "chatwoot",
            "container foreign",
            "up",
        ),
        (
            changed("chatwoot", service="web"),
            "chatwoot",
            "container foreign",
            "up",
        ),
        (changed("chatwoot", hash="old"), "chatwoot", "configuration differs", "up"),
        (
            dataclasses.replace(FIT, hashes={"redis": "of another"}),
            "chatwoot",
            "configuration differs",
            "up",
        ),
        (changed("chatwoot", image="sha256:0"), "chatwoot", "image differs", "up"),
        (dataclasses.replace(FIT, images={}), "chatwoot", "image differs", "up"),
        (
            changed("chatwoot", reference="mine:1"),
            "chatwoot",
            "image reference differs",
            "recreate",
        ),
        (
            changed("chatwoot", ports=frozenset({"3000->3000/tcp", "127.0.0.1:1->1/udp"})),
            "chatwoot",
            "published ports differs",
            "recreate",
        ),
        (
            changed("chatwoot", severed=frozenset({"borgstack_internal", "own"})),
            "chatwoot",
            "network borgstack_internal stale",
            "recreate",
        ),
        (changed("chatwoot", state="paused"), "chatwoot", "not_running", "unpause"),
        (changed("chatwoot", state="restarting"), "chatwoot", "not_running", "recreate"),
        (changed("chatwoot", state="dead"), "chatwoot", "not_running", "recreate"),
        (changed("chatwoot", state="removing"), "chatwoot", "not_running", "recreate"),
        (changed("chatwoot", state="exited"), "chatwoot", "not_running", "up"),
        (changed("chatwoot", state="created"), "chatwoot", "not_running", "up"),
        (
            changed("chatwoot", networks=frozenset({"borgstack_external"})),
            "chatwoot",
            "network borgstack_internal not_connected",
            "recreate",
        ),
        (
            changed("chatwoot", networks=frozenset()),
            "chatwoot",
            "network borgstack_external and borgstack_internal not_connected",
            "recreate",
        ),
        (
            changed("chatwoot", status="Up 1 hour (unhealthy)"),
            "chatwoot",
            "unhealthy",
            "recreate",
        ),
        (
            changed("chatwoot-prepare", status="Exited (1) 2 minutes ago"),
            "chatwoot-prepare",
            "failed",
            "recreate",
        ),
        (
            changed("chatwoot-prepare", state="running", status="Up 2 minutes"),
            "chatwoot-prepare",
            "busy",
            "wait",
        ),
        (
            changed("chatwoot-prepare", state="paused", status="Up 2 minutes (Paused)"),
            "chatwoot-prepare",
            "not_running",
            "unpause",
        ),
        (
            changed("chatwoot-prepare", state="running", hash="old"),
            "chatwoot-prepare",
            "configuration differs",
            "up",
        ),
    ],
)
def test_each_difference_of_a_service_has_its_reason_and_its_action(
    state: StackState, service: str, reason: str, action: str
) -> None:
    one = PROJECT.services[service]
    change = stack.service_change(one, state)
    assert change is not None
    assert (key(change.change), change.action) == (f"service {service}: {reason}", action)


@pytest.mark.parametrize(
    ("state", "service", "reason"),
    [
        (
            changed("borgstack_caddy", ports=frozenset({"80->80/tcp"})),
            "caddy",
            "published ports differs",
        ),
        (
            with_state("caddy", CaddyState({}, {}, ("chatwoot.example.com",))),
            "caddy",
            "stored certificate for chatwoot.example.com missing",
        ),
        (
            with_state("redis", RedisState("refused", {})),
            "redis",
            "password differs",
        ),
    ],
)
def test_what_one_service_alone_can_be_amiss_makes_it_anew(
    state: StackState, service: str, reason: str
) -> None:
    (change,) = stack.service_changes(PROJECT, PROJECT.services, state)
    assert (key(change.change), change.action) == (f"service {service}: {reason}", "recreate")


def test_an_image_whose_tag_moved_and_came_back_is_the_same() -> None:
    identity = FIT.containers["chatwoot"].image
    assert (
        stack.service_changes(PROJECT, ["chatwoot"], changed("chatwoot", reference=identity)) == []
    )


@pytest.mark.parametrize(
    ("ports", "published"),
    [
        ("", set()),
        ("3000/tcp", set()),
        ("0.0.0.0:80->80/tcp, :::80->80/tcp, 2019/tcp", {"80->80/tcp"}),
        ("[::]:443->443/udp", {"443->443/udp"}),
        ("127.0.0.1:6379->6379/tcp", {"127.0.0.1:6379->6379/tcp"}),
        ("[::1]:6379->6379/tcp", {"[::1]:6379->6379/tcp"}),
        ("0.0.0.0:8000-8001->8000-8001/tcp", {"8000-8001->8000-8001/tcp"}),
    ],
)
def test_published_ports_are_read_as_docker_prints_them(ports: str, published: set[str]) -> None:
    (line,) = (row for row in fit_stack_lines(PROJECT) if row.startswith("container chatwoot|"))
    start, _, folder = line.rsplit("|", 2)
    state = live_stack.parse([f"{start}|{ports}|{folder}"])
    assert state.containers["chatwoot"].ports == published


def test_whoever_publishes_a_port_is_found_by_it() -> None:
    assert strangers.publishers(FIT, 443) == ["borgstack_caddy"]
    theirs = with_stranger("web", ports=frozenset({"127.0.0.1:79-81->79-81/tcp"}), state="running")
    assert strangers.publishers(theirs, 80) == ["borgstack_caddy", "web"]
    assert strangers.publishers(theirs, 8080) == []
    stopped = with_stranger("web", ports=frozenset({"80->80/tcp"}), state="exited")
    assert strangers.publishers(stopped, 80) == ["borgstack_caddy"]


def test_an_override_of_the_operators_may_publish_more() -> None:
    state = changed("borgstack_redis", ports=frozenset({"127.0.0.1:6379->6379/tcp"}))
    assert stack.service_changes(PROJECT, ["redis"], state)
    state = dataclasses.replace(state, override=True)
    assert stack.service_changes(PROJECT, ["redis"], state) == []


def with_network(name: str, network: Network | None) -> StackState:
    networks = {**FIT.networks, name: network}
    return dataclasses.replace(FIT, networks={key: one for key, one in networks.items() if one})


BOTH = ("chatwoot-prepare", "chatwoot", "chatwoot-worker", "evolution", "n8n-prepare", "n8n")
INTERNAL = ("postgresql", "redis", *BOTH)
EXTERNAL = (*BOTH, "caddy")


@pytest.mark.parametrize(
    ("name", "network", "reason", "services"),
    [
        ("internal", Network("", "", True), "foreign", INTERNAL),
        (
            "internal",
            Network("other", "borgstack_internal", True),
            "foreign",
            INTERNAL,
        ),
        ("internal", Network("borgstack", "x", True), "foreign", INTERNAL),
        (
            "internal",
            Network("borgstack", "borgstack_internal", False),
            "internal differs",
            INTERNAL,
        ),
        (
            "external",
            Network("borgstack", "borgstack_external", True),
            "internal differs",
            EXTERNAL,
        ),
    ],
)
def test_a_network_that_is_not_as_declared_is_made_anew_with_what_runs_in_it(
    name: str, network: Network, reason: str, services: tuple[str, ...]
) -> None:
    state = with_network(f"borgstack_{name}", network)
    (change,) = networks.network_changes(PROJECT, state)
    assert key(change.change) == f"network borgstack_{name}: {reason}"
    assert change.word == f"borgstack_{name}:{','.join(services)}"
    changes = stack.service_changes(PROJECT, PROJECT.services, state)
    # A one-shot has ended: it gets its network when it has to run again.
    assert [one.service for one in changes] == [
        one for one in services if not PROJECT.services[one].one_shot
    ]
    assert {one.action for one in changes} == {"recreate"}


POOLS = {"docker_address_pools": [{"base": "10.201.0.0/16", "size": 24}]}


@pytest.mark.parametrize(
    ("data", "values", "reason"),
    [
        ({}, {"subnets": ("172.18.0.0/16",)}, None),
        (POOLS, {"subnets": ("10.201.7.0/24", "fd00:1::/64")}, None),
        (POOLS, {"subnets": ("172.18.0.0/16",)}, "range differs"),
        (POOLS, {"subnets": ("10.0.0.0/8",)}, "range differs"),
        ({"docker_mtu": 1450}, {"mtu": "1450"}, None),
        ({"docker_mtu": 1450}, {}, "MTU differs"),
        ({"docker_mtu": 1450}, {"mtu": "1400"}, "MTU differs"),
        ({}, {"mtu": "1400"}, None),  # as daemon.json's default-network-opts has it
    ],
)
def test_a_networks_range_and_mtu_follow_the_settings(
    data: dict[str, Any], values: dict[str, Any], reason: str | None
) -> None:
    project, name = render(settings_of(**data)), "borgstack_external"
    there = {
        one: Network("borgstack", one, goal.internal, mtu=goal.mtu)
        for one, goal in project.networks.items()
    }
    there[name] = dataclasses.replace(there[name], **{"mtu": "", **values})
    state = dataclasses.replace(FIT, networks=there)
    found = keys(one.change for one in networks.network_changes(project, state))
    assert found == ([f"network {name}: {reason}"] if reason else [])
    overridden = dataclasses.replace(state, override=True)
    assert networks.network_changes(project, overridden) == networks.network_changes(project, state)
    overridden = dataclasses.replace(overridden, own_networks=True)
    assert networks.network_changes(project, overridden) == []


def test_a_stopped_container_is_made_anew_with_its_network() -> None:
    state = with_network("borgstack_internal", Network("", "", True))
    stopped = dataclasses.replace(FIT.containers["borgstack_redis"], state="exited")
    containers = {**FIT.containers, "borgstack_redis": stopped}
    state = dataclasses.replace(state, containers=containers)
    (change,) = stack.service_changes(PROJECT, ["redis"], state)
    assert change.action == "recreate"


def test_a_missing_network_and_the_operators_own_are_not_ours_to_remove() -> None:
    assert networks.network_changes(PROJECT, with_network("borgstack_internal", None)) == []
    assert networks.network_changes(PROJECT, with_network("mine", Network("", "", False))) == []


@pytest.mark.parametrize(
    ("seen", "stopped"),
    [("running", True), ("restarting", True), ("paused", True), ("exited", False)],
)
def test_what_would_lose_messages_without_a_store_is_stopped_while_it_is_at_work(
    seen: str, *, stopped: bool
) -> None:
    state = changed("evolution", state=seen)
    found = [one.word for one in stack.losing(PROJECT, ["redis"], state)]
    assert found == (["evolution:evolution:up"] if stopped else [])
    assert stack.losing(PROJECT, ["caddy"], state) == []


def test_only_the_service_that_differs_is_touched() -> None:
    state = changed("borgstack_redis", state="exited")
    (change,) = stack.service_changes(PROJECT, PROJECT.services, state)
    assert change.word == "redis:borgstack_redis:up"
    assert key(change.change) == "service redis: not_running"


STARTING = "Up 1 second (health: starting)"


def test_a_service_that_is_still_starting_is_waited_for_and_not_changed() -> None:
    state = changed("chatwoot", status=STARTING)
    assert stack.service_changes(PROJECT, ["chatwoot"], state) == []
    (change,) = stack.unready(PROJECT, ["chatwoot"], state)
    assert (key(change.change), change.action) == ("service chatwoot: starting", "wait")


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "restarting", "status": "Restarting (1) 2 seconds ago"},
        {"state": "exited", "status": "Exited (1) 2 seconds ago"},
        {"status": "Up 5 minutes (unhealthy)"},
    ],
)
def test_one_that_has_ended_since_it_was_started_is_not_taken_for_ready(
    fields: dict[str, str],
) -> None:
    (found,) = stack.unready(PROJECT, ["chatwoot", "redis"], changed("chatwoot", **fields))
    assert found.word == "chatwoot:chatwoot:wait"


@pytest.mark.parametrize(
    "state",
    [
        FIT,
        without("chatwoot"),
        changed("chatwoot", status="Up 5 minutes"),
        changed("chatwoot-prepare", state="running", status="Up 1 second"),
    ],
    ids=["in place", "missing", "without a health check", "one-shot"],
)
def test_nothing_else_is_waited_for(state: StackState) -> None:
    assert stack.unready(PROJECT, ["chatwoot", "chatwoot-prepare", "redis"], state) == []


def test_services_that_were_not_named_are_not_looked_at() -> None:
    state = changed("borgstack_redis", state="exited")
    assert stack.service_changes(PROJECT, ("postgresql",), state) == []


def test_a_network_of_the_operators_own_is_no_difference() -> None:
    networks = frozenset({"borgstack_internal", "borgstack_external", "monitoring"})
    assert (
        stack.service_changes(PROJECT, ["chatwoot"], changed("chatwoot", networks=networks)) == []
    )


NOBODYS = dataclasses.replace(
    FIT.containers["n8n"], project="", service="", networks=frozenset({"bridge"}), reference="n8n:1"
)


def with_stranger(name: str, **values: Any) -> StackState:  # noqa: ANN401 - Container's own fields
    one = dataclasses.replace(NOBODYS, **values)
    return dataclasses.replace(FIT, containers={**FIT.containers, name: one})


@pytest.mark.parametrize(
    "made", [{}, {"project": "other", "service": "n8n"}, {"project": "borgstack", "service": "x"}]
)
def test_a_strangers_container_with_one_of_our_names_is_named_and_never_replaced(
    made: dict[str, str],
) -> None:
    state = with_stranger("n8n", **made)
    ((what, seen, then),) = strangers.strangers(PROJECT, state)
    assert (what, seen) == ("container n8n", "made from n8n:1")
    assert "'docker rename n8n my-n8n'" in then
    (change,) = stack.service_changes(PROJECT, ["n8n"], state)
    assert change.action == "up"  # Compose refuses a name that is taken


@pytest.mark.parametrize("names", ["n8n,proxy/n8n", "proxy/n8n,n8n", "a/db,n8n,b/db"])
def test_a_container_that_others_link_to_is_known_by_its_own_name(names: str) -> None:
    """`docker ps` names it by the old --link of others, too."""
    row = f"container {names}|||||running|Up|bridge|n8n:1||"
    volume = "borgstack_n8n_data"
    state = live_stack.parse(
        ["engine running", row, f"mounts {names}|{volume}", f"volume {volume}|"]
    )
    assert [what for what, *_ in strangers.strangers(PROJECT, state)] == [
        "container n8n",
        "volume borgstack_n8n_data",
    ]


def test_a_compose_project_of_our_name_elsewhere_is_named_whole_and_left_alone() -> None:
    there = {"project": "borgstack", "folder": "/home/ops/borgstack"}
    database = FIT.containers["borgstack_postgresql"]
    theirs = {
        "borgstack_postgresql": dataclasses.replace(database, folder="/home/ops/borgstack"),
        "directus": dataclasses.replace(NOBODYS, service="directus", **there),
        "n8n": dataclasses.replace(NOBODYS, service="n8n", **there),
    }
    others = {name: one for name, one in FIT.containers.items() if name not in theirs}
    state = dataclasses.replace(FIT, containers={**others, **theirs})
    ((what, seen, then),) = strangers.strangers(PROJECT, state)
    assert what == "Compose project borgstack"
    assert {"/home/ops/borgstack", "borgstack_postgresql", "directus", "n8n"} <= values(seen)
    assert "another name" in then
    switched_off = dataclasses.replace(state, hashes={"chatwoot": "x"})
    assert "n8n" not in stack.undeclared(settings_of(whatsapp=False), switched_off)


def test_a_symbolic_link_is_another_name_for_the_same_folder() -> None:
    lines = [
        line.replace("|/opt/borgstack", "|/srv/borgstack") for line in fit_stack_lines(PROJECT)
    ]
    assert strangers.strangers(PROJECT, live_stack.parse(lines))
    assert (
        strangers.strangers(PROJECT, live_stack.parse([*lines, "same-folder /srv/borgstack"])) == []
    )


def test_a_name_that_these_settings_do_not_use_is_anybodys() -> None:
    project = render(settings_of(whatsapp=False))
    assert strangers.strangers(project, with_stranger("n8n")) == []
    assert strangers.strangers(PROJECT, with_stranger("mine")) == []


FOREIGN = Network("", "", False)


@pytest.mark.parametrize(
    ("ours", "others", "found"),
    [
        ((), (), "no"),
        ((), ("mine",), "mine"),
        (("chatwoot",), ("mine",), None),
        (("chatwoot",), (), None),
    ],
)
def test_a_network_without_labels_is_a_strangers_unless_our_containers_are_in_it(
    ours: tuple[str, ...], others: tuple[str, ...], found: str | None
) -> None:
    name = "borgstack_external"
    containers = {
        **{
            key: dataclasses.replace(one, networks=frozenset({name} if key in ours else {"x"}))
            for key, one in FIT.containers.items()
        },
        **{key: dataclasses.replace(NOBODYS, networks=frozenset({name})) for key in others},
    }
    networks = {**FIT.networks, name: FOREIGN}
    state = dataclasses.replace(FIT, containers=containers, networks=networks)
    seen = [(what, said) for what, said, _ in strangers.strangers(PROJECT, state)]
    assert [what for what, _ in seen] == ([f"network {name}"] if found else [])
    assert all(found in values(said) for _, said in seen)


VOLUME = "borgstack_redis_data"


@pytest.mark.parametrize(
    ("mark", "users", "found"),
    [
        ("", ("mine",), "used by mine"),
        ("other", ("mine",), "used by mine"),
        ("", (), None),  # restored by hand, and not in use yet
        ("", ("mine", "borgstack_redis"), None),  # ours, and somebody backs it up
        ("borgstack", ("mine",), None),
    ],
)
def test_a_volume_without_labels_is_a_strangers_when_strangers_alone_use_it(
    mark: str, users: tuple[str, ...], found: str | None
) -> None:
    rows = [f"volume {VOLUME}|{mark}", *(f"mounts {user}|{VOLUME},x" for user in users)]
    state = live_stack.parse([*fit_stack_lines(PROJECT), *rows])
    state = dataclasses.replace(state, containers={**state.containers, "mine": NOBODYS})
    seen = [(what, said) for what, said, _ in strangers.strangers(PROJECT, state)]
    assert seen == ([(f"volume {VOLUME}", found)] if found else [])


OPTIONAL = ["evolution", "n8n-prepare", "n8n"]


def test_what_was_switched_off_is_removed_and_nothing_else() -> None:
    off = settings_of(whatsapp=False)
    declared = {name: one for name, one in FIT.hashes.items() if name not in OPTIONAL}
    own = dataclasses.replace(NOBODYS, project="borgstack", service="adminer")
    state = dataclasses.replace(FIT, hashes=declared, containers={**FIT.containers, "adminer": own})
    assert stack.undeclared(off, state) == OPTIONAL
    # Compose said nothing.
    assert stack.undeclared(off, dataclasses.replace(state, hashes={})) == []
    state = dataclasses.replace(state, containers={**state.containers, "n8n": NOBODYS})
    assert stack.undeclared(off, state) == [name for name in OPTIONAL if name != "n8n"]
    assert stack.undeclared(off, dataclasses.replace(state, hashes=FIT.hashes)) == []


def test_what_settings_can_switch_off_is_known() -> None:
    without = render(settings_of(whatsapp=False)).services
    optional = {one.container for name, one in PROJECT.services.items() if name not in without}
    assert optional == set(OPTIONAL)


DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("reference", "tags", "digests", "found"),
    [
        ("redis:8.2-alpine", '["redis:8.2-alpine"]', "[]", True),
        ("redis:8.2-alpine", '["other:1","redis:8.2-alpine"]', "null", True),
        ("docker.io/library/redis:8.2", '["redis:8.2"]', "[]", True),
        ("index.docker.io/library/redis:8.2", '["redis:8.2"]', "[]", True),
        ("library/redis:8.2", '["redis:8.2"]', "[]", True),
        ("docker.io/chatwoot/chatwoot:v1", '["chatwoot/chatwoot:v1"]', "[]", True),
        ("ghcr.io/a/b:1", '["ghcr.io/a/b:1"]', "[]", True),
        (f"redis:8.2@{DIGEST}", "null", f'["redis@{DIGEST}"]', True),
        (f"localhost:5000/a/b:1@{DIGEST}", "[]", f'["localhost:5000/a/b@{DIGEST}"]', True),
        ("redis:8.2-alpine", '["redis:8.0-alpine"]', "[]", False),
        ("redis:8.2", '["mirror/redis:8.2"]', "[]", False),
        (f"redis:8.2@{DIGEST}", '["redis:8.2"]', "[]", False),
        ("redis:8.2", "null", "null", False),
    ],
)
def test_an_image_is_found_by_tag_digest_or_its_full_name(
    reference: str, tags: str, digests: str, *, found: bool
) -> None:
    state = live_stack.parse([f"image sha256:1|{tags}|{digests}"])
    assert live_stack.image_id(state, reference) == ("sha256:1" if found else None)


def test_an_image_whose_tag_moved_makes_its_services_differ() -> None:
    moved = dataclasses.replace(FIT, images={**FIT.images, IMAGE: "sha256:new"})
    found = stack.service_changes(PROJECT, PROJECT.services, moved)
    assert [change.service for change in found] == [
        "chatwoot-prepare",
        "chatwoot",
        "chatwoot-worker",
    ]


def test_only_the_missing_image_is_pulled() -> None:
    images = {name: one for name, one in FIT.images.items() if name != IMAGE}
    assert stack.missing_images(PROJECT, dataclasses.replace(FIT, images=images)) == [IMAGE]


def test_prepare_runs_again_on_a_database_without_a_schema() -> None:
    held: DatabaseState = FIT.states["postgresql"]
    other = dataclasses.replace(held, schemas={"other_db": "20250101000000"})
    change = stack.prepare_change(PROJECT, with_state("postgresql", other))
    assert change is not None
    assert key(change.change) == "service chatwoot-prepare: database schema missing"
    assert change.word == "chatwoot-prepare:chatwoot-prepare:recreate:once"


def test_prepare_does_not_run_because_the_database_does_not_answer() -> None:
    assert stack.prepare_change(PROJECT, with_state("postgresql", None)) is None


def test_a_difference_of_prepares_container_comes_first() -> None:
    change = stack.prepare_change(PROJECT, without("chatwoot-prepare"))
    assert change is not None
    assert key(change.change) == "service chatwoot-prepare: container missing"


def test_a_chatwoot_under_another_name_is_another_project() -> None:
    names = services.public_names(settings_of(domain="other.example"))
    assert names == ("chatwoot.other.example",)
