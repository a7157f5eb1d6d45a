"""Where secrets are looked for, in which forms, and who may hold one.

A search returns one line for each secret that it finds where none may be. The line says where and
which, and never quotes the value.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import subprocess
import sys
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from borgstack.entries import ENTRIES, Kind, readers
from tests import lab
from tests.e2e.support import HostUnderTest

ENV = "/opt/borgstack/.env"
NAMES = tuple(entry.name for entry in ENTRIES if entry.kind is not Kind.PLAIN)
WHATSAPP = frozenset(name for name in NAMES if name.startswith(("N8N_", "EVOLUTION_", "WHATSAPP_")))
"""Those that a host without WhatsApp does not have; EDITORS_PASSWORD_HASH is no secret's value."""
OPERATORS_VARIABLE = "LEAK_TEST_SMTP_PASSWORD"
"""The variable of the run's own environment in which the operator hands over SMTP_PASSWORD."""


def secrets_of(host: HostUnderTest) -> dict[str, str]:
    """The value of every secret that `.env` holds now, by name."""
    lines = (line.partition("=") for line in host.ssh(f"cat {ENV}").splitlines())
    return {name: value.strip("'") for name, _, value in lines if name in NAMES}


def base64_forms(value: bytes) -> Iterator[str]:
    """What of a value shows in base64, wherever it begins within the text that was encoded."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + value).decode()
        whole = encoded[(before * 8 + 5) // 6 : (before + len(value)) * 8 // 6]
        yield whole
        yield whole.translate(str.maketrans("+/", "-_"))


def forms(value: str) -> set[str]:
    """A value as it is, and as JSON, Go, Python, a shell, a URL, HTML and encodings write it."""
    in_json = json.dumps(value)[1:-1]
    go = in_json
    for sign in "&<>":
        go = go.replace(sign, f"\\u{ord(sign):04x}")
    return {
        value,
        in_json,
        json.dumps(value, ensure_ascii=False)[1:-1],
        go,
        repr(value)[1:-1],
        shlex.quote(value).strip("'"),
        urllib.parse.quote(value),
        urllib.parse.quote(value, safe=""),
        urllib.parse.quote_plus(value),
        html.escape(value),
        value.encode().hex(),
        value.encode().hex().upper(),
        *base64_forms(value.encode()),
    }


@dataclass
class Secrets:
    """Every value that was ever read from `.env`, in each of its forms, and whose it is."""

    needles: dict[str, str] = field(default_factory=dict, repr=False)

    def add(self, values: Mapping[str, str]) -> None:
        """Look for these values too."""
        for name, value in values.items():
            assert len(value) >= 20, f"{name} is too short to be looked for"
            self.needles |= dict.fromkeys(forms(value), name)

    def within(self, text: str) -> set[str]:
        """The names of the secrets that a text holds, also where base64 is broken into lines."""
        return {
            name
            for needle, name in self.needles.items()
            if needle in text or needle in text.replace("\n", "")
        }

    def search(self, where: str, text: str) -> list[str]:
        """One line for each secret in a text that may hold none."""
        return [f"{name} in {where}" for name in sorted(self.within(text))]


@dataclass(frozen=True)
class Process:
    """What a process list shows of one process; `containers` are ids, the lab host's own too."""

    containers: frozenset[str]
    words: str
    environment: tuple[str, ...]

    def __str__(self) -> str:
        return f"`{self.words.strip(chr(0)).replace(chr(0), ' ')[:30]}…`"


@dataclass
class Watch:
    """What `process_watch.py` saw."""

    processes: list[Process] = field(default_factory=list, repr=False)
    rounds_per_second: float = 0.0


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch this machine's processes meanwhile; the result is filled in at the end."""
    seen = Watch()
    command = [sys.executable, str(Path(__file__).with_name("process_watch.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "ready\n"
        yield seen
        said = json.loads(program.communicate()[0])
    seen.rounds_per_second = said["rounds"] / said["seconds"]
    for containers, words, environment in said["processes"]:
        entries = tuple(_utf8(environment).split("\0"))
        seen.processes.append(Process(frozenset(containers.split()), _utf8(words), entries))


def _utf8(latin1: str) -> str:
    return latin1.encode("latin-1").decode(errors="replace")


def in_processes(secrets: Secrets, seen: Watch, services: Mapping[str, str]) -> list[str]:
    """Secrets in command lines, and in environments of processes that may not hold them.

    A process may hold in its environment, never in its arguments:

    | process | secrets | because |
    |---|---|---|
    | of a service's container | those whose `readers` name the service | it reads them there |
    | the laptop's run | SMTP_PASSWORD, in the operator's variable | the operator put it there |

    :param services: Compose's service by container id.
    """
    found = []
    for process in seen.processes:
        found += secrets.search(f"the arguments of {process}", process.words)
        may = {name for one in process.containers for name in held_by(services.get(one, ""))}
        for entry in process.environment:
            if entry.startswith(f"{OPERATORS_VARIABLE}="):
                continue
            where = f"the environment of {process}, {entry.partition('=')[0]}"
            found += [f"{name} in {where}" for name in sorted(secrets.within(entry) - may)]
    return sorted(set(found))


def held_by(service: str) -> frozenset[str]:
    """The secrets that a service's environment may hold."""
    return frozenset(name for name in NAMES if service in readers(name))


def inspected(host: HostUnderTest) -> list[Any]:
    """What `docker inspect` says of every container, image, volume and network."""
    everything = "docker ps -aq; docker image ls -q; docker volume ls -q; docker network ls -q"
    return list(json.loads(host.ssh(f"docker inspect $({everything})")))


def services_of(host: HostUnderTest) -> dict[str, str]:
    """Compose's service by container id."""
    shown = host.ssh(
        "docker ps -a --no-trunc --filter label=com.docker.compose.project=borgstack "
        """--format '{{.ID}} {{.Label "com.docker.compose.service"}}'"""
    )
    return dict(line.split() for line in shown.splitlines())


def in_docker(host: HostUnderTest, secrets: Secrets) -> list[str]:
    """Secrets in anything that Docker tells, but for the environment of those who read them."""
    found = []
    services = services_of(host)
    for thing in inspected(host):
        name = thing.get("Name") or thing["RepoTags"]
        variables = (thing.get("Config") or {}).pop("Env", None) or []
        found += secrets.search(f"docker inspect {name}", json.dumps(thing))
        may = held_by(services.get(thing["Id"], "")) if "Id" in thing else frozenset()
        for entry in variables:
            where = f"{entry.partition('=')[0]} of docker inspect {name}"
            found += [f"{one} in {where}" for one in sorted(secrets.within(entry) - may)]
    return found


def in_container_logs(host: HostUnderTest, secrets: Secrets) -> list[str]:
    """Secrets in the logs of the containers, those included that have ended."""
    logs = host.ssh("for one in $(docker ps -aq); do docker logs $one 2>&1; done")
    assert "prepare: done" in logs
    return secrets.search("the containers' logs", logs)


def in_journal(host: HostUnderTest, secrets: Secrets) -> list[str]:
    """Secrets in the journal: messages, and the command lines that it notes with each."""
    journal = host.ssh("journalctl --all --output=export --no-pager")
    assert "_CMDLINE=" in journal
    return secrets.search("the journal", journal)


@dataclass(frozen=True)
class Holder:
    """A kind of file that may hold secrets as long as nobody but root can reach it.

    :ivar path: a pattern; a group `container` in it is the id of the container that reads them.
    :ivar names: which ones; those of the container's service are added.
    """

    path: str
    names: tuple[str, ...]
    why: str


HOLDERS = (
    Holder(ENV, NAMES, "the one home of all secrets"),
    Holder(
        "/var/lib/docker/containers/(?P<container>[^/]+)/config.v2.json",
        (),
        "Docker's description of the container, its environment included",
    ),
    Holder(
        "/run/(docker/)?containerd/(daemon/)?io.containerd.runtime.v2.task/moby/(?P<container>[^/]+)"
        "/config.json",
        (),
        "the same for the container's runtime",
    ),
    Holder(
        "/var/lib/(docker/)?containerd/(daemon/)?io.containerd.metadata.v1.bolt/meta.db",
        tuple(name for name in NAMES if readers(name)),
        "containerd's database of the same, also of containers that are gone",
    ),
    Holder(
        "/var/lib/docker/volumes/borgstack_postgresql_data/.*",
        ("CHATWOOT_API_TOKEN", "WHATSAPP_BRIDGE_SECRET"),
        "the token is a row of Chatwoot's database, the others are rows of Evolution's and n8n's",
    ),
    Holder(
        "/var/lib/docker/volumes/borgstack_n8n_data/_data/config",
        ("N8N_ENCRYPTION_KEY",),
        "n8n's own copy of its key",
    ),
)

# A running container's root is searched as its layers; all else that is mounted is searched too.
SEARCH = r"""
umask 077
trap 'rm -f /root/.looked-for' EXIT
cat >/root/.looked-for
find / \( -path /proc -o -path /sys -o -path '/var/lib/docker/overlay2/*/merged' \) -prune -o \
  -type f ! -path /root/.looked-for -size -200M -print0 2>/dev/null |
  LC_ALL=C xargs -0 grep -aoHZFf /root/.looked-for 2>/dev/null | sort -u
"""


def in_files(host: HostUnderTest, secrets: Secrets) -> list[str]:
    """Secrets in any file of the host that is no `Holder`, or that others than root can reach."""
    patterns = "".join(f"{needle}\n" for needle in secrets.needles)
    held: dict[str, set[str]] = {}
    for line in lab.ssh(host.name, SEARCH, input=patterns).stdout.splitlines():
        path, _, needle = line.partition("\0")
        held.setdefault(path, set()).update({secrets.needles[needle]})
    assert ENV in held, "the search did not find what .env holds"
    services = services_of(host)
    reachable = reachable_by_others(host, held)
    found = []
    for path, names in sorted(held.items()):
        wrong = names if path in reachable else names - _may_hold(path, services)
        seen = "a file that others can read, " if path in reachable else ""
        found += [f"{name} in {seen}{path}" for name in sorted(wrong)]
    return found


def _may_hold(path: str, services: Mapping[str, str]) -> set[str]:
    for holder in HOLDERS:
        match = re.fullmatch(holder.path, path)
        if match:
            service = services.get(match.groupdict().get("container") or "", "")
            return {*holder.names, *held_by(service)}
    return set()


def reachable_by_others(host: HostUnderTest, paths: Iterable[str]) -> set[str]:
    """Of these files, those that somebody who is not root can read, by every folder above them."""
    chains = {path: [path, *map(str, Path(path).parents)] for path in paths}
    wanted = sorted({one for chain in chains.values() for one in chain})
    command = "xargs -0 stat -c '%a %g %n'"
    shown = lab.ssh(host.name, command, input="\0".join(wanted)).stdout
    opened = {}
    for line in shown.splitlines():
        mode, group, path = line.split(" ", 2)
        bits = int(mode, 8) & (0o007 if group == "0" else 0o077)
        need = 0o044 if path in chains else 0o011
        opened[path] = bool(bits & need)
    return {path for path, chain in chains.items() if all(opened[one] for one in chain)}
