"""Tampering with a live host: the plan names what differs, one run corrects exactly that, and what
nobody tampered with keeps running and keeps its data.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.e2e.support import HostUnderTest

INSTALL = "Docker | Install Engine and Compose"
DAEMON = "Docker | Configure and run the daemon"
ENV = "Secrets | Complete .env"
PUT = "Configuration | Put the project's files in place"
NETWORKS = "Networks | Remove what is not as declared"
STORES = "Databases | Start PostgreSQL and Redis"
SQL = "Databases | Converge roles, databases and extensions"
REDIS = "Databases | Converge Redis"
PREPARE = "Chatwoot | Prepare schema, account and assets"
APP = "Chatwoot | Start web and worker"
CADDY = "Publish | Start Caddy"
RELOAD = "Publish | Reload Caddy"


@dataclass(frozen=True)
class Drift:
    """A way to tamper, the operations that correct it, the containers made or started anew.

    :ivar then: a command that succeeds only when it is corrected, whatever the plan thinks.
    :ivar destroys: the planted data that the tampering itself takes away.
    """

    family: str
    name: str
    tamper: str
    operations: tuple[str, ...]
    touched: tuple[str, ...] = ()
    then: str = "true"
    destroys: str = ""


P = "/opt/borgstack"
V = "/var/lib/docker/volumes"
CERTIFICATES = f"{V}/borgstack_caddy_data/_data/caddy/certificates"
PSQL = "docker exec borgstack_postgresql psql -qX -U postgres -d chatwoot_db -c"
CLI = "docker exec borgstack_redis redis-cli"
FLAG = "alfred:CHATWOOT_INSTALLATION_ONBOARDING"
CHATWOOT = ("chatwoot", "chatwoot-worker")
HELPERS = f"""
labels() {{
  all='{{{{range $k, $v := .Config.Labels}}}} --label {{{{$k}}}}={{{{$v}}}}{{{{end}}}}'
  docker inspect -f "$all" $1
}}
# A network made by hand, with everything in it that was in the old one.
network() {{
  name=$1; shift
  members=$(docker network inspect -f '{{{{range .Containers}}}}{{{{.Name}}}} {{{{end}}}}' $name)
  for one in $members; do docker network disconnect -f $name $one; done
  # Docker takes a moment to forget a member that was just starting.
  for try in 1 2 3 4 5; do docker network rm $name && break; sleep 1; done
  docker network create "$@" $name || exit
  for one in $members; do joined $one || exit; done
}}
# On a busy machine the old interface may still be in it; then Docker leaves it in neither network.
joined() {{
  for try in 1 2 3; do
    docker network connect --alias ${{1#borgstack_}} $name $1 && return
    sleep 1
  done
  docker stop $1 && docker network connect --alias ${{1#borgstack_}} $name $1 && docker start $1
}}
# A service made anew from a compose file that is edited with sed and then put back.
edited() {{
  cd {P} && cp -p docker-compose.yml /root/kept.yml && sed -i "$2" docker-compose.yml &&
    docker compose up -d --no-deps $1; mv /root/kept.yml docker-compose.yml
}}
"""
COMPOSES = "--label com.docker.compose.project=borgstack --label com.docker.compose.network="


def setting(name: str, value: str) -> str:
    """Succeeds when the running Redis has this setting."""
    return f"{CLI} config get {name} | tail -n 1 | grep -qx {value}"


FILES = (
    Drift("files", "content", f"echo '# x' >> {P}/config/redis/redis.conf", (PUT,)),
    Drift("files", "content of compose", f"sed -i s/8.2/7/ {P}/docker-compose.yml", (PUT,)),
    Drift("files", "mode", f"chmod 666 {P}/docker-compose.yml", (PUT,)),
    Drift("files", "owner", f"chown 1000 {P}/config/caddy/Caddyfile", (PUT,)),
    Drift("files", "deleted", f"rm {P}/config/chatwoot/README.md", (PUT,)),
    Drift(
        "files",
        "symlink in a file's place",
        f"cd {P}/config/chatwoot && mv README.md /root/ && ln -s /root/README.md README.md",
        (PUT,),
    ),
    Drift("files", "folder mode", f"chmod 777 {P}/config/postgresql", (PUT,)),
)
ENTRIES = (
    Drift("env", ".env mode", f"chmod 644 {P}/.env", (ENV,)),
    Drift("env", ".env owner", f"chown 1000:1000 {P}/.env", (ENV,)),
    Drift("env", "link", f"mv {P}/.env /root/env && ln -s /root/env {P}/.env", (ENV,)),
    Drift("env", "plain key deleted", f"sed -i /^CHATWOOT_HOST=/d {P}/.env", (ENV,)),
    Drift(
        "env",
        "secret key deleted",
        f"sed -i /^CHATWOOT_API_TOKEN=/d {P}/.env",
        (ENV, PREPARE),
        ("chatwoot-prepare",),
    ),
    Drift(
        "env",
        "secret key emptied",
        f"sed -i s/^REDIS_PASSWORD=.*/REDIS_PASSWORD=/ {P}/.env",
        (ENV, STORES, PREPARE, APP),
        ("borgstack_redis", "chatwoot-prepare", *CHATWOOT),
    ),
    Drift(
        "env",
        "superuser's password emptied",
        f"sed -i s/^POSTGRES_PASSWORD=.*/POSTGRES_PASSWORD=/ {P}/.env",
        (ENV, STORES, SQL),
        ("borgstack_postgresql",),
    ),
    Drift(
        "env",
        ".env deleted",
        f"rm {P}/.env",
        (ENV, STORES, SQL, PREPARE, APP),
        ("borgstack_postgresql", "borgstack_redis", "chatwoot-prepare", *CHATWOOT),
    ),
)
SERVICES = (
    Drift("service", "stopped", "docker stop chatwoot-worker", (APP,), ("chatwoot-worker",)),
    Drift("service", "removed", "docker rm -f borgstack_caddy", (CADDY,), ("borgstack_caddy",)),
    Drift("service", "paused", "docker pause borgstack_redis", (STORES,)),
    Drift("service", "killed", "docker kill chatwoot", (APP,), ("chatwoot",)),
    Drift(
        "service", "store killed", "docker kill borgstack_redis", (STORES,), ("borgstack_redis",)
    ),
    Drift(
        "service",
        "its volume made by hand, without Compose's labels",
        f"docker rm -f borgstack_redis && cp -a {V}/borgstack_redis_data/_data /root/redis && "
        "docker volume rm borgstack_redis_data && docker volume create borgstack_redis_data && "
        f"cp -a /root/redis/. {V}/borgstack_redis_data/_data/ && rm -r /root/redis",
        (STORES,),
        ("borgstack_redis",),
        then="docker volume inspect -f '{{.Labels}}' borgstack_redis_data | grep -vq compose",
    ),
)
BY_HAND = (
    Drift(
        "container by hand",
        "another image, with Compose's labels",
        "docker tag redis:8.2-alpine redis:mine; own=$(labels borgstack_redis); "
        "docker rm -f borgstack_redis; docker run -d --name borgstack_redis $own "
        "--network borgstack_internal redis:mine",
        (STORES,),
        ("borgstack_redis",),
        then="docker rmi redis:mine",
    ),
    Drift(
        "container by hand",
        "a published port, with Compose's labels",
        "own=$(labels borgstack_redis); docker rm -f borgstack_redis; docker run -d "
        "--name borgstack_redis $own -p 6379:6379 redis:8.2-alpine; "
        "docker network connect borgstack_internal borgstack_redis",
        (STORES,),
        ("borgstack_redis",),
        then="! ss -Hltn 'sport = :6379' | grep .",
    ),
    Drift(
        "container by hand",
        "a published port, by a compose file that is put back",
        "edited redis 's/^    container_name: borgstack_redis/&\\n    ports: [6379:6379]/'",
        (STORES,),
        ("borgstack_redis",),
        then="! ss -Hltn 'sport = :6379' | grep .",
    ),
    Drift(
        "container by hand",
        "another environment, by a compose file that is put back",
        "edited chatwoot 's/RAILS_LOG_TO_STDOUT: .*/RAILS_LOG_TO_STDOUT: \"\"/'",
        (APP,),
        ("chatwoot",),
        then="docker inspect chatwoot | grep -q RAILS_LOG_TO_STDOUT=true",
    ),
    Drift(
        "container by hand",
        "another network, with Compose's labels",
        "own=$(labels chatwoot-worker); docker rm -f chatwoot-worker; docker run -d "
        "--name chatwoot-worker $own --network borgstack_external "
        "chatwoot/chatwoot:v4.6.0-ce sleep 600",
        (APP,),
        ("chatwoot-worker",),
    ),
)
NETS = (
    Drift(
        "network",
        "service taken off its network",
        "docker network disconnect borgstack_internal chatwoot-worker",
        (APP,),
        ("chatwoot-worker",),
    ),
    Drift(
        "network",
        "made by hand with a way out",
        f"network borgstack_internal {COMPOSES}borgstack_internal",
        (NETWORKS, STORES, APP),
        ("borgstack_postgresql", "borgstack_redis", *CHATWOOT),
        then="docker network inspect -f '{{.Internal}}' borgstack_internal | grep -qx true",
    ),
    Drift(
        "network",
        "made by hand without Compose's labels, our containers in it",
        "network borgstack_external",
        (NETWORKS, APP, CADDY),
        ("borgstack_caddy", *CHATWOOT),
    ),
)
DATABASES = (
    Drift(
        "roles and databases",
        "password",
        f"{PSQL} \"ALTER ROLE chatwoot_user PASSWORD 'x'\"",
        (SQL,),
    ),
    Drift(
        "roles and databases",
        "superuser's password",
        f"{PSQL} \"ALTER ROLE postgres PASSWORD 'x'\"",
        (SQL,),
    ),
    Drift(
        "roles and databases", "superuser", f"{PSQL} 'ALTER ROLE chatwoot_user SUPERUSER'", (SQL,)
    ),
    Drift(
        "roles and databases", "membership", f"{PSQL} 'GRANT pg_monitor TO chatwoot_user'", (SQL,)
    ),
    Drift(
        "roles and databases",
        "owner",
        f"{PSQL} 'ALTER DATABASE chatwoot_db OWNER TO postgres'",
        (SQL,),
    ),
    Drift(
        "roles and databases",
        "open to all",
        f"{PSQL} 'GRANT CONNECT ON DATABASE chatwoot_db TO PUBLIC'",
        (SQL,),
    ),
    Drift("roles and databases", "extension", f"{PSQL} 'DROP EXTENSION pg_trgm CASCADE'", (SQL,)),
    Drift(
        "roles and databases",
        "database dropped",
        f"{PSQL.replace('chatwoot_db', 'postgres')} 'DROP DATABASE chatwoot_db WITH (FORCE)'",
        (SQL, PREPARE),
        ("chatwoot-prepare",),
        then=f"! {CLI} exists {FLAG} | grep 1",
        destroys="row",
    ),
)
RUNNING_REDIS = (
    Drift(
        "redis",
        "eviction",
        f"{CLI} config set maxmemory-policy allkeys-lru",
        (REDIS,),
        then=setting("maxmemory-policy", "noeviction"),
    ),
    Drift(
        "redis",
        "no append-only file",
        f"{CLI} config set appendonly no",
        (REDIS,),
        then=setting("appendonly", "yes"),
    ),
    Drift(
        "redis",
        "two settings",
        f"{CLI} config set maxmemory 1gb appendfsync no",
        (REDIS,),
        then=setting("maxmemory", "67108864"),
    ),
    Drift(
        "redis",
        "no password",
        f"{CLI} config set requirepass ''",
        (STORES,),
        ("borgstack_redis",),
        then="docker exec borgstack_redis env -u REDISCLI_AUTH redis-cli ping | grep NOAUTH",
    ),
)
OTHERS = (
    Drift(
        "chatwoot",
        "onboarding open",
        f"{CLI} set {FLAG} true",
        (REDIS,),
        then=f"{CLI} exists {FLAG} | grep -qx 0",
    ),
    Drift(
        "caddy",
        "Caddyfile edited and reloaded",
        f"printf '\\n:8080 {{\\n\\trespond hi\\n}}\\n' >> {P}/config/caddy/Caddyfile && "
        "docker exec borgstack_caddy caddy reload --config /etc/caddy/Caddyfile",
        (PUT, RELOAD),
    ),
    Drift(
        "caddy",
        "changed through its admin API",
        "docker exec borgstack_caddy sh -c 'echo :8080 > /tmp/C && "
        "caddy reload --adapter caddyfile --config /tmp/C'",
        (RELOAD,),
    ),
    Drift(
        "caddy",
        "certificates deleted",
        f"rm -r {CERTIFICATES}",
        (CADDY,),
        ("borgstack_caddy",),
        then=f"timeout 20 sh -c 'until ls {CERTIFICATES}/*/*/*.crt; do sleep 0.1; done'",
    ),
)
ENGINE = (
    Drift("docker", "daemon.json", "sed -i 's/10m/99m/' /etc/docker/daemon.json", (DAEMON,)),
    Drift("docker", "daemon.json's mode", "chmod 600 /etc/docker/daemon.json", (DAEMON,)),
    Drift(
        "docker",
        "source",
        "sed -i s/stable/test/ /etc/apt/sources.list.d/docker.sources",
        (INSTALL,),
    ),
    Drift(
        "docker",
        "a second key in the keyring",
        "printf x >> /etc/apt/keyrings/docker.asc; chmod 600 /etc/apt/keyrings/docker.asc",
        (INSTALL,),
    ),
    Drift(
        "systemd", "Compose's plugin removed", "apt-get remove -y docker-compose-plugin", (INSTALL,)
    ),
    Drift("systemd", "disabled", "systemctl disable docker.service", (DAEMON,)),
    Drift("systemd", "stopped", "systemctl stop docker.service", (DAEMON,)),
    Drift(
        "systemd",
        "stopped and masked",
        "systemctl stop docker.socket docker.service && systemctl mask docker.service",
        (DAEMON,),
    ),
    Drift("systemd", "masked", "systemctl mask docker.service", (DAEMON,)),
    Drift(
        "systemd",
        "socket masked",
        "systemctl mask docker.socket",
        (DAEMON,),
        then="systemctl is-enabled docker.socket | grep -v masked",
    ),
    Drift(
        "clock",
        "daemon.json from the future, and nobody knows who has read it",
        "touch -d '+2 days' /etc/docker/daemon.json && rm -f /run/borgstack/dockerd",
        (DAEMON,),
        then="[ $(stat -c %Y /etc/docker/daemon.json) -le $(date +%s) ]",
    ),
)
CASES = (
    *FILES,
    *ENTRIES,
    *SERVICES,
    *BY_HAND,
    *NETS,
    *DATABASES,
    *RUNNING_REDIS,
    *OTHERS,
    *ENGINE,
)

PLANT = {
    "row": "{ echo 'CREATE TABLE IF NOT EXISTS planted (word text); TRUNCATE planted;'; "
    "echo \"INSERT INTO planted VALUES ('row kept')\"; } | "
    "docker exec -i borgstack_postgresql psql -qX -U postgres -d chatwoot_db",
    "key": f"{CLI} set planted 'key kept'",
    "file": f"echo 'file kept' > {V}/borgstack_chatwoot_storage/_data/planted",
    "certificate": f"echo 'certificate kept' > {V}/borgstack_caddy_data/_data/caddy/planted",
}
LOOK = f"""
docker ps -aq | xargs docker inspect -f '{{{{.Name}}}} {{{{.Id}}}} {{{{.State.StartedAt}}}}'
docker exec borgstack_postgresql psql -qAtX -U postgres -d chatwoot_db -c 'TABLE planted'
{CLI} get planted
cat {V}/borgstack_chatwoot_storage/_data/planted {V}/borgstack_caddy_data/_data/caddy/planted
"""


def look(host: HostUnderTest) -> tuple[dict[str, str], set[str]]:
    """Id and start time by container, and the planted data that is still there."""
    lines = host.ssh(f"{{ {LOOK} }} 2>/dev/null", check=False).splitlines()
    containers = dict(line[1:].split(" ", 1) for line in lines if line.startswith("/"))
    return containers, {line.split()[0] for line in lines if line.endswith(" kept")}


def tampered(host: HostUnderTest, command: str) -> None:
    host.ssh(f"{HELPERS}\n{{ {command}; }} >/dev/null")


def plant(host: HostUnderTest) -> HostUnderTest:
    if look(host)[1] != set(PLANT):
        host.ssh("set -e\n" + "\n".join(PLANT.values()))
    return host


@pytest.fixture
def planted(stack: HostUnderTest) -> HostUnderTest:
    """The converged host with data in it that no deploy may lose."""
    return plant(stack)


def corrects_exactly(planted: HostUnderTest, case: Drift) -> None:
    before, _ = look(planted)
    tampered(planted, case.tamper)
    planted.plan().lists_only(*case.operations)
    planted.deploy().changed_only(*case.operations)
    after, kept = look(planted)
    assert {name for name in before if after.get(name) != before[name]} == set(case.touched)
    assert set(after) == set(before)
    planted.ssh(f"{{ {case.then}; }} >&2")
    assert kept == set(PLANT) - {case.destroys}
    if case.destroys:
        planted.ssh(PLANT[case.destroys])
    planted.deploy().changed_only()


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.family(case.family), id=f"{case.family}: {case.name}")
        for case in CASES
    ],
)
def test_one_run_corrects_exactly_the_drift(planted: HostUnderTest, case: Drift) -> None:
    corrects_exactly(planted, case)


UNTOUCHED = {
    "own key in .env": f"printf 'MY_KEY=\"a b\"  # mine\\n' >> {P}/.env",
    "own file": f"mkdir -p {P}/backups && echo mine > {P}/backups/mine",
    "own Caddy drop-in": f"printf ':8081 {{\\n\\trespond mine\\n}}\\n' "
    f"> {P}/config/caddy/conf.d/mine.caddy "
    "&& docker exec borgstack_caddy caddy reload --config /etc/caddy/Caddyfile",
    "own network": "docker network create mine",
    "own container": "docker run -d --name mine --network mine -p 6380:6380 caddy:2.10-alpine "
    "&& docker network connect borgstack_external mine",
    "own service behind a profile": f"printf 'services:\n  adminer:\n    image: caddy:2.10-alpine\n"
    f"    profiles: [debug]\n' > {P}/docker-compose.override.yaml && cd {P} && "
    "docker compose --profile debug up -d adminer",
    "own service that no file declares any more": f"cd {P} && printf 'services:\n  left:\n"
    f"    image: caddy:2.10-alpine\n' > compose.override.yml && docker compose up -d left && "
    "rm compose.override.yml",
    "own key in daemon.json": "sed -i 's/^{/{\"max-concurrent-downloads\": 5,/' "
    "/etc/docker/daemon.json",
    "own drop-in of docker.service": "mkdir -p /etc/systemd/system/docker.service.d && "
    "printf '[Service]\\nEnvironment=MINE=1\\n' > /etc/systemd/system/docker.service.d/mine.conf "
    "&& systemctl daemon-reload && sleep 1.1 && systemctl restart docker",
    "own database and role": f"{PSQL} 'CREATE ROLE mine LOGIN' && {PSQL} 'CREATE DATABASE mine'",
    "time of a file in the future": f"touch -d '+2 days' {P}/docker-compose.yml {P}/.env "
    f"{P}/config/caddy/Caddyfile {P}/config/redis/redis.conf",
}
GONE = (
    "docker rm -f mine borgstack-adminer-1 borgstack-left-1; docker network rm mine; "
    f"rm {P}/docker-compose.override.yaml; "
    f"rm -r {P}/backups {P}/config/caddy/conf.d/mine.caddy; sed -i /MY_KEY/d {P}/.env; "
    f"rm -r /etc/systemd/system/docker.service.d; systemctl daemon-reload; "
    f"{PSQL} 'DROP DATABASE mine'; {PSQL} 'DROP ROLE mine'"
)


@pytest.mark.on_doubles
def test_what_is_the_operators_own_stays(planted: HostUnderTest) -> None:
    try:
        for tamper in UNTOUCHED.values():
            tampered(planted, tamper)
        before = planted.snapshot(), look(planted)
        planted.plan().lists_only()
        planted.deploy().changed_only()
        assert (planted.snapshot(), look(planted)) == before
    finally:
        planted.ssh(f"{{ {GONE}; }} >/dev/null 2>&1", check=False)
    planted.deploy().changed_only(RELOAD)


@pytest.mark.on_doubles
def test_the_operators_own_networks_containers_are_connected_again(planted: HostUnderTest) -> None:
    tampered(planted, "docker run -d --name mine --network borgstack_external caddy:2.10-alpine")
    tampered(planted, "network borgstack_external")
    try:
        before, _ = look(planted)
        planted.deploy().changed_only(NETWORKS, APP, CADDY)
        assert look(planted)[0]["mine"] == before["mine"]
        networks = planted.inspect("mine")["NetworkSettings"]["Networks"]
        assert set(networks) == {"borgstack_external"}
    finally:
        planted.ssh("docker rm -f mine")
    planted.deploy().changed_only()


@pytest.mark.on_doubles
def test_an_override_of_the_operators_makes_its_service_anew_once(planted: HostUnderTest) -> None:
    text = "services: {chatwoot-worker: {labels: {mine: x}, ports: ['127.0.0.1:7433:7433']}}"
    for command in (f'echo "{text}" > {P}/docker-compose.override.yml', f"rm {P}/*.override.yml"):
        before, _ = look(planted)
        planted.ssh(command)
        planted.plan().lists_only(APP)
        planted.deploy().changed_only(APP)
        after, kept = look(planted)
        assert {name for name in before if after[name] != before[name]} == {"chatwoot-worker"}
        assert kept == set(PLANT)
        planted.deploy().changed_only()
