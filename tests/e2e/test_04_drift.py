"""Tampering with a live host: one run corrects exactly that and leaves the rest running."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.e2e.support import HostUnderTest

PUT = "Configuration | Put the project's files in place"
ENV = "Secrets | Complete .env"
STORES = "Databases | Start PostgreSQL and Redis"
SQL = "Databases | Converge roles, databases and extensions"
APP = "Chatwoot | Start web and worker"
CADDY = "Publish | Start Caddy"
RELOAD = "Publish | Reload Caddy"
DAEMON = "Docker | Configure and run the daemon"
INSTALL = "Docker | Install Engine and Compose"


@dataclass(frozen=True)
class Drift:
    """A way to tamper, the operations that correct it, the containers made or started anew."""

    name: str
    tamper: str
    operations: tuple[str, ...]
    touched: tuple[str, ...] = ()


P = "/opt/borgstack"
PSQL = "docker exec borgstack_postgresql psql -qX -U postgres -d chatwoot_db -c"
CASES = (
    Drift("file content", f"echo '# x' >> {P}/config/redis/redis.conf", (PUT,)),
    Drift("file mode", f"chmod 666 {P}/docker-compose.yml", (PUT,)),
    Drift("file owner", f"chown 1000 {P}/config/caddy/Caddyfile", (PUT,)),
    Drift("file deleted", f"rm {P}/config/chatwoot/README.md", (PUT,)),
    Drift(
        "symlink in a file's place",
        f"cd {P}/config/chatwoot && mv README.md /root/ && ln -s /root/README.md README.md",
        (PUT,),
    ),
    Drift("folder mode", f"chmod 777 {P}/config/postgresql", (PUT,)),
    Drift(
        "Caddyfile edited and reloaded",
        f"printf '\\n:8080 {{\\n\\trespond hi\\n}}\\n' >> {P}/config/caddy/Caddyfile && "
        "docker exec borgstack_caddy caddy reload --config /etc/caddy/Caddyfile 2>/dev/null",
        (PUT, RELOAD),
    ),
    Drift(
        "Caddy changed through its admin API",
        "docker exec borgstack_caddy sh -c 'echo :8080 > /tmp/C && "
        "caddy reload --adapter caddyfile --config /tmp/C'",
        (RELOAD,),
    ),
    Drift(".env mode", f"chmod 644 {P}/.env", (ENV,)),
    Drift("service stopped", "docker stop chatwoot-worker", (APP,), ("chatwoot-worker",)),
    Drift("service removed", "docker rm -f borgstack_caddy", (CADDY,), ("borgstack_caddy",)),
    Drift("service paused", "docker pause borgstack_redis", (STORES,)),
    Drift(
        "service taken off its network",
        "docker network disconnect borgstack_internal chatwoot-worker",
        (APP,),
        ("chatwoot-worker",),
    ),
    Drift(
        "service made by hand",
        "docker rm -f borgstack_caddy && "
        "docker run -d --name borgstack_caddy -p 80:80 caddy:2.10-alpine",
        (CADDY,),
        ("borgstack_caddy",),
    ),
    Drift("role's password", f"{PSQL} \"ALTER ROLE chatwoot_user PASSWORD 'x'\"", (SQL,)),
    Drift("role made superuser", f"{PSQL} 'ALTER ROLE chatwoot_user SUPERUSER'", (SQL,)),
    Drift("role given a membership", f"{PSQL} 'GRANT pg_monitor TO chatwoot_user'", (SQL,)),
    Drift("database's owner", f"{PSQL} 'ALTER DATABASE chatwoot_db OWNER TO postgres'", (SQL,)),
    Drift(
        "database open to all", f"{PSQL} 'GRANT CONNECT ON DATABASE chatwoot_db TO PUBLIC'", (SQL,)
    ),
    Drift("extension dropped", f"{PSQL} 'DROP EXTENSION pg_trgm CASCADE'", (SQL,)),
    Drift(
        "daemon.json edited",
        "sed -i 's/10m/99m/' /etc/docker/daemon.json",
        (DAEMON,),
    ),
    Drift("Docker disabled", "systemctl disable docker.service", (DAEMON,)),
    Drift(
        "Docker stopped and masked",
        "systemctl stop docker.socket docker.service && systemctl mask docker.service",
        (DAEMON,),
    ),
    Drift(
        "Docker's source edited",
        "sed -i s/stable/test/ /etc/apt/sources.list.d/docker.sources",
        (INSTALL,),
    ),
    Drift(
        "a second key in the keyring",
        "printf x >> /etc/apt/keyrings/docker.asc; chmod 600 /etc/apt/keyrings/docker.asc",
        (INSTALL,),
    ),
)

UNTOUCHED = {
    "own key in .env": f"printf 'MY_KEY=\"a b\"  # mine\\n' >> {P}/.env",
    "own file": f"mkdir -p {P}/backups && echo mine > {P}/backups/mine",
    "own Caddy drop-in": f"printf ':8081 {{\\n\\trespond mine\\n}}\\n' "
    f"> {P}/config/caddy/conf.d/mine.caddy "
    "&& docker exec borgstack_caddy caddy reload --config /etc/caddy/Caddyfile",
    "own container": "docker rm -f mine; "
    "docker run -d --name mine --network none caddy:2.10-alpine",
    "own key in daemon.json": "sed -i 's/^{/{\"max-concurrent-downloads\": 5,/' "
    "/etc/docker/daemon.json && sleep 1.1 && systemctl restart docker",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_run_corrects_exactly_the_drift(stack: HostUnderTest, case: Drift) -> None:
    before = stack.containers()
    stack.ssh(f"{{ {case.tamper}; }} >/dev/null 2>&1")
    stack.plan().lists_only(*case.operations)
    run = stack.deploy()
    run.changed_only(*case.operations)
    after = stack.containers()
    assert {name for name in before if after.get(name) != before[name]} == set(case.touched)
    stack.plan().lists_only()
    stack.deploy().changed_only()


def test_what_is_the_operators_own_stays(stack: HostUnderTest) -> None:
    for tamper in UNTOUCHED.values():
        stack.ssh(f"{{ {tamper}; }} >/dev/null 2>&1")
    before = stack.snapshot()
    run = stack.deploy()
    run.changed_only()
    assert stack.snapshot() == before
    stack.ssh(
        f"docker rm -f mine; rm -r {P}/backups {P}/config/caddy/conf.d/mine.caddy; "
        f"sed -i /MY_KEY/d {P}/.env"
    )
    stack.deploy().changed_only(RELOAD)
