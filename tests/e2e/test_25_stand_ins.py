"""What each image of the stack does by itself, asked of whatever the lab serves under its name: the
stand-in, or the official image where Docker Hub answers.

The points are those in which a stand-in was once kinder than its image, so that a stack started in
the lab and not on a server. No lab host is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.stand_ins import Stage, docker, ending, service, shell
from tests.lab import engine, images
from tests.lab.docker import inspect
from tests.lab.shell import lock

HARDENED = ("--cap-drop=ALL", "--security-opt=no-new-privileges")
PASSWORD = "--env=POSTGRES_PASSWORD=x"
SUPERUSERS_PASSWORD = "Database is uninitialized and superuser password is not specified."
NO_SWITCH = "error: failed switching to"  # and the user, in the quotes of gosu's version
UP = {
    "postgresql": r"(?s)init process complete.*ready to accept connections",
    "redis": "Ready to accept connections",
    "caddy": "serving initial configuration",
}


@pytest.fixture(scope="module")
def served() -> dict[str, str]:
    """The local image for each name of the stack."""
    with lock():
        engine.ensure()
        return images.ensure()


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, served: dict[str, str], tmp_path: Path
) -> Iterator[Stage]:
    """A service as the compose file has it, but for the network."""
    name = request.param
    stage = Stage(name, served[name], tmp_path)
    stage.lay_files()
    yield stage
    stage.clean()


# --- As the compose file starts them --------------------------------------------------------------


@pytest.mark.parametrize("stage", UP, indirect=True)
def test_the_compose_files_capabilities_are_enough(stage: Stage) -> None:
    with stage.started() as container:
        assert ending(container, UP[stage.name]).status == -1


@dataclass(frozen=True)
class Without:
    """A capability of the compose file's that is taken away, and how the container ends then."""

    service: str
    capability: str
    said: str = ""
    again: str = ""
    """What a second start on the same volumes says, where the first one is fine."""

    def __str__(self) -> str:
        return f"{self.service} without {self.capability}"


NEEDED = (
    Without("postgresql", "CHOWN", "Operation not permitted"),
    Without("postgresql", "SETUID", NO_SWITCH),
    Without("postgresql", "SETGID", NO_SWITCH),
    Without("postgresql", "DAC_OVERRIDE", again="Permission denied"),
    Without("caddy", "NET_BIND_SERVICE", "operation not permitted"),
)


@pytest.mark.parametrize(
    ("stage", "case"),
    [pytest.param(one.service, one, id=str(one)) for one in NEEDED],
    indirect=["stage"],
)
def test_no_capability_is_there_for_nothing(stage: Stage, case: Without) -> None:
    with stage.started(without=case.capability) as container:
        end = ending(container, UP[stage.name])
        assert (end.status == -1) == bool(case.again), end.said
        assert case.said in end.said
        docker("stop", container)
    if case.again:
        with stage.started(without=case.capability) as container:
            end = ending(container, UP[stage.name])
            assert end.status == 1, end.said
            assert case.again in end.said


def test_each_capability_of_the_compose_file_is_a_row() -> None:
    """FOWNER silences two warnings of PostgreSQL's entry point; nothing fails without it."""
    given = {(name, one) for name in UP for one in service(name).get("cap_add", [])}
    assert given == {(one.service, one.capability) for one in NEEDED} | {("postgresql", "FOWNER")}


# --- By themselves --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """What a container with these options and this command ends with, or says once it is up."""

    image: str
    name: str
    options: tuple[str, ...]
    command: tuple[str, ...]
    status: int
    said: str
    up: str = ""

    def __str__(self) -> str:
        return f"{self.image}: {self.name}"


def sh(text: str) -> tuple[str, ...]:
    return ("sh", "-c", text)


ROWS = (
    # Redis: docker-entrypoint.sh, step by step.
    Row(
        "redis",
        "a password on stdin needs to be the last word",
        (*HARDENED, "--user=999:1000"),
        sh(
            "echo > /tmp/f.conf; exec docker-entrypoint.sh redis-server /tmp/f.conf - <<EOF\n"
            "requirepass x\nEOF\n"
        ),
        1,
        "Bad directive or wrong number of arguments",
    ),
    Row(
        "redis",
        "past the entry point it is",
        (*HARDENED, "--user=999:1000"),
        sh("echo > /tmp/f.conf; exec redis-server /tmp/f.conf - <<EOF\nrequirepass x\nEOF\n"),
        -1,
        "Ready to accept",
        up="Ready to accept",
    ),
    Row("redis", "modules are loaded", (), (), -1, "Module", up="Ready to accept"),
    Row(
        "redis",
        "options alone start the server",
        (),
        ("--port", "6380"),
        -1,
        "Starting Redis Server",
        up="Ready to accept",
    ),
    Row(
        "redis",
        "a file that is not its own stays",
        (),
        sh("touch /data/mine; exec docker-entrypoint.sh redis-server"),
        -1,
        "found in data dir. Permissions will not be modified.",
        up="Ready to accept",
    ),
    Row(
        "redis",
        "a configuration of root's",
        (*HARDENED, "--cap-add=SETUID", "--cap-add=SETGID"),
        sh(
            "mkdir /tmp/c && umask 077 && echo > /tmp/c/f.conf && "
            "exec docker-entrypoint.sh redis-server /tmp/c/f.conf"
        ),
        1,
        "Fatal error, can't open config file",
    ),
    # PostgreSQL's refusals.
    Row("postgresql", "no password", (), (), 1, SUPERUSERS_PASSWORD),
    Row(
        "postgresql",
        "a password twice",
        (PASSWORD, "--env=POSTGRES_PASSWORD_FILE=/x"),
        (),
        1,
        "error: both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set (but are exclusive)",
    ),
    Row(
        "postgresql",
        "a mount where older images kept their data",
        (PASSWORD, "--tmpfs=/var/lib/postgresql/data"),
        (),
        1,
        "in 18+, these Docker images are configured",
    ),
    Row(
        "postgresql",
        "an old name of a time zone",
        (PASSWORD,),
        ("-c", "timezone=Brazil/East"),
        -1,
        "ready to accept",
        up=UP["postgresql"],
    ),
    Row(
        "postgresql",
        "a parameter that is wrong",
        (PASSWORD,),
        ("-c", "timezone=Nowhere/At_all"),
        1,
        'invalid value for parameter "TimeZone"',
    ),
    # Caddy.
    Row(
        "caddy",
        "a bad Caddyfile",
        (),
        sh("echo '{' > /f; exec caddy run --config /f --adapter caddyfile"),
        1,
        "Error: ",
    ),
    # n8n.
    Row(
        "n8n",
        "certificates of one's own",
        ("--tmpfs=/opt/custom-certificates",),
        ("--version",),
        0,
        "Trusting custom certificates from /opt/custom-certificates.",
    ),
    # Evolution API.
    Row("evolution", "no database's kind", (), (), 1, "Error: Database provider  invalid."),
)


@pytest.mark.parametrize("row", [pytest.param(row, id=str(row)) for row in ROWS])
def test_an_image_ends_and_says_what_the_official_one_does(
    served: dict[str, str], row: Row, tmp_path: Path
) -> None:
    past = (
        ("--entrypoint=sh",)
        if row.image == "caddy" or "docker-entrypoint" in str(row.command)
        else ()
    )
    command = row.command[1:] if past else row.command
    name = f"stand-in-{tmp_path.name.replace('_', '-')}"
    docker("rm", "--force", "--volumes", name)
    docker("run", "--detach", f"--name={name}", *row.options, *past, served[row.image], *command)
    try:
        end = ending(name, row.up)
        assert (end.status, row.said in end.said) == (row.status, True), end.said
    finally:
        docker("rm", "--force", "--volumes", name)


BUSYBOX = "readlink -f $(command -v sh) | grep -q busybox"
NO_BASH = "! command -v bash"
NO_PERL = "! command -v perl"
NO_CURL = "! command -v curl"
WGET = "! wget --method=GET http://127.0.0.1 2>/dev/null && wget --help 2>&1 | grep -q BusyBox"
CP = "cd /tmp && echo a > a && echo b > b && exec 3< b && cp a b && [ $(cat <&3) = b ]"
ALPINE = {"ash": BUSYBOX, "no perl": NO_PERL, "BusyBox's wget": WGET, "cp unlinks": CP}
TOOLS = {
    "redis": {
        **ALPINE,
        "no bash": NO_BASH,
        "owner": "[ $(stat -c %u:%g /data) = 999:1000 ]",
        "one program": "readlink -f $(command -v redis-sentinel) | grep -q /bin/redis-server$",
    },
    "postgresql": {
        "bash": "command -v bash",
        "no wget": "! command -v wget && ! command -v curl",
        "perl in front of psql": "head -1 $(command -v psql) | grep -q perl",
        "the server's own are last": 'echo "$PATH" | grep -q ":/usr/lib/postgresql/18/bin$"',
        "gosu": "command -v gosu",
        "JIT": "ls /usr/lib/postgresql/18/lib/llvmjit.so",
        "vector": "ls /usr/share/postgresql/18/extension/vector.control",
        "user": "[ $(id -u postgres):$(id -g postgres) = 999:999 ]",
    },
    "caddy": {
        **ALPINE,
        "no bash": NO_BASH,
        "types of files": "ls /etc/mime.types",
        "a capability of the file's": "getcap /usr/bin/caddy | grep -q cap_net_bind_service",
    },
    "chatwoot": {
        **ALPINE,
        "no curl": NO_CURL,
        "ruby": "command -v ruby && command -v bundle",
        "pg_isready": "! head -1 $(command -v pg_isready) | grep -q perl",
        "everything is root's": "[ $(id -u) = 0 ] && [ -d /app/log ] && [ ! -e /app/storage ]",
    },
    "n8n": {
        **ALPINE,
        "no bash": NO_BASH,
        "user": "[ $(id -u):$(id -g) = 1000:1000 ]",
        "owner": "[ $(stat -c %u:%g /home/node/.n8n) = 1000:1000 ]",
        "tini": "command -v tini",
    },
    "evolution": {
        **ALPINE,
        "bash": "command -v bash",
        "no curl": NO_CURL,
        "npm": "command -v npm",
        "no folder of instances": "[ ! -e /evolution/instances ]",
    },
}


@pytest.mark.parametrize(
    ("image", "line"),
    [
        pytest.param(image, line, id=f"{image}: {name}")
        for image, lines in TOOLS.items()
        for name, line in lines.items()
    ],
)
def test_an_image_has_the_official_ones_tools_and_no_others(
    served: dict[str, str], image: str, line: str
) -> None:
    done = shell(served[image], line)
    assert done.status == 0, done.said


CONFIGURED = {
    "redis": ("", ["/data"], ["docker-entrypoint.sh"], ["redis-server"], ""),
    "postgresql": ("", ["/var/lib/postgresql"], ["docker-entrypoint.sh"], ["postgres"], "SIGINT"),
    "caddy": (
        "",
        [],
        None,
        ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"],
        "",
    ),
    "chatwoot": ("", [], None, ["irb"], ""),
    "n8n": ("node", [], ["tini", "--", "/docker-entrypoint.sh"], None, ""),
    "evolution": (
        "",
        [],
        ["/bin/bash", "-c", ". ./Docker/scripts/deploy_database.sh && npm run start:prod"],
        None,
        "",
    ),
}


@pytest.mark.parametrize("image", CONFIGURED)
def test_an_image_is_configured_as_the_official_one(served: dict[str, str], image: str) -> None:
    config = inspect("image", [served[image]])[0]["Config"]
    volumes = sorted(config.get("Volumes") or {})
    asked = (config.get("User") or "", volumes, config.get("Entrypoint"), config.get("Cmd"))
    assert (*asked, config.get("StopSignal") or "") == CONFIGURED[image]
