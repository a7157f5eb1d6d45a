"""Evolution API as an integration meets it: a client, and the double with its own data stores.

The containers run on this machine's engine in a network of their own; no lab host is needed. Or
the environment names a real Evolution API:

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
from tests.lab.config import LABEL, PREFIX
from tests.lab.docker import docker
from tests.lab.shell import lock, run

NETWORK = f"{PREFIX}-evolution"
SUBNET = "10.89.0.0/24"
ADDRESS = "10.89.0.10"
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
    is_double: bool = True
    session: requests.Session = field(default_factory=requests.Session)
    made: list[str] = field(default_factory=list)

    def call(
        self, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> requests.Response:
        """Ask for a path; an empty key sends no header at all."""
        key = self.key if key is None else key
        headers = {"apikey": key} if key else {}
        return self.session.request(
            method, f"{self.url}/{path}", json=body, headers=headers, timeout=30
        )

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
        """Its connection; for a moment after a start there is no instance at all (404)."""
        answer = self.call("GET", f"instance/connectionState/{name}")
        return str(answer.json()["instance"]["state"]) if answer.ok else str(answer.status_code)

    def double(self, path: str, body: object = None, method: str = "POST") -> Json:
        """Use one of the double's own routes; against a real Evolution the test ends here."""
        if not self.is_double:
            pytest.skip("this needs the double's own routes")
        return self.ask(method, f"double/{path}", body)

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
    url, key = os.environ["EVOLUTION_URL"].rstrip("/"), os.environ["EVOLUTION_API_KEY"]
    return Evolution(url, key, is_double=False)


def start_double() -> Evolution:
    """Run the double with its data stores, all new."""
    with lock():
        engine.ensure()
        for image in ("postgresql", "redis", "evolution"):
            images.ensure_extra(image)
    stop_double()
    docker("network", "create", f"--label={LABEL}=network", f"--subnet={SUBNET}", NETWORK)
    database = {"POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "evolution"}
    start(DATABASE, "postgresql", database, "--tmpfs=/var/lib/postgresql")
    open_to_all = ("redis-server", "--protected-mode", "no")
    start(KEYS, "redis", {}, "--tmpfs=/data", command=open_to_all)
    ready = ["docker", "exec", DATABASE, "pg_isready", "-h", DATABASE, "-d", "evolution"]
    until(lambda: run(ready, check=False).returncode == 0, "PostgreSQL answers")
    start(API, "evolution", ENVIRONMENT, f"--ip={ADDRESS}")
    evolution = Evolution(f"http://{ADDRESS}:8080", GLOBAL_KEY)
    until(lambda: is_loaded(evolution), "the double has loaded its instances")
    return evolution


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
    docker("run", "--detach", *names, *words, *options, images.own(image), *command)


def once(environment: Mapping[str, str]) -> tuple[int, str]:
    """Run the double with this environment until it ends; its exit code and all it said."""
    words = [f"--env={key}={value}" for key, value in environment.items()]
    command = ["docker", "run", "--rm", f"--network={NETWORK}", *words, images.own("evolution")]
    done = run(command, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def restart(evolution: Evolution) -> None:
    """Restart the double and wait until it answers."""
    docker("restart", "--time=5", API)
    until(lambda: is_loaded(evolution), "the double has loaded its instances")


def is_loaded(evolution: Evolution) -> bool:
    """Whether the double answers and has its instances back; one made before may be replaced."""
    try:
        return evolution.call("GET", "double/loaded").json() == {"loaded": True}
    except requests.ConnectionError:
        return False


def stop_double() -> None:
    """Remove the containers, their data and the network."""
    docker("rm", "--force", "--volumes", API, DATABASE, KEYS, check=False)
    docker("network", "rm", NETWORK, check=False)
