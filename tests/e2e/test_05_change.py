"""One thing changed in the settings or templates: exactly what depends on it is made anew."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.support import HostUnderTest


def made_anew(before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name][0] != after[name][0]}


def restarted(before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_one_setting_recreates_exactly_its_service(stack: HostUnderTest) -> None:
    before = stack.containers()
    limit = {"chatwoot-worker": "600m"}
    plan = stack.plan(memory_limits=limit)
    run = stack.deploy(memory_limits=limit)
    plan.lists_only(*run.changed)
    assert made_anew(before, stack.containers()) == {"chatwoot-worker"}
    assert stack.inspect("chatwoot-worker")["HostConfig"]["Memory"] == 600 * 1024 * 1024
    run.changed_only(
        "Configuration | Put the project's files in place",
        "Chatwoot | Start web and worker",
    )
    stack.deploy(memory_limits=limit).changed_only()
    stack.deploy()


def test_a_changed_caddyfile_is_a_graceful_reload(stack: HostUnderTest, project: Path) -> None:
    before = stack.containers()
    template = project / "templates/Caddyfile.j2"
    template.write_text(template.read_text().replace("-Server", "-Server\n\theader X-E2e yes"))
    plan = stack.plan(tree=project)
    run = stack.deploy(tree=project)
    run.changed_only(
        "Configuration | Put the project's files in place",
        "Publish | Reload Caddy",
    )
    plan.lists_only(*run.changed)
    assert stack.containers() == before
    assert stack.request("/")[1]["x-e2e"] == "yes"
    stack.deploy()
    assert "x-e2e" not in stack.request("/")[1]


def test_a_changed_redis_conf_restarts_redis_alone(stack: HostUnderTest, project: Path) -> None:
    before = stack.containers()
    template = project / "templates/redis.conf.j2"
    template.write_text(template.read_text().replace("tcp-keepalive 300", "tcp-keepalive 301"))
    stack.deploy(tree=project)
    assert restarted(before, stack.containers()) == {"borgstack_redis"}
    answer = stack.ssh("docker exec borgstack_redis redis-cli config get tcp-keepalive")
    assert answer.split() == ["tcp-keepalive", "301"]
    stack.deploy()


def test_a_deleted_secret_is_born_again_alone_and_reaches_its_readers(
    stack: HostUnderTest,
) -> None:
    before = stack.containers()
    others = stack.ssh("grep -v CHATWOOT_DB_PASSWORD /opt/borgstack/.env | sha256sum")
    stack.ssh("sed -i 's/^CHATWOOT_DB_PASSWORD=.*/CHATWOOT_DB_PASSWORD=/' /opt/borgstack/.env")
    plan = stack.plan()
    plan.lists_only(*stack.deploy().changed)
    assert stack.ssh("grep -v CHATWOOT_DB_PASSWORD /opt/borgstack/.env | sha256sum") == others
    readers = {"borgstack_postgresql", "chatwoot-prepare", "chatwoot", "chatwoot-worker"}
    assert made_anew(before, stack.containers()) == readers
    assert stack.request("/api")[0] == 200
    stack.deploy().changed_only()


def test_networks_follow_the_mtu_and_the_range_that_settings_give_them(
    stack: HostUnderTest,
) -> None:
    inside = "docker exec borgstack_caddy cat /sys/class/net/eth0/mtu"
    before = stack.ssh(inside)
    pools = [{"base": "10.202.0.0/16", "size": 24}]
    wanted: dict[str, object] = {"docker_mtu": 1300, "docker_address_pools": pools}
    plan = stack.plan(**wanted)
    run = stack.deploy(**wanted)
    assert set(plan.steps) == set(run.changed), plan.output
    assert "Networks | Remove what is not as declared" in run.changed
    for name in ("borgstack_internal", "borgstack_external"):
        assert ' "10.202.' in stack.ssh(f"docker network inspect {name}")
    assert stack.ssh(inside).strip() == "1300"
    assert stack.request("/api")[0] == 200
    stack.deploy(**wanted).changed_only()
    stack.deploy()
    assert stack.ssh(inside) == before
    stack.deploy().changed_only()
