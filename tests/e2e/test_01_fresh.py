"""What the first deploy to a bare server leaves behind."""

from __future__ import annotations

import asyncio
import re

from tests import lab
from tests.e2e.contract import Chatwoot, pin, unique
from tests.e2e.support import HostUnderTest, Run, until

SERVICES = (
    "borgstack_postgresql",
    "borgstack_redis",
    "chatwoot",
    "chatwoot-worker",
    "borgstack_caddy",
)
SECRETS = (
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "CHATWOOT_DB_PASSWORD",
    "CHATWOOT_SECRET_KEY_BASE",
    "CHATWOOT_API_TOKEN",
    "CHATWOOT_ADMIN_PASSWORD",
)


def secrets_of(stack: HostUnderTest) -> dict[str, str]:
    lines = stack.ssh("cat /opt/borgstack/.env").splitlines()
    values = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z0-9_]+=", line))
    return {name: values[name] for name in SECRETS}


def test_a_bare_host_becomes_chatwoot(fresh: tuple[HostUnderTest, Run, float]) -> None:
    host, run, seconds = fresh
    print(f"\nbare host to HTTPS 200: {seconds:.0f} s")
    assert host.request("/")[0] == 200
    assert run.operations == 18


def test_every_service_is_healthy(stack: HostUnderTest) -> None:
    for name in SERVICES:
        state = stack.inspect(name)["State"]
        assert (state["Status"], state["Health"]["Status"]) == ("running", "healthy"), name
    prepared = stack.inspect("chatwoot-prepare")["State"]
    assert (prepared["Status"], prepared["ExitCode"]) == ("exited", 0)


def test_env_is_roots_alone(stack: HostUnderTest) -> None:
    assert stack.ssh("stat -c '%a %U %G' /opt/borgstack/.env").split() == ["600", "root", "root"]


PATTERNS = "cut -s -d= -f2- /opt/borgstack/.env | grep -E '^.{20,}$' >/root/patterns"
SEARCH = (
    r"find / -xdev \( -path /proc -o -path /sys -o -path /var/lib/docker -o "
    r"-path /var/lib/containerd \) -prune -o -type f -size -20000k PERMISSION -print0 2>/dev/null "
    "| xargs -0 grep -lFf /root/patterns 2>/dev/null; true"
)


def test_no_other_readable_copy_of_a_secret_is_on_the_host(stack: HostUnderTest) -> None:
    # Docker keeps its containers' environments below a directory that only root can enter.
    assert stack.ssh("stat -c %A /var/lib/docker").strip().endswith("---")
    stack.ssh(f"umask 077; {PATTERNS}")
    everywhere = stack.ssh(SEARCH.replace("PERMISSION", ""))
    stack.ssh("install -m 644 /dev/null /var/tmp/leak; tail -n 1 /root/patterns >>/var/tmp/leak")
    readable = stack.ssh(SEARCH.replace("PERMISSION", "-perm /077"))
    stack.ssh("rm /var/tmp/leak /root/patterns")
    assert set(everywhere.split()) == {"/opt/borgstack/.env", "/root/patterns"}
    assert readable.split() == ["/var/tmp/leak"]  # the planted one: the search finds what is there


def test_no_secret_is_in_the_output_or_the_journal(
    fresh: tuple[HostUnderTest, Run, float],
) -> None:
    host, run, _ = fresh
    journal = host.ssh("journalctl --no-pager -o cat; cat /root/.bash_history 2>/dev/null; true")
    for name, value in secrets_of(host).items():
        assert value not in run.output, name
        assert value not in journal, name


def test_https_has_the_authoritys_certificate_and_http_leads_there(stack: HostUnderTest) -> None:
    status, headers, body = stack.request("/")  # verifies chain and name
    assert (status, "Chatwoot" in body) == (200, True)
    status, headers, _ = stack.request("/app", tls=False)
    assert (status, headers["location"]) == (308, f"https://{stack.chatwoot}/app")


def test_the_storys_security_headers_are_there_and_the_widget_can_be_framed(
    stack: HostUnderTest,
) -> None:
    _, headers, _ = stack.request("/")
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert "max-age=" in headers["strict-transport-security"]
    assert "server" not in headers or headers["server"] != "Caddy"
    token = secrets_of(stack)["CHATWOOT_API_TOKEN"]
    chatwoot = Chatwoot(f"https://{stack.chatwoot}", 1, token)
    pin(chatwoot, stack.chatwoot, stack.address, str(lab.ca_root_path()))
    try:
        channel = {"type": "web_widget", "website_url": "https://shop.test"}
        made = chatwoot.create("inboxes", name=unique(), channel=channel)
        status, headers, _ = stack.request(f"/widget?website_token={made['website_token']}")
    finally:
        chatwoot.clean_up()
    assert (status, headers.get("x-frame-options")) == (200, None)


def test_chatwoots_api_answers_with_its_queues_and_data_ok(stack: HostUnderTest) -> None:
    status, _, body = stack.request("/api")
    assert (status, '"queue_services":"ok"' in body, '"data_services":"ok"' in body) == (
        200,
        True,
        True,
    )


def test_only_ssh_http_and_https_are_reachable_from_outside(stack: HostUnderTest) -> None:
    ports = asyncio.run(_open_ports(stack.address, range(1, 20000)))
    assert ports == [22, 80, 443]


async def _open_ports(address: str, ports: range) -> list[int]:
    gate = asyncio.Semaphore(400)

    async def answers(port: int) -> bool:
        async with gate:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), 5)
            except (OSError, TimeoutError):
                return False
            writer.close()
            return True

    found = await asyncio.gather(*(answers(port) for port in ports))
    return [port for port, engine_is_stopped in zip(ports, found, strict=True) if engine_is_stopped]


def test_postgresql_and_redis_are_on_the_internal_network_alone(stack: HostUnderTest) -> None:
    for name in ("borgstack_postgresql", "borgstack_redis"):
        inspected = stack.inspect(name)
        assert list(inspected["NetworkSettings"]["Networks"]) == ["borgstack_internal"], name
        assert not inspected["HostConfig"]["PortBindings"], name
    assert stack.inspect("borgstack_internal")["Internal"] is True


def test_nobody_can_claim_the_installation(stack: HostUnderTest) -> None:
    assert stack.request("/")[0] == 200  # no redirect to the onboarding page
    assert stack.request("/installation/onboarding")[0] == 404
    json_headers = {"Content-Type": "application/json"}
    account = '{"account_name": "x", "email": "a@b.test", "password": "Aa1!aaaa"}'
    for path in ("/api/v1/accounts", "/api/v2/accounts", "/installation/onboarding", "/auth"):
        status, _, _ = stack.request(path, method="POST", headers=json_headers, body=account)
        assert status == 404, path
    # Chatwoot's own switch, not only Caddy's block.
    inside = stack.ssh(
        "docker exec chatwoot wget -S -q -O /dev/null --header='X-Forwarded-Proto: https' "
        "--header='Content-Type: application/json' --post-data='{}' "
        "http://127.0.0.1:3000/api/v1/accounts 2>&1; true"
    )
    assert "404" in inside


def test_the_declared_token_and_the_administrator_work(stack: HostUnderTest) -> None:
    token = secrets_of(stack)["CHATWOOT_API_TOKEN"]
    status, _, body = stack.request("/api/v1/profile", headers={"api_access_token": token})
    assert (status, "ops@lab.test" in body) == (200, True)
    assert stack.request("/api/v1/profile", headers={"api_access_token": "x" * 24})[0] == 401
    status, _, body = stack.request(
        "/api/v1/accounts/1/agents", headers={"api_access_token": token}
    )
    assert (status, body.startswith("[")) == (200, True)


def test_the_application_role_is_no_superuser_and_reaches_no_other_database(
    stack: HostUnderTest,
) -> None:
    login = (
        "PGPASSWORD=$CHATWOOT_DB_PASSWORD psql -Atq -h $(hostname -i) -U chatwoot_user "
        '-c "SELECT 1" -d'
    )
    for database, works in (("chatwoot_db", True), ("postgres", False), ("template1", False)):
        command = f"docker exec borgstack_postgresql sh -c '{login} {database}' 2>&1; true"
        said = stack.ssh(command).strip()
        assert (said == "1") is works, (database, said)
    attributes = stack.sql(
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls "
        "FROM pg_roles WHERE rolname = 'chatwoot_user'"
    )
    assert attributes == "f|f|f|f|f"
    extensions = stack.sql("SELECT extname FROM pg_extension ORDER BY 1").split()
    assert extensions == ["pg_stat_statements", "pg_trgm", "pgcrypto", "plpgsql", "vector"]


def test_jobs_run_in_the_worker(stack: HostUnderTest) -> None:
    stack.ssh("docker exec chatwoot-worker wget -q -O /dev/null http://127.0.0.1:7433/")
    worker = stack.inspect("chatwoot-worker")["Config"]["Hostname"]
    # A process that was killed stays in the set, and its beat for a minute.
    beating = (
        "docker exec borgstack_redis sh -c 'for one in $(redis-cli smembers processes); do "
        "test $(redis-cli exists $one) = 0 || echo $one; done'"
    )
    until(
        "one Sidekiq process, the worker's",
        lambda: [one.split(":")[0] for one in stack.ssh(beating).split()] == [worker],
        seconds=90,
    )


def test_assets_come_from_the_volume_with_a_long_life(stack: HostUnderTest) -> None:
    names = stack.ssh("ls /var/lib/docker/volumes/borgstack_chatwoot_public/_data/vite/assets")
    status, headers, _ = stack.request(f"/vite/assets/{names.split()[0]}")
    assert (status, "immutable" in headers["cache-control"]) == (200, True)
    mounts = {mount["Destination"] for mount in stack.inspect("chatwoot")["Mounts"]}
    assert {"/app/storage", "/app/public"} <= mounts
