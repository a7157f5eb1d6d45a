"""What the official images do by themselves, as tables, and how an image is held to each row.

The points are those in which a stand-in was once kinder than its image, so that a stack started in
the lab and not on a server. Each check raises an AssertionError where the image does otherwise.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from tests.e2e.stand_ins import LABEL, Stage, docker, ending, shell
from tests.lab.docker import inspect

HARDENED = ("--cap-drop=ALL", "--security-opt=no-new-privileges")
PASSWORD = "--env=POSTGRES_PASSWORD=x"
SUPERUSERS_PASSWORD = "Database is uninitialized and superuser password is not specified."
NO_SWITCH = "error: failed switching to"  # and the user, in the quotes of gosu's version
UP = {
    "postgresql": r"(?s)init process complete.*ready to accept connections",
    "redis": "Ready to accept connections",
    "caddy": "serving initial configuration",
}


# --- As the compose file starts them --------------------------------------------------------------


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


def needs_its_capability(stage: Stage, case: Without) -> None:
    """Without it the service does not start, or not a second time."""
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


def ends_like(image: str, row: Row, seconds: float = 90) -> None:
    """Run it as the row says; it has so long to end, or to say that it is up."""
    past = (
        ("--entrypoint=sh",)
        if row.image == "caddy" or "docker-entrypoint" in str(row.command)
        else ()
    )
    command = row.command[1:] if past else row.command
    name = f"stand-in-{uuid.uuid4().hex[:8]}"
    options = (f"--name={name}", f"--label={LABEL}", *row.options, *past)
    docker("run", "--detach", *options, image, *command)
    try:
        end = ending(name, row.up, seconds)
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


def has_tool(image: str, line: str) -> None:
    """A line of the table above is true in the image's own shell."""
    done = shell(image, line)
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


def is_configured(image: str, name: str) -> None:
    """User, volumes, entry point, command and stop signal are the official image's."""
    config = inspect("image", [image])[0]["Config"]
    volumes = sorted(config.get("Volumes") or {})
    asked = (config.get("User") or "", volumes, config.get("Entrypoint"), config.get("Cmd"))
    assert (*asked, config.get("StopSignal") or "") == CONFIGURED[name]
