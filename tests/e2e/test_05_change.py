"""One thing changed in the settings or templates: exactly what depends on it is made anew."""

from __future__ import annotations

import json
import re
import time
import uuid
from pathlib import Path

import pytest

from tests.e2e.support import HostUnderTest
from tests.lab import config


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
    template = project / "templates/caddy/Caddyfile.j2"
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
    template = project / "templates/redis/redis.conf.j2"
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


@pytest.mark.slow
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


def ask(stack: HostUnderTest, visitor: str, path: str = "/api", body: str | None = None) -> int:
    """A request as of a proxy that adds whom it saw to what the visitor has made up."""
    told = {
        "X-Forwarded-For": f"203.0.113.7, {visitor}",
        "Forwarded": f"for=203.0.113.{visitor[-1]}",
        "Content-Type": "application/json",
    }
    method = "GET" if body is None else "POST"
    return stack.request(path, method=method, headers=told, body=body)[0]


def sign_in(stack: HostUnderTest, visitor: str) -> int:
    """Try an account of nobody's, another one each time: an account has a limit of its own."""
    login = {"email": f"{uuid.uuid4().hex}@e2e.test", "password": "wrong"}
    return ask(stack, visitor, "/auth/sign_in", json.dumps(login))


def counted(stack: HostUnderTest) -> set[str]:
    """The visitors whom Chatwoot's limits have counted in this minute."""
    keys = stack.ssh("docker exec borgstack_redis redis-cli --scan --pattern '*req/ip:*'")
    return set(re.findall(r"req/ip:(\S+)", keys))


def counted_of(stack: HostUnderTest, *visitors: str) -> set[str]:
    """Whom Chatwoot has counted when these have just asked; a minute that ends forgets them all."""
    for _ in range(5):
        minute = int(time.time()) // 60
        assert {ask(stack, visitor) for visitor in visitors} == {200}
        found = counted(stack)
        if int(time.time()) // 60 == minute:
            break
    return found


def forget_sign_ins(stack: HostUnderTest) -> None:
    """Whoever tries next, as other tests do, begins anew."""
    redis = "docker exec borgstack_redis redis-cli"
    stack.ssh(f"{redis} --scan --pattern '*login/ip:*' | xargs -r {redis} del")


def test_a_stranger_cannot_say_to_be_another(stack: HostUnderTest) -> None:
    visitors = [f"198.51.100.{number}" for number in range(101, 112)]
    try:
        assert 429 in [sign_in(stack, one) for one in visitors]
    finally:
        forget_sign_ins(stack)
    found = counted_of(stack, "198.51.100.119")
    assert config.GATEWAY in found
    assert not {one for one in found if one.startswith(("198.51.", "203.0."))}
    stack.deploy(trusted_proxies=["192.0.2.0/24"])
    found = counted_of(stack, "198.51.100.120")
    assert config.GATEWAY in found
    assert "198.51.100.120" not in found
    stack.deploy()


def test_behind_a_trusted_proxy_each_visitor_counts_alone(stack: HostUnderTest) -> None:
    before = stack.containers()
    trusted = {"trusted_proxies": [config.GATEWAY]}
    run = stack.deploy(**trusted)
    run.changed_only(
        "Configuration | Put the project's files in place",
        "Publish | Reload Caddy",
    )
    assert stack.containers() == before
    stack.plan(**trusted).lists_only()
    # Five of one visitor within five minutes are too many; six of six are not.
    visitors = [f"198.51.100.{number}" for number in range(1, 7)]
    assert [sign_in(stack, one) for one in visitors] == [401] * 6
    assert counted_of(stack, *visitors) >= set(visitors)
    # Two windows of five minutes may meet here; one of them has more than five of these.
    assert 429 in [sign_in(stack, "2001:db8::7") for _ in range(11)]
    found = counted_of(stack, "2001:db8::7", *visitors)
    assert not {one for one in found if one.startswith("203.0.113.")}
    stack.deploy()
    assert "trusted_proxies" not in stack.ssh("cat /opt/borgstack/config/caddy/Caddyfile")
