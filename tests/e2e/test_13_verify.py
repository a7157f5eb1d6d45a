"""`borgstack verify`: green where all is well, and each of its checks seen red.

A case breaks what one check looks at, on the live host, and says exactly which checks turn red. The
story's own script runs on the same broken host and has to find what belongs to its eight tests.
"""

from __future__ import annotations

import json
import re
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from borgstack.checks import CHECKS
from tests.e2e.support import HostUnderTest, Verified
from tests.lab import config

NAMES = {check.name for check in CHECKS}
WHATSAPP = {"whatsapp", "n8n_owner", "executions"}
"""Skipped on a host without it; tests/e2e/test_22_whatsapp.py breaks what they look at."""
P = "/opt/borgstack"
CADDYFILE = f"{P}/config/caddy/Caddyfile"
RELOAD = "docker exec borgstack_caddy caddy reload --config /etc/caddy/Caddyfile"
COMPOSE = f"docker compose --project-directory {P}"
REDIS = "docker exec borgstack_redis redis-cli"
WORKER = "docker inspect -f '{{.Config.Hostname}}' chatwoot-worker"
ALIVE = f'"SIDEKIQ::LIVENESS_PROBE_TIMESTAMP::$({WORKER})"'
REDIS_DATA = "$(docker volume inspect -f '{{.Mountpoint}}' borgstack_redis_data)"
RESTART_WORKER = "docker restart -t 3 chatwoot-worker"
UNSTEADY = "docker ps | grep -qE 'starting|unhealthy'"
STEADY = f"for i in $(seq 200); do {UNSTEADY} || break; sleep 0.3; done"
SIGN_UP = (
    "docker exec -i chatwoot bundle exec rails runner - <<'EOF'\n"
    "row = InstallationConfig.find_by(name: 'ENABLE_ACCOUNT_SIGNUP'); row.value = '%s'; row.save!\n"
    "EOF\n"
)


def psql(statement: str, database: str = "chatwoot_db") -> str:
    return (
        "docker exec -i borgstack_postgresql psql -qX -v ON_ERROR_STOP=1 -U postgres "
        f"-d {database} <<'EOF'\n{statement}\nEOF\n"
    )


def owned(whether: str) -> str:
    """Have n8n think that it has an owner, or none; it reads that when it starts."""
    sql = (
        f"UPDATE settings SET value = '{whether}' WHERE key = 'userManagement.isInstanceOwnerSetUp'"
    )
    return psql(f"{sql};", "n8n_db") + f"docker restart n8n; {STEADY}"


def until(condition: str) -> str:
    return f"for i in $(seq 60); do {condition} && break; sleep 0.5; done"


def redis_says(line: str) -> str:
    """Wait until it does, of its files or its memory."""
    return until(f"{REDIS} info | tr -d '\\r' | grep -qx {line}")


def in_place_of(command: str, line: str) -> str:
    """A program of the host that says something else first on the PATH."""
    path = f"/usr/local/bin/{command}"
    return f"printf '#!/bin/sh\\n%s\\n' '{line}' >{path}; chmod 755 {path}"


@dataclass(frozen=True)
class Break:
    """A way to break a live host, its repair, and the checks that turn red, all of them.

    :ivar family: of each family one runs by default.
    :ivar on_host: the tests of the story's script that fail on the same host; None: it is not run.
    """

    name: str
    family: str
    tamper: str
    repair: str
    red: frozenset[str]
    on_host: frozenset[int] | None = None
    data: Mapping[str, object] = field(default_factory=dict)


def broken(
    name: str,
    family: str,
    red: str,
    tamper: str,
    repair: str,
    *,
    on_host: set[int] | None = None,
    **data: object,
) -> Break:
    tests = None if on_host is None else frozenset(on_host)
    return Break(name, family, tamper, repair, frozenset(red.split()), tests, data)


def caddy(name: str, red: str, line: str) -> Break:
    """One more line in the site of the live Caddyfile."""
    return broken(
        name,
        "outside",
        red,
        f"cp {CADDYFILE} /root/Caddyfile; "
        f"sed -i 's#^\\tencode zstd gzip#\\t{line}\\n&#' {CADDYFILE}; {RELOAD}",
        f"cp /root/Caddyfile {CADDYFILE}; {RELOAD}",
    )


def listening(name: str, red: str, port: int, **data: object) -> Break:
    return broken(
        name,
        "host",
        red,
        f"systemd-run -q --unit=open systemd-socket-activate -a -l 0.0.0.0:{port} cat; sleep 0.5",
        "systemctl stop open",
        **data,
    )


CASES = (
    broken(
        "worker stopped",
        "inside",
        "running",
        "docker stop -t 3 chatwoot-worker",
        RESTART_WORKER,
        on_host={1, 2, 4, 6},
    ),
    broken(
        "Caddy stopped",
        "inside",
        "running ui redirect certificate",
        "docker stop borgstack_caddy",
        "docker start borgstack_caddy",
        on_host={1, 2, 5, 7, 8},
    ),
    broken(
        "health check fails",
        "inside",
        "healthy",
        'printf \'services: {caddy: {healthcheck: {test: "false", interval: 1s, retries: 1, '
        f"start_period: 0s}}}}}}\\n' > {P}/docker-compose.override.yml; "
        f"{COMPOSE} up -d --no-deps caddy; " + until("docker ps | grep -q '(unhealthy)'"),
        f"rm {P}/docker-compose.override.yml; {COMPOSE} up -d --no-deps caddy; "
        + until("docker ps | grep caddy | grep -q '(healthy)'"),
        on_host={2},
    ),
    broken(
        "migration missing",
        "inside",
        "schema",
        psql("UPDATE schema_migrations SET version = version || '0';"),
        psql("UPDATE schema_migrations SET version = left(version, -1);"),
        on_host={3},
    ),
    broken(
        "worker takes no jobs",
        "inside",
        "jobs",
        "docker exec chatwoot-worker sh -c 'kill -TSTP 1'; "
        + until(f"{REDIS} hget $({REDIS} srandmember processes) quiet | grep -qx true"),
        RESTART_WORKER,
        on_host={4},
    ),
    broken(
        "no job for long",
        "inside",
        "jobs",
        f"{REDIS} set {ALIVE} $(($(date +%s) - 500)) ex 100",
        f"{REDIS} set {ALIVE} $(date +%s) ex 600",
        on_host={4},
    ),
    broken(
        "a job waits",
        "inside",
        "jobs",
        f"{REDIS} sadd queues nobodys; {REDIS} lpush queue:nobodys "
        '"{\\"enqueued_at\\": $(($(date +%s) - 1000))}"',
        f"{REDIS} srem queues nobodys; {REDIS} del queue:nobodys",
    ),
    broken(
        "Redis may forget",
        "inside",
        "jobs",
        f"{REDIS} config set maxmemory-policy allkeys-lru",
        f"{REDIS} config set maxmemory-policy noeviction",
    ),
    broken(
        "Redis cannot save",
        "inside",
        "jobs",
        # It would turn writes away at once; so it tells, and goes on.
        f"chown root {REDIS_DATA}; {REDIS} config set stop-writes-on-bgsave-error no; "
        f"{REDIS} bgsave; " + redis_says("rdb_last_bgsave_status:err"),
        f"chown 999 {REDIS_DATA}; {REDIS} bgsave; {redis_says('rdb_last_bgsave_status:ok')}; "
        f"{REDIS} config set stop-writes-on-bgsave-error yes",
        on_host={4},
    ),
    broken(
        "Redis cannot rewrite its file",
        "inside",
        "jobs",
        f"chown root {REDIS_DATA}; {REDIS} bgrewriteaof; "
        + redis_says("aof_last_bgrewrite_status:err"),
        f"chown 999 {REDIS_DATA}; {REDIS} bgrewriteaof; "
        + redis_says("aof_last_bgrewrite_status:ok"),
        on_host={4},
    ),
    broken(
        "Redis nearly full",
        "inside",
        "jobs",
        # One command of few bytes: its buffers count as used, and would be gone a moment later.
        f"{REDIS} setrange e2e:full 10000000 x; "
        f"used=$({REDIS} info memory | tr -d '\\r' | sed -n 's/^used_memory://p'); "
        f"{REDIS} config set maxmemory $((used * 100 / 95))",
        f"{REDIS} config set maxmemory $(sed -n 's/^maxmemory //p' {P}/config/redis/redis.conf); "
        f"{REDIS} del e2e:full",
        on_host={4},
    ),
    broken(
        "Redis stopped",
        "inside",
        "running ui api signup",
        "docker stop borgstack_redis",
        "docker start borgstack_redis; " + RESTART_WORKER,
        on_host={1, 2, 4, 5, 7},
    ),
    broken(
        "uploads beside the volume",
        "inside",
        "volumes",
        "nsenter -m -t $(docker inspect -f '{{.State.Pid}}' chatwoot) "
        "mount -t tmpfs tmpfs /app/storage",
        "nsenter -m -t $(docker inspect -f '{{.State.Pid}}' chatwoot) umount /app/storage",
        on_host={6},
    ),
    caddy("another page", "ui", 'handle / {\\n\\t\\trespond "It works"\\n\\t}'),
    caddy(
        "/api fails",
        "api",
        'handle /api {\\n\\t\\trespond `{"queue_services": "failing"}`\\n\\t}',
    ),
    caddy(
        "agents open", "agents", 'handle /api/v1/accounts/1/agents {\\n\\t\\trespond "[]"\\n\\t}'
    ),
    caddy("weak header", "headers", "header >Referrer-Policy unsafe-url"),
    caddy("widget not framed", "widget", "header /widget >X-Frame-Options DENY"),
    caddy("widget's script gone", "widget", "handle /packs/js/sdk.js {\\n\\t\\trespond 404\\n\\t}"),
    caddy("no websocket", "websocket", "handle /cable {\\n\\t\\trespond 404\\n\\t}"),
    caddy("console open", "super_admin", 'handle /super_admin {\\n\\t\\trespond "users"\\n\\t}'),
    caddy("certificate of nobody", "ui certificate", "tls internal"),
    broken(
        "HTTP answers",
        "outside",
        "redirect",
        f"printf 'http://chatwoot.DOMAIN {{\\n\\trespond hi\\n}}\\n' "
        f"> {P}/config/caddy/conf.d/plain.caddy; {RELOAD}",
        f"rm {P}/config/caddy/conf.d/plain.caddy; {RELOAD}",
    ),
    broken(
        "token changed",
        "accounts",
        "token agents",
        psql("UPDATE access_tokens SET token = token || 'x';"),
        psql("UPDATE access_tokens SET token = left(token, -1);"),
        on_host={8},
    ),
    broken(
        "administrator demoted",
        "accounts",
        "token agents",
        psql("UPDATE account_users SET role = 0;"),
        psql("UPDATE account_users SET role = 1;"),
    ),
    broken(
        "installation up for grabs",
        "accounts",
        "onboarding ui",
        f"{REDIS} set alfred:CHATWOOT_INSTALLATION_ONBOARDING true",
        f"{REDIS} del alfred:CHATWOOT_INSTALLATION_ONBOARDING",
    ),
    broken("sign-up switched on", "accounts", "signup", SIGN_UP % "true", SIGN_UP % "false"),
    listening("a stranger listens", "exposed", 8099),
    listening("an own port", "", 8099, allowed_ports=[8099]),
    listening("a data store's port", "exposed ports", 6379),
    broken(
        "a container publishes",
        "host",
        "exposed",
        "docker run -d --name open -p 8098:80 caddy:2.10-alpine",
        "docker rm -f open",
    ),
    broken(
        "clock an hour ahead",
        "host",
        "clock",
        in_place_of("date", "echo $(($(/usr/bin/date +%s) + 3600))"),
        "rm /usr/local/bin/date",
    ),
    broken(
        "disk full",
        "host",
        "disk",
        in_place_of("df", '/usr/bin/df "$@" | sed "2s/.*/1000 9000000 500000 600000/"'),
        "rm /usr/local/bin/df",
    ),
    broken(".env readable", "host", "env", f"chmod 644 {P}/.env", f"chmod 600 {P}/.env"),
    broken("no mail server there", "host", "mail", ":", ":", smtp_address="mail.nowhere.test"),
    broken(
        "out of memory",
        "host",
        "memory",
        "docker exec chatwoot-worker ruby -e 'a = []; loop { a << \"x\" * 50_000_000 }'",
        RESTART_WORKER,
    ),
)


WHATSAPP_CASES = (
    broken(
        "instance gone",
        "whatsapp",
        "whatsapp",
        psql("""UPDATE "Instance" SET name = 'other' WHERE name = 'whatsapp';""", "evolution_db"),
        psql("""UPDATE "Instance" SET name = 'whatsapp' WHERE name = 'other';""", "evolution_db"),
    ),
    broken("n8n up for grabs", "whatsapp", "n8n_owner", owned("false"), owned("true")),
    broken(
        "a workflow failed",
        "whatsapp",
        "executions",
        psql(
            'INSERT INTO execution_entity (finished, mode, status, "workflowId", "startedAt") '
            "VALUES (false, 'webhook', 'error', 'borgstackInbound', now());",
            "n8n_db",
        ),
        psql("DELETE FROM execution_entity WHERE status = 'error';", "n8n_db"),
    ),
)


def test_a_healthy_host_passes_in_all_its_parts(stack: HostUnderTest) -> None:
    found = stack.verify()
    print(f"\nverify: {found.seconds} s")
    assert found.named("skipped") == {"mail", *WHATSAPP}, found.output
    assert found.named("passed") == NAMES - {"mail", *WHATSAPP}
    assert "switched off" in found.checks["whatsapp"]["reason"]
    assert "cannot be sent" in found.checks["mail"]["reason"]
    assert (found.code, found.errors) == (0, ())


def test_a_person_reads_a_line_a_check(stack: HostUnderTest) -> None:
    done = stack.borgstack("verify")
    assert done.returncode == 0
    for check in CHECKS:
        assert re.search(rf"^  (ok|skipped) .*\b{check.name} +{check.title}", done.stdout, re.M)


def test_the_storys_script_passes_on_the_host_itself(stack: HostUnderTest) -> None:
    said = stack.ssh(f"{P}/verify-chatwoot.sh")
    assert re.findall(r"^Test (\d): .*: ok$", said, re.M) == [str(n) for n in range(1, 9)], said


@pytest.mark.parametrize(
    "case",
    [pytest.param(one, marks=pytest.mark.family(one.family), id=one.name) for one in CASES],
)
def test_what_is_broken_turns_red_and_nothing_else(stack: HostUnderTest, case: Break) -> None:
    turns_red_alone(stack, case)


def turns_red_alone(stack: HostUnderTest, case: Break) -> None:
    """Break something, have the checks judge it, and repair it."""
    said = ""
    try:
        stack.ssh(case.tamper.replace("DOMAIN", stack.domain), check=False)
        found = stack.verify(**case.data)
        if case.on_host is not None:
            said = stack.ssh(f"{P}/verify-chatwoot.sh", check=False)
    finally:
        stack.ssh(f"{{ {case.repair}\n}} >/dev/null 2>&1; {STEADY}", check=False)
    assert found.named("failed") == case.red, found.output
    assert found.code == bool(case.red)
    for name in case.red:
        check = found.checks[name]
        assert all(check[part] for part in ("expected", "seen", "next")), check
    failed = {int(number) for number in re.findall(r"^Test (\d): .*: FAILED$", said, re.M)}
    assert failed == (case.on_host or set()), said


def test_a_redis_that_turns_writes_away_says_why(stack: HostUnderTest) -> None:
    """As on a full disk. What else turns red is not told here: nearly nothing works any more."""
    try:
        stack.ssh(
            f"{REDIS} config get save | tail -n 1 >/root/save; chown root {REDIS_DATA}; "
            f"{REDIS} config set save '1 1'; {REDIS} set e2e:key 1; "
            + redis_says("rdb_last_bgsave_status:err"),
        )
        found = stack.verify()
        said = stack.ssh(f"{P}/verify-chatwoot.sh", check=False)
    finally:
        stack.ssh(
            f'chown 999 {REDIS_DATA}; {REDIS} config set save "$(cat /root/save)"; rm /root/save; '
            f"{REDIS} bgsave; {redis_says('rdb_last_bgsave_status:ok')}; {REDIS} del e2e:key; "
            f"{RESTART_WORKER}; {STEADY}",
            check=False,
        )
    assert found.checks["jobs"]["result"] == "failed", found.output
    for part in ("Redis answers MISCONF", "rdb_last_bgsave_status:err"):
        assert part in found.checks["jobs"]["seen"]
    assert re.search(r"^Test 4: .*: FAILED\n.*\n.*rdb_last_bgsave_status:err", said, re.M), said


def test_an_open_sign_up_is_told_and_not_used(stack: HostUnderTest) -> None:
    """Both doors open: the question reaches Chatwoot itself, and makes nothing."""
    users = stack.sql("SELECT count(*) FROM users")
    stack.ssh(
        SIGN_UP % "true" + f"cp {CADDYFILE} /root/Caddyfile; sed -i 's#path /installation .*#"
        f"path /installation#' {CADDYFILE}; {RELOAD}"
    )
    found = stack.verify()
    stack.ssh(f"cp /root/Caddyfile {CADDYFILE}; {RELOAD}\n" + SIGN_UP % "false")
    assert found.named("failed") == {"signup"}, found.output
    for part in ("POST /api/v1/accounts: ", "POST /api/v2/accounts: ", "inside: "):
        assert part in found.checks["signup"]["seen"]
    assert stack.sql("SELECT count(*) FROM users") == users


def test_all_is_repaired_again(stack: HostUnderTest) -> None:
    for _ in range(10):
        found = stack.verify()
        if not found.named("failed"):
            return
        time.sleep(1)
    raise AssertionError(found.output)


def test_every_check_is_among_those_seen_red() -> None:
    assert set().union(*(case.red for case in (*CASES, *WHATSAPP_CASES))) == NAMES


class _MailServer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 mail.test ESMTP\r\n")
        while line := self.rfile.readline():
            self.wfile.write(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250-a\r\n250 b\r\n")


@pytest.fixture
def mail_port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer((config.GATEWAY, 0), _MailServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_mail_server_that_answers_the_worker_is_ok(stack: HostUnderTest, mail_port: int) -> None:
    found = stack.verify(smtp_address=config.GATEWAY, smtp_port=mail_port)
    assert found.named("passed") == NAMES - WHATSAPP, found.output


def test_without_root_the_inside_is_skipped_and_says_why(stack: HostUnderTest) -> None:
    found = stack.verify(ssh_user="operator")
    assert found.named("failed") == set(), found.output
    assert "operator is not root" in found.checks["running"]["reason"]
    assert {"ui", "api", "websocket", "certificate"} <= found.named("passed")


def test_with_sudo_all_of_it_is_looked_at(stack: HostUnderTest) -> None:
    found = stack.verify(ssh_user="deployer", _sudo=True)
    assert found.named("passed") == NAMES - {"mail", *WHATSAPP}, found.output


def test_refused_sudo_is_an_error(stack: HostUnderTest) -> None:
    found = stack.verify(ssh_user="operator", _sudo=True)
    assert found.code == 1
    assert found.errors, found.output
    assert found.checks["running"]["result"] == "skipped"


def test_a_host_that_ssh_cannot_reach_is_an_error_and_still_seen_from_outside(
    stack: HostUnderTest,
) -> None:
    found = stack.verify(ssh_port=1)
    assert found.code == 1
    assert found.errors, found.output
    assert found.checks["ui"]["result"] == "passed"
    assert found.checks["running"]["result"] == "skipped"


def test_the_name_is_verified_wherever_it_connects(stack: HostUnderTest) -> None:
    found = stack.verify(chatwoot_host=f"other.{stack.domain}", connect_to=stack.address)
    assert {"ui", "certificate"} <= found.named("failed"), found.output
    found = stack.verify(acme_root="/etc/ssl/certs/ca-certificates.crt")
    assert {"ui", "certificate"} <= found.named("failed"), found.output


WATCH = """
sed -n 's/^CHATWOOT_API_TOKEN=//p' /opt/borgstack/.env >/root/token
until [ -e /root/enough ]; do
  grep -slFf /root/token /proc/[0-9]*/cmdline /proc/[0-9]*/environ >>/root/seen
done
"""


def test_the_token_is_in_no_command_no_environment_and_no_output(stack: HostUnderTest) -> None:
    stack.ssh(
        f"umask 077; rm -f /root/enough; : >/root/seen; cat >/root/watch <<'END'\n{WATCH}END\n"
    )
    stack.ssh("systemd-run -q --unit=watch sh /root/watch")
    outputs = [stack.verify().output, stack.ssh(f"{P}/verify-chatwoot.sh")]
    seen = stack.ssh("cat /root/seen")
    # The watcher finds what it should: the token in a command.
    stack.ssh("sh -c 'sleep 2; :' $(cat /root/token); touch /root/enough; sleep 1")
    planted, token = stack.ssh("cat /root/seen"), stack.ssh("cat /root/token").strip()
    stack.ssh("rm /root/watch /root/seen /root/token /root/enough")
    assert (seen, bool(planted), len(token)) == ("", True, 24)
    assert not any(token in output for output in outputs)


def test_no_host_is_an_error(stack: HostUnderTest) -> None:
    done = HostUnderTest("nosuch").borgstack("verify", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["exit_code"], said["hosts"]) == (1, 1, [])
    assert "no host" in said["error"].lower(), said


def test_the_answer_is_in_the_documented_form(stack: HostUnderTest) -> None:
    said: Verified = stack.verify()
    answer = json.loads(said.output.splitlines()[0])
    assert set(answer) == {"schema", "exit_code", "error", "hosts"}
    (host,) = answer["hosts"]
    assert set(host) == {"host", "errors", "seconds", "checks"}
    for check in host["checks"]:
        assert set(check) == {
            "name", "title", "story", "result", "expected", "seen", "next", "reason", "note"
        }  # fmt: skip
