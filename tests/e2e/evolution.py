"""Evolution API as an integration meets it: a client, and what the lab has under that name, the
real program or the double, with data stores of its own.

The containers run on this machine's engine in a network of their own; no lab host is needed. Or
the environment names an Evolution API that runs elsewhere:

| variable | what |
|---|---|
| EVOLUTION_URL | its address, https://… |
| EVOLUTION_API_KEY | its global key |
| CHATWOOT_CALLBACK_HOST | this machine, as Evolution reaches it, if that is not plain |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.e2e.contract import Json, unique, until
from tests.lab import engine, images
from tests.lab.config import LABEL, NUMBER, PREFIX
from tests.lab.docker import docker
from tests.lab.shell import lock, run

NETWORK = f"{PREFIX}-evolution"
_NETWORK = f"10.{98 + NUMBER}.0"  # behind the networks of the ten labs that a machine may have
SUBNET, ADDRESS, SECOND_ADDRESS = f"{_NETWORK}.0/24", f"{_NETWORK}.10", f"{_NETWORK}.11"
API, DATABASE, KEYS = (f"{NETWORK}-{part}" for part in ("api", "database", "keys"))
PASSWORD = "lab-only"
GLOBAL_KEY = "lab-global-key"
URI = f"postgresql://postgres:{PASSWORD}@{DATABASE}:5432/evolution"
ENVIRONMENT = {
    "SERVER_URL": "http://evolution.test",
    "AUTHENTICATION_API_KEY": GLOBAL_KEY,
    "AUTHENTICATION_EXPOSE_IN_FETCH_INSTANCES": "false",
    "DATABASE_PROVIDER": "postgresql",
    "DATABASE_CONNECTION_URI": f"{URI}?schema=public",
    "CACHE_REDIS_URI": f"redis://{KEYS}:6379/6",
    "CONFIG_SESSION_PHONE_VERSION": "2.3000.1029000000",
    "DOUBLE_LOAD_SECONDS": "1.5",
    "DOUBLE_CREATE_SECONDS": "0.1",
    "DOUBLE_CONNECT_SECONDS": "0.1",
    "DOUBLE_RETRY_TRIES": "3",
    "DOUBLE_RETRY_SECONDS": "0.3",
}


@dataclass
class Evolution:
    """One caller of an Evolution API; the instances it creates are removed by `clean_up`."""

    url: str
    key: str
    image: str = ""
    """What it runs from; empty for one that runs elsewhere."""
    session: requests.Session = field(default_factory=requests.Session)
    made: list[str] = field(default_factory=list)

    @property
    def is_double(self) -> bool:
        return self.image == images.own("evolution")

    def call(
        self, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> requests.Response:
        """Ask for a path; an empty key sends no header at all."""
        key = self.key if key is None else key
        headers = {"apikey": key} if key else {}
        return self.session.request(
            method, f"{self.url}/{path}", json=body, headers=headers, timeout=30
        )

    def form(self, path: str, fields: Mapping[str, str], file: bytes) -> requests.Response:
        """Post a form with a file."""
        files = {"file": ("file", file, "application/octet-stream")}
        given = {"data": fields, "files": files, "headers": {"apikey": self.key}}
        return self.session.post(f"{self.url}/{path}", timeout=30, **given)

    def ask(self, method: str, path: str, body: object = None) -> Json:
        """Return what a call answers that has to succeed."""
        answer = self.call(method, path, body)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def create(self, **more: Any) -> Json:  # noqa: ANN401
        """Create an instance that `clean_up` removes."""
        body = {"instanceName": unique(), "integration": "WHATSAPP-BAILEYS", **more}
        answer = self.call("POST", "instance/create", body)
        assert answer.status_code == 201, answer.text
        self.made.append(body["instanceName"])
        return answer.json()

    def state(self, name: str) -> str:
        """Its connection; empty while it is being loaded."""
        answer = self.call("GET", f"instance/connectionState/{name}")
        return answer.json()["instance"].get("state", "") if answer.ok else str(answer.status_code)

    def double(self, path: str, body: object = None, method: str = "POST") -> Json:
        """Use one of the double's own routes; against a real Evolution the test ends here."""
        self.needs_double()
        return self.ask(method, f"double/{path}", body)

    def needs_double(self) -> None:
        """Let a test end here whose phone, customer or inside only the double has."""
        if not self.is_double:
            pytest.skip("no phone and no customer can be had of the real program")

    def paired(self, **more: Any) -> str:  # noqa: ANN401
        """Create an instance and let a phone scan its code; its name."""
        name = str(self.create(qrcode=True, **more)["instance"]["instanceName"])
        self.double(f"scan/{name}", {"number": "5511999990000"})
        return name

    def clean_up(self) -> None:
        """Remove all instances that were created."""
        while self.made:
            name = self.made.pop()
            self.call("DELETE", f"instance/logout/{name}")
            self.call("DELETE", f"instance/delete/{name}")


def of_environment() -> Evolution:
    """The Evolution API that EVOLUTION_URL names."""
    return Evolution(os.environ["EVOLUTION_URL"].rstrip("/"), os.environ["EVOLUTION_API_KEY"])


def start_own() -> Evolution:
    """Run it with its data stores, all new."""
    with lock():
        engine.ensure()
        local = {name: images.ensure_one(name) for name in ("postgresql", "redis", "evolution")}
    stop_own()
    docker("network", "create", f"--label={LABEL}=network", f"--subnet={SUBNET}", NETWORK)
    database = {"POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "evolution"}
    start(DATABASE, local["postgresql"], database, "--tmpfs=/var/lib/postgresql")
    open_to_all = ("redis-server", "--protected-mode", "no")
    start(KEYS, local["redis"], {}, "--tmpfs=/data", command=open_to_all)
    ready = ["docker", "exec", DATABASE, "pg_isready", "-h", DATABASE, "-d", "evolution"]
    until(lambda: run(ready, check=False).returncode == 0, "PostgreSQL answers")
    start(API, local["evolution"], ENVIRONMENT, f"--ip={ADDRESS}")
    evolution = Evolution(f"http://{ADDRESS}:8080", GLOBAL_KEY, local["evolution"])
    until(lambda: is_loaded(evolution), "Evolution is up", 90)  # the real one beside other work
    return evolution


def new_database(name: str) -> str:
    """Make a database of its own in the data store; its address."""
    docker("exec", DATABASE, "createdb", "--username=postgres", name)
    return f"{URI.rpartition('/')[0]}/{name}"


def start(
    name: str,
    image: str,
    environment: Mapping[str, str],
    *options: str,
    command: tuple[str, ...] = (),
) -> None:
    """Start a container in the network."""
    words = [f"--env={key}={value}" for key, value in environment.items()]
    names = [f"--name={name}", f"--label={LABEL}=service", f"--network={NETWORK}"]
    docker("run", "--detach", *names, *words, *options, image, *command)


def once(image: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run it with this environment until it ends; its exit code and all it said."""
    words = [f"--env={key}={value}" for key, value in environment.items()]
    command = ["docker", "run", "--rm", f"--network={NETWORK}", *words, image]
    done = run(command, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def restart(evolution: Evolution) -> None:
    """Restart it and wait until its instances are back."""
    docker("restart", "--time=5", API)
    until(lambda: is_loaded(evolution), "Evolution is up", 90)  # the real one beside other work


def answers(evolution: Evolution) -> bool:
    try:
        return evolution.call("GET", "").ok
    except requests.ConnectionError:
        return False


def is_loaded(evolution: Evolution) -> bool:
    """Whether it answers and has its instances back; one made before that may be replaced."""
    if not answers(evolution):
        return False
    path = "double/loaded" if evolution.is_double else ""
    return evolution.call("GET", path).json().get("loaded", True) is True


def stop_own() -> None:
    """Remove the containers, their data and the network."""
    docker("rm", "--force", "--volumes", API, DATABASE, KEYS, check=False)
    docker("network", "rm", NETWORK, check=False)
