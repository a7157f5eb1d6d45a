"""No value of a secret is where people or programs can see it that have no need to.

Looked at: everything that a run prints, the process lists of laptop and host, the journal, every
file, all that Docker tells. A table of planted leaks shows that each search finds what is there.
"""

from __future__ import annotations

import os
import secrets as random
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import lab
from tests.e2e.leaks import (
    ENV,
    NAMES,
    OPERATORS_VARIABLE,
    WHATSAPP,
    Secrets,
    Watch,
    in_container_logs,
    in_docker,
    in_files,
    in_journal,
    in_processes,
    secrets_of,
    services_of,
    watching,
)
from tests.e2e.support import (
    BORGSTACK,
    REPOSITORY,
    WITHOUT_WHATSAPP,
    HostUnderTest,
    Run,
    copy_of_project,
)

KEEP = bool(os.environ.get("E2E_KEEP"))
SMTP = 'Le4ked p@ss"w\\%rd<&>/${x}'
"""What the operator supplies: with every character that some form of output writes otherwise."""
DATA: dict[str, object] = {
    "smtp_address": "smtp.example.com",
    "smtp_username": "chat",
    "smtp_password": f"env:{OPERATORS_VARIABLE}",
}
TALKATIVE = ("-vvv", "--diff", "--debug-all")
GENERATED = "|".join(name for name in NAMES if name != "SMTP_PASSWORD")


@dataclass
class Deployed:
    """A host with all kinds of secrets, what its deploy was seen to do, and what is looked for."""

    host: HostUnderTest
    run: Run
    seen: Watch
    secrets: Secrets
    services: dict[str, str] = field(default_factory=dict)

    def learn(self) -> None:
        """Look for the values of today too, and know the containers of today."""
        values = secrets_of(self.host)
        there = set(NAMES) - WHATSAPP - {"EDITORS_PASSWORD_HASH"}
        assert set(values) == there, f"{ENV} does not hold every secret"
        self.secrets.add(values)
        self.services |= services_of(self.host)

    def everywhere_on_the_host(self) -> list[str]:
        """What every search on the host finds."""
        searches = (in_files, in_journal, in_container_logs, in_docker)
        return [line for search in searches for line in search(self.host, self.secrets)]


def run(host: HostUnderTest, *words: str, smtp: str = SMTP, **options: object) -> Run:
    """Run deploy.py for an operator who wants to see it all; `-y` would make `--dry` blind."""
    go = () if "--dry" in words else ("-y",)
    environment = {OPERATORS_VARIABLE: smtp}
    return host.pyinfra(*go, *words, environment=environment, **options)  # type: ignore[arg-type]


def plan(host: HostUnderTest, *words: str, tree: Path = REPOSITORY, smtp: str = SMTP) -> str:
    """All that `borgstack plan` prints; something has to change."""
    data = [f"--data={name}={value}" for name, value in DATA.items()]
    done = subprocess.run(
        [str(BORGSTACK), "plan", "--limit", host.name, *data, *words],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), OPERATORS_VARIABLE: smtp},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def deployed() -> Iterator[Deployed]:
    """A first deploy to a bare host, with every flag that makes pyinfra talk, and watched."""
    host = HostUnderTest("e2eleak", dict(DATA))
    lab.up((host.name,), data=WITHOUT_WHATSAPP)
    if not KEEP:
        lab.reset(host.name)
    with watching() as seen:
        first = run(host, "--json", *TALKATIVE)
    assert first.code == 0, first.output
    found = Deployed(host, first, seen, Secrets())
    found.learn()
    yield found
    if not KEEP:
        lab.reset(host.name)


def test_a_first_deploy_shows_no_secret_anywhere(deployed: Deployed) -> None:
    host, secrets = deployed.host, deployed.secrets
    assert KEEP or all(one in deployed.run.output for one in (">>> sh -c", "Running command on"))
    assert secrets.search("the output", deployed.run.output) == []
    words = {process.words for process in deployed.seen.processes}
    assert any("borgstack-env_write" in one for one in words) or KEEP, "the watch is too slow"
    assert in_processes(secrets, deployed.seen, deployed.services) == []
    assert in_processes(secrets, deployed.seen, {}), "no reader was seen with its secrets"
    assert deployed.everywhere_on_the_host() == []
    again = run(host, *TALKATIVE)
    again.changed_only()
    assert secrets.search("the output of a run without changes", again.output) == []


def test_plans_and_runs_that_correct_drift_show_no_secret(deployed: Deployed) -> None:
    """Each secret stands in a file that is put right, then each is given a new value."""
    host, secrets = deployed.host, deployed.secrets
    host.ssh(f"sed 's/^/# /' {ENV} >>{REDIS}")
    output = [plan(host), plan(host, "--json"), run(host, "--dry", *TALKATIVE).output]
    assert all("*****" in one for one in output[:2]), "no diff was shown"
    output.append(run(host, *TALKATIVE).output)
    host.ssh(rf"sed -i -E 's/^({GENERATED})=.*/\1=/' {ENV}")
    new = {"smtp": f"{SMTP}, and a new one"}
    output += [plan(host, **new), plan(host, "--json", **new)]
    with watching() as seen:
        login = {"ssh_user": "deployer", "_sudo": True}
        rotation = run(host, *TALKATIVE, **new, **login)  # type: ignore[arg-type]
    assert rotation.code == 0, rotation.output
    deployed.learn()
    assert secrets.search("the output", "\n".join([*output, rotation.output])) == []
    assert in_processes(secrets, seen, deployed.services) == []
    assert deployed.everywhere_on_the_host() == []


CRASH = ("borgstack/remote/__init__.py", "    quoted = [", "    assert not stdin\n    quoted = [")
"""A defect in the way of every command that takes secrets: part of a file, and what replaces it."""


def crashed(deployed: Deployed, tree: Path) -> str:
    """What a run prints that dies of a defect, and the debug log that pyinfra then writes."""
    copy_of_project(tree)
    change(tree, *CRASH)
    done = run(deployed.host, *TALKATIVE, tree=tree, smtp=f"{SMTP}, a third one")
    assert "The full traceback has been written to" in done.output, done.output
    return done.output + (tree / "pyinfra-debug.log").read_text()


def change(tree: Path, path: str, old: str, new: str) -> None:
    """Replace a part of a file in a copy of the project."""
    text = (tree / path).read_text()
    assert text.count(old) == 1, f"{path} has not one {old!r}"
    (tree / path).write_text(text.replace(old, new))


def test_a_run_that_crashes_leaves_no_secret_in_its_debug_log(
    deployed: Deployed, tmp_path: Path
) -> None:
    looked_for = Secrets()
    looked_for.add({"SMTP_PASSWORD": f"{SMTP}, a third one"})
    assert looked_for.search("the debug log", crashed(deployed, tmp_path / "project")) == []


Search = Callable[[HostUnderTest, Secrets], list[str]]


@dataclass(frozen=True)
class Leak:
    """A way to leak a secret on the host.

    :ivar plant: a script; `$S` is the secret, which reaches it on stdin, and `@env` is `.env`.
    :ivar seen: where the search has to say that it found it.
    :ivar remove: a script that takes it away again.
    """

    name: str
    plant: str
    seen: str
    remove: str = ":"


RUN = "docker run -d --network none --name"
CADDY = "caddy:2.10-alpine"
LASTING: dict[str, tuple[Search, tuple[Leak, ...]]] = {
    "file": (
        in_files,
        (
            Leak(
                "readable file",
                'echo "$S" >/var/tmp/leak; chmod 644 /var/tmp/leak',
                "read, /var/tmp/leak",
            ),
            Leak("file of root's alone", 'umask 077; echo "a$S" >/root/leak', "/root/leak"),
            Leak("in /tmp", 'echo "$S" >/tmp/leak', "/tmp/leak"),
            Leak("in /run", 'mkdir -p /run/leak; echo "$S" >/run/leak/leak', "/run/leak/leak"),
            Leak("in /dev/shm", 'echo "$S" >/dev/shm/leak', "/dev/shm/leak"),
            Leak("root's history", 'echo "x $S" >>/root/.bash_history', "/root/.bash_history"),
            Leak("a user's history", 'echo "x $S" >/home/deployer/.zsh_history', ".zsh_history"),
            Leak("in base64", 'echo "login:$S" | base64 -w 0 >/var/tmp/leak64', "/leak64"),
            Leak(
                "in hexadecimal", 'printf %s "$S" | od -An -v -tx1 | tr -d " \n" >/etc/leak', "/etc"
            ),
            Leak(
                "in JSON in a binary file",
                'printf "\\001\\000{"a":"%s"}" "$S" >/opt/leak',
                "/opt/l",
            ),
            Leak("in a spare .env", 'cp -p @env @env.bak; echo "X=$S" >>@env.bak', f"{ENV}.bak"),
            Leak(
                "the mode of .env",
                'echo "# $S" >>@env; chmod 644 @env; chmod 755 /opt/borgstack',
                f"a file that others can read, {ENV}",
                "sed -i '$d' @env; chmod 600 @env; chmod 750 /opt/borgstack",
            ),
            Leak(
                "in a container's layer",
                'echo "$S" | docker exec -i borgstack_caddy sh -c "cat >/tmp/leak"',
                "/var/lib/docker/overlay2/",
                "docker exec borgstack_caddy rm /tmp/leak",
            ),
            Leak(
                "in a volume",
                'echo "$S" | docker exec -i borgstack_caddy sh -c "cat >/data/leak"',
                "/var/lib/docker/volumes/borgstack_caddy_data/",
                "docker exec borgstack_caddy rm /data/leak",
            ),
        ),
    ),
    "docker": (
        in_docker,
        (
            Leak(
                "environment of a stranger",
                f'echo "X=a${{S}}b" | {RUN} planted-1 --env-file /dev/stdin {CADDY} sleep 60',
                "X of docker inspect /planted-1",
            ),
            Leak(
                "label of a container",
                f'echo "x=$S" | {RUN} planted-2 --label-file /dev/stdin {CADDY} sleep 60',
                "docker inspect /planted-2",
            ),
            Leak("argument", f'{RUN} planted-3 {CADDY} echo "$S"', "docker inspect /planted-3"),
            Leak(
                "label of a volume",
                'docker volume create --label "x=$S" planted',
                "docker inspect planted",
                "docker volume rm planted",
            ),
            Leak(
                "label of a network",
                'docker network create --subnet 10.202.0.0/24 --label "x=$S" planted',
                "docker inspect planted",
                "docker network rm planted",
            ),
            Leak(
                "an image",
                f'{RUN} planted-4 {CADDY} true; docker commit -c "ENV X=$S" planted-4 planted:1',
                "X of docker inspect ['planted:1']",
                "docker rm -f planted-4; docker image rm planted:1",
            ),
        ),
    ),
    "container log": (
        in_container_logs,
        (
            Leak(
                "printed by one that runs",
                f'echo "$S" | docker run -i --name planted-5 {CADDY} cat',
                "the containers' logs",
            ),
        ),
    ),
    "journal": (
        in_journal,
        (
            Leak("message", 'echo "x $S" | logger -t planted', "the journal"),
            Leak("command line", 'systemd-run -q --wait sh -c : "$S"', "the journal"),
            Leak("in base64", 'printf "a:%s" "$S" | base64 -w 0 | logger', "the journal"),
        ),
    ),
}
CLEAN = (
    "docker rm -f planted-1 planted-2 planted-3 planted-5; rm -rf /run/leak; rm -f /etc/leak "
    "/var/tmp/leak /var/tmp/leak64 /root/leak /tmp/leak /dev/shm/leak /opt/leak @env.bak "
    "/home/deployer/.zsh_history; sed -i '$d' /root/.bash_history"
)


def on_host(host: HostUnderTest, script: str, secret: str = "") -> None:
    """Run a script with a secret that no process list and no history shows."""
    text = f"S={secret}\n{{ {script.replace('@env', ENV)}\n}} >/dev/null 2>&1"
    lab.ssh(host.name, "sh -s", input=text, check=False)


def decoy(deployed: Deployed) -> tuple[str, Secrets]:
    """A value that stands for the token, and a search for it beside all real ones."""
    value = f"Decoy{random.token_hex(12)}"
    looked_for = Secrets(dict(deployed.secrets.needles))
    looked_for.add({"CHATWOOT_API_TOKEN": value})
    return value, looked_for


@pytest.mark.parametrize(
    "place", [pytest.param(one, marks=pytest.mark.family("planted")) for one in LASTING]
)
def test_each_leak_that_was_planted_is_found(deployed: Deployed, place: str) -> None:
    search, leaks = LASTING[place]
    value, looked_for = decoy(deployed)
    for leak in leaks:
        on_host(deployed.host, leak.plant, value)
    found = search(deployed.host, looked_for)
    on_host(deployed.host, "; ".join([*(leak.remove for leak in leaks), CLEAN]))
    missed = [
        leak.name
        for leak in leaks
        if not any("CHATWOOT_API_TOKEN in " in line and leak.seen in line for line in found)
    ]
    assert missed == [], found
    assert [one for one in search(deployed.host, deployed.secrets) if place != "journal"] == []


WORKER = "docker exec -i chatwoot-worker"
PASSING = (
    Leak("argument", 'sh -c "sleep 0.5; :" "$S"', "the arguments of `sh -c"),
    Leak("argument for some milliseconds", "for i in $(seq 2000); do /bin/true $S; done", "argum"),
    Leak("environment", 'X="a$S" sleep 0.5', "the environment of `sleep 0.5…`, X"),
    Leak("in base64", 'X=$(echo ":$S" | base64 -w 0) sleep 0.5', "environment of `sleep 0.5…`, X"),
    Leak("in a URL", 'URL="redis://:$S@redis" sleep 0.5', "environment of `sleep 0.5…`, URL"),
    Leak(
        "argument in a container that may hold others",
        f"""echo "$S" | {WORKER} sh -c 'read s; sh -c "sleep 0.5; :" "$s"'""",
        "the arguments of `sh -c",
    ),
    Leak(
        "environment of a service that may hold others",
        f"""echo "$S" | {WORKER} sh -c 'read s; X=$s sleep 0.5'""",
        "the environment of `sleep 0.5…`, X",
    ),
)


@pytest.mark.parametrize(
    ("leak", "place"),
    [
        pytest.param(
            leak, place, marks=pytest.mark.family("process"), id=f"process: {leak.name}, {place}"
        )
        for leak in PASSING
        for place in ("host", "laptop")
        if place == "host" or WORKER not in leak.plant  # the laptop has no containers
    ],
)
def test_a_planted_process_is_found(deployed: Deployed, leak: Leak, place: str) -> None:
    value, looked_for = decoy(deployed)
    with watching() as seen:
        if place == "host":
            on_host(deployed.host, leak.plant, value)
        else:
            subprocess.run(["sh", "-s"], input=f"S={value}\n{leak.plant}", text=True, check=True)
    found = in_processes(looked_for, seen, services_of(deployed.host))
    assert found, f"not found, {seen.rounds_per_second:.0f} rounds a second"
    assert all("CHATWOOT_API_TOKEN in " in line for line in found), found
    assert any(leak.seen in line for line in found), found


@dataclass(frozen=True)
class Defect:
    """A defect of the project that leaks: in which file what is replaced by what, and who sees."""

    name: str
    path: str
    old: str
    new: str
    see: Callable[[Deployed, Path], str]


def planned(*words: str) -> Callable[[Deployed, Path], str]:
    """Sees what `borgstack plan` prints."""
    return lambda deployed, tree: plan(deployed.host, *words, tree=tree)


def dry(deployed: Deployed, tree: Path) -> str:
    """What pyinfra's own plan prints for one who wants to see everything."""
    return run(deployed.host, "--dry", *TALKATIVE, tree=tree).output


def debug_log(deployed: Deployed, tree: Path) -> str:
    """The file that pyinfra writes when it crashes."""
    assert run(deployed.host, tree=tree).code != 0
    return (tree / "pyinfra-debug.log").read_text()


REDIS = "/opt/borgstack/config/redis/redis.conf"
UNMASKED = ("borgstack/remote/mask.awk", "print masked($0)", "print $0")
PAYLOAD = "        yield locked_command("
ENV_OPERATION = "borgstack/operations/env.py"
SPOKEN = "entries.payload(settings, changes)"
DEFECTS = (
    Defect("unmasked diff in a plan", *UNMASKED, planned()),
    Defect("unmasked diff in a plan's JSON", *UNMASKED, planned("--json")),
    Defect(
        "debug line",
        ENV_OPERATION,
        PAYLOAD,
        f"        import logging; logging.getLogger('x').debug({SPOKEN})\n{PAYLOAD}",
        dry,
    ),
    Defect(
        "reason",
        ENV_OPERATION,
        "log_changes(one.change for one in changes)",
        f"log_changes([{SPOKEN}])",
        planned(),
    ),
    Defect(
        "exception that quotes it",
        ENV_OPERATION,
        PAYLOAD,
        f"        raise RuntimeError({SPOKEN})\n{PAYLOAD}",
        debug_log,
    ),
)


@pytest.mark.parametrize(
    "defect",
    [
        pytest.param(defect, marks=pytest.mark.family("output"), id=f"output: {defect.name}")
        for defect in DEFECTS
    ],
)
def test_a_defect_that_prints_a_secret_is_found(
    deployed: Deployed, tmp_path: Path, defect: Defect
) -> None:
    """The mail server's password has changed, and a file holds the others: both are printed."""
    host, keep = deployed.host, f"/root/{Path(ENV).name} /root/redis.conf"
    tree = copy_of_project(tmp_path / "project")
    change(tree, defect.path, defect.old, defect.new)
    host.ssh(f"cp -p {ENV} {REDIS} /root; sed 's/^/# /' {ENV} >>{REDIS}")
    host.ssh(f"sed -i \"s/^SMTP_PASSWORD=.*/SMTP_PASSWORD='what was there before'/\" {ENV}")
    try:
        printed = defect.see(deployed, tree)
    finally:
        host.ssh(f"cp -p /root/.env {ENV}; cp -p /root/redis.conf {REDIS}; rm {keep}")
    assert deployed.secrets.search("the output", printed)
