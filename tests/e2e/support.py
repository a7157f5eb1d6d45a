"""A lab host as the tests see it: deployed to by the real command, looked at from outside."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from borgstack.change import Change
from tests import lab
from tests.unit.changes import keys

REPOSITORY = Path(__file__).parents[2]
PYINFRA = REPOSITORY / ".venv/bin/pyinfra"
BORGSTACK = REPOSITORY / ".venv/bin/borgstack"
PROJECT_PARTS = (
    "deploy.py",
    "inventory.py",
    "group_data",
    "tasks",
    "borgstack",
    "templates",
    "files",
    "tests/deployment",
)


WITHOUT_WHATSAPP = {"whatsapp": False}
"""For the hosts of the tests that are not about it: a first deploy takes half a minute less."""


@dataclass(frozen=True)
class Run:
    """One run of pyinfra: its exit code, all it printed, and the operations that changed things."""

    code: int
    output: str
    changed: tuple[str, ...]
    operations: int

    def changed_only(self, *operations: str) -> None:
        """Assert that exactly these operations changed something."""
        assert self.changed == operations, f"changed {self.changed}:\n{self.output}"

    def failed_with(self, *fragments: str) -> None:
        """Assert that the run failed and that its message holds every fragment."""
        assert self.code != 0, f"the run was expected to fail:\n{self.output}"
        for fragment in fragments:
            assert fragment in self.output, f"{fragment!r} is not in:\n{self.output}"


@dataclass(frozen=True)
class Plan:
    """What `borgstack plan --json` said: exit code, steps, what it cannot know, and all of it.

    :ivar differences: each as `subject: attribute code`.
    """

    code: int
    steps: tuple[str, ...]
    differences: tuple[str, ...]
    unknown: tuple[str, ...]
    output: str

    def lists_only(self, *steps: str) -> None:
        """Assert that exactly these steps would change something, by the exit code too."""
        assert (self.steps, self.code) == (steps, 2 if steps else 0), self.output


@dataclass(frozen=True)
class Verified:
    """What `borgstack verify --json` said of this host: exit code, result by check, all of it."""

    code: int
    checks: Mapping[str, Mapping[str, str]]
    errors: tuple[str, ...]
    seconds: float
    output: str

    def named(self, result: str) -> set[str]:
        """The checks that ended like this."""
        return {name for name, check in self.checks.items() if check["result"] == result}


@dataclass
class HostUnderTest:
    """A lab host by name, and the data that every deploy to it gets."""

    name: str
    data: dict[str, object] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        return f"{self.name}.test"

    @property
    def chatwoot(self) -> str:
        return f"chatwoot.{self.domain}"

    @property
    def address(self) -> str:
        return lab.address(self.name)

    def ssh(self, command: str, *, check: bool = True, user: str = "root") -> str:
        """Run a command on the host; its output."""
        return lab.ssh(self.name, command, check=check, user=user).stdout

    def pyinfra(
        self,
        *arguments: str,
        tree: Path = REPOSITORY,
        deploy: str = "deploy.py",
        environment: Mapping[str, str] | None = None,
        **data: object,
    ) -> Run:
        """Run pyinfra for this host from the project in `tree`, with more host data."""
        words = data_arguments({**self.data, **data})
        command = [str(PYINFRA), "inventory.py", deploy, "--limit", self.name, *words, *arguments]
        done = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), **(environment or {})},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=900,
            check=False,
        )
        changed, operations = _changed(done.stdout, self.name)
        return Run(done.returncode, done.stdout + done.stderr, changed, operations)

    def deploy(self, **options: Any) -> Run:  # noqa: ANN401 - host data
        """Converge; the run must succeed."""
        run = self.try_deploy(**options)
        assert run.code == 0, f"the deploy failed:\n{run.output}"
        assert run.operations > 0, f"no operation ran:\n{run.output}"
        return run

    def try_deploy(self, **options: Any) -> Run:  # noqa: ANN401 - host data
        """Converge, and tell how it went."""
        return self.pyinfra("-y", "--json", **options)

    def plan(self, *, tree: Path = REPOSITORY, **data: object) -> Plan:
        """What `borgstack plan` says of this host."""
        done = self.borgstack("plan", "--json", tree=tree, **data)
        said = json.loads(done.stdout)
        (host,) = said["hosts"]
        steps = tuple(change["step"] for change in host["changes"])
        found = [Change(**one) for change in host["changes"] for one in change["differences"]]
        output = done.stdout + done.stderr
        return Plan(done.returncode, steps, tuple(keys(found)), tuple(host["unknown"]), output)

    def verify(self, *, tree: Path = REPOSITORY, **data: object) -> Verified:
        """What `borgstack verify` says of this host."""
        done = self.borgstack("verify", "--json", tree=tree, **data)
        said = json.loads(done.stdout)
        (host,) = said["hosts"]
        checks = {check["name"]: check for check in host["checks"]}
        output = done.stdout + done.stderr
        return Verified(done.returncode, checks, tuple(host["errors"]), host["seconds"], output)

    def borgstack(
        self, *words: str, tree: Path = REPOSITORY, **data: object
    ) -> subprocess.CompletedProcess[str]:
        """Run one of borgstack's own commands for this host, with more host data."""
        options = data_arguments({**self.data, **data})
        return subprocess.run(
            [str(BORGSTACK), *words, "--limit", self.name, *options],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )

    def containers(self) -> dict[str, tuple[str, str]]:
        """Id and start time by container name."""
        lines = self.ssh(
            "docker ps -aq | xargs -r docker inspect -f '{{.Name}} {{.Id}} {{.State.StartedAt}}'"
        )
        return {
            name.lstrip("/"): (identity, started)
            for name, identity, started in (line.split() for line in lines.splitlines())
        }

    def files(self) -> dict[str, str]:
        """Time, mode, owner and digest of everything that the project keeps on the host."""
        listing = self.ssh(
            "find /opt/borgstack /etc/docker /etc/apt/sources.list.d /etc/apt/keyrings -type f "
            "-printf '%T@ %m %U:%G %p ' -exec sha256sum {} \\; 2>/dev/null"
        )
        return {line.split()[-1]: line for line in listing.splitlines()}

    def snapshot(self) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
        """Containers and files, to be compared with a later look."""
        return self.containers(), self.files()

    def inspect(self, container: str) -> Any:  # noqa: ANN401 - Docker's JSON
        """What `docker inspect` says."""
        return json.loads(self.ssh(f"docker inspect {container}"))[0]

    def sql(self, statement: str, database: str = "chatwoot_db") -> str:
        """Run SQL as the superuser, inside the container."""
        psql = f"psql -qAtX -v ON_ERROR_STOP=1 -U postgres -d {database}"
        done = lab.ssh(self.name, f"docker exec -i borgstack_postgresql {psql}", input=statement)
        return done.stdout.strip()

    def request(
        self,
        path: str,
        *,
        method: str = "GET",
        tls: bool = True,
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
    ) -> tuple[int, dict[str, str], str]:
        """Ask Chatwoot's public name, certificate verified: status, headers, body."""
        raw = socket.create_connection((self.address, 443 if tls else 80), timeout=20)
        connection = http.client.HTTPConnection(self.chatwoot, timeout=20)
        if tls:
            context = ssl.create_default_context(cafile=str(lab.ca_root_path()))
            connection.sock = context.wrap_socket(raw, server_hostname=self.chatwoot)
        else:
            connection.sock = raw
        connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, text


def data_arguments(data: Mapping[str, object]) -> list[str]:
    """Host data as pyinfra and borgstack take it on the command line."""
    words = {key: one if isinstance(one, str) else json.dumps(one) for key, one in data.items()}
    return [f"--data={key}={word}" for key, word in words.items()]


def _changed(stdout: str, host: str) -> tuple[tuple[str, ...], int]:
    try:
        results = json.loads(stdout)["results"]
    except (ValueError, KeyError):
        return (), 0
    operations = results["operations"] if results else []
    changed = tuple(one["name"] for one in operations if host in one["success"])
    return changed, len(operations)


def copy_of_project(folder: Path) -> Path:
    """A copy of what a run needs, for tests that change templates."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PROJECT_PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    (folder / ".lab").symlink_to(REPOSITORY / ".lab")
    return folder


def until(what: str, condition: Callable[[], Any], seconds: float = 20, every: float = 0.2) -> Any:  # noqa: ANN401 - whatever the condition gives
    """Wait until the condition gives something, and return that."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(every)
