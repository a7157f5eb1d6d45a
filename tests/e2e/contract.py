"""Chatwoot's API as an integration meets it: a client that cleans up, and a receiver of webhooks.

The client talks to the lab host, or to any Chatwoot that the environment names:

| variable | what |
|---|---|
| CHATWOOT_URL | its address, https://… |
| CHATWOOT_TOKEN | an administrator's access token |
| CHATWOOT_ACCOUNT | the account's number; 1 unless given |
| CHATWOOT_AGENT_TOKEN | the token of an agent of that account who is in no inbox |
| CHATWOOT_EMAIL, CHATWOOT_PASSWORD | a super administrator's sign-in |
| CHATWOOT_CALLBACK_HOST | this machine, as Chatwoot's worker reaches it, if that is not plain |
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from tests import lab
from tests.e2e.support import HostUnderTest

Json = Any
"""What the API answers: a record, or a list of them."""

PROMPT = 20
"""Seconds within which a worker that runs has done a job."""


class Pinned(HTTPAdapter):
    """Reaches a name that no resolver knows at its address; the certificate is verified."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        options |= {"server_hostname": self.name, "assert_hostname": self.name}
        super().init_poolmanager(*arguments, **options)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401
        assert request.url
        request.url = request.url.replace(f"//{self.name}", f"//{self.address}", 1)
        request.headers["Host"] = self.name
        return super().send(request, **options)


@dataclass
class Chatwoot:
    """One caller of a Chatwoot; what it creates through `create` is removed by `clean_up`."""

    url: str
    account: int
    token: str
    agent_token: str = ""
    email: str = ""
    password: str = ""
    session: requests.Session = field(default_factory=requests.Session)
    made: list[str] = field(default_factory=list)

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401
    ) -> requests.Response:
        """Ask for a path of the account, or for one that begins with a slash."""
        if not path.startswith("/"):
            path = f"/api/v1/accounts/{self.account}/{path}"
        headers = {"api_access_token": self.token} if headers is None else headers
        return self.session.request(
            method, self.url + path, headers=headers, timeout=30, allow_redirects=False, **options
        )

    def get(self, path: str, **params: object) -> Json:
        """Return what a GET answers; it must be 200."""
        answer = self.call("GET", path, params=params)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def post(self, path: str, **body: object) -> requests.Response:
        """POST JSON, whatever the answer."""
        return self.call("POST", path, json=body)

    def made_by(self, path: str, **body: object) -> Json:
        """POST JSON; the answer must be 200, not 201 (facts 8)."""
        answer = self.post(path, **body)
        assert answer.status_code == 200, f"POST {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def create(self, kind: str, *, at: str = "", **body: object) -> Json:
        """Create a record that `clean_up` removes; `at` leads to it in the answer."""
        record = self.made_by(kind, **body)
        for step in at.split(".") if at else ():
            record = record[step]
        self.made.append(f"{kind}/{record['id']}")
        return record

    def contact(self, **body: object) -> Json:
        """Create a contact; the answer hides it in `payload.contact` (facts 8)."""
        return self.create("contacts", at="payload.contact", **{"name": "Contract", **body})

    def fetch(self, url: str) -> requests.Response:
        """Follow a link on the public address by hand."""
        answer = self.call("GET", _path_of(url), headers={})
        while answer.is_redirect:
            answer = self.call("GET", _path_of(answer.headers["location"]), headers={})
        return answer

    def clean_up(self) -> None:
        """Remove all that was created, the last first."""
        while self.made:
            answer = self.call("DELETE", self.made.pop())
            assert answer.status_code in (200, 204, 404), f"{answer.url}: {answer.text[:500]}"


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def of_environment() -> Chatwoot:
    """The Chatwoot that CHATWOOT_URL names."""
    names = ("TOKEN", "AGENT_TOKEN", "EMAIL", "PASSWORD")
    missing = [f"CHATWOOT_{name}" for name in names if not os.environ.get(f"CHATWOOT_{name}")]
    assert not missing, f"with CHATWOOT_URL these are needed too: {', '.join(missing)}"
    values = {name.lower(): os.environ[f"CHATWOOT_{name}"] for name in names}
    account = int(os.environ.get("CHATWOOT_ACCOUNT", "1"))
    return Chatwoot(os.environ["CHATWOOT_URL"].rstrip("/"), account, **values)


def of_lab(host: HostUnderTest) -> Chatwoot:
    """The Chatwoot of a lab host, with an agent whose token is read in the database."""
    lines = host.ssh("cat /opt/borgstack/.env").splitlines()
    secrets = dict(line.split("=", 1) for line in lines if line.startswith("CHATWOOT_"))
    chatwoot = Chatwoot(
        f"https://{host.chatwoot}",
        1,
        secrets["CHATWOOT_API_TOKEN"],
        email="ops@lab.test",
        password=secrets["CHATWOOT_ADMIN_PASSWORD"],
    )
    pin(chatwoot, host.chatwoot, host.address, str(lab.ca_root_path()))
    agent = chatwoot.create("agents", name="Agent", email=f"{unique()}@lab.test", role="agent")
    token_of = "SELECT token FROM access_tokens WHERE owner_type = 'User' AND owner_id = {}"
    chatwoot.agent_token = host.sql(token_of.format(int(agent["id"])))
    return chatwoot


def pin(chatwoot: Chatwoot, name: str, address: str, authority: str) -> None:
    """Reach a name at an address, and trust one authority alone."""
    chatwoot.session.mount(chatwoot.url, Pinned(name, address))
    chatwoot.session.verify = authority
    # Otherwise REQUESTS_CA_BUNDLE would win over the line above.
    chatwoot.session.trust_env = False


def unique() -> str:
    """A word that no earlier run has used."""
    return f"contract-{uuid.uuid4().hex[:12]}"


def phone() -> str:
    """A phone number in E.164 that no earlier run has used."""
    return f"+5511{uuid.uuid4().int % 10**9:09d}"


@dataclass(frozen=True)
class Delivery:
    """One webhook as it came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def event(self) -> str:
        return str(self.body["event"])


ANSWERS = {"ok": 200, "broken": 500, "moved": 302, "slow": 200}
"""What the receiver says at a path that begins so; `slow` takes longer than Chatwoot waits."""
SLOW = 6


class Receiver:
    """A web server for Chatwoot's webhooks, which keeps what it got."""

    def __init__(self, seen_from: str) -> None:
        self.deliveries: list[Delivery] = []
        self.host = os.environ.get("CHATWOOT_CALLBACK_HOST") or _address_towards(seen_from)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {key.lower(): value for key, value in self.headers.items()}
                receiver.deliveries.append(Delivery(self.path, headers, json.loads(raw)))
                kind = self.path.split("/")[1]
                if kind == "slow":
                    time.sleep(SLOW)
                self.send_response(ANSWERS[kind])
                if kind == "moved":
                    self.send_header("location", "/ok")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None: ...

        self.server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)  # noqa: S104 - a lab's network
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, kind: str = "ok") -> str:
        """An address of its own that answers in this way."""
        return f"http://{self.host}:{self.server.server_port}/{kind}/{unique()}"

    def at(self, url: str, event: str = "") -> list[Delivery]:
        """What came to an address so far."""
        path = urlsplit(url).path
        return [one for one in self.deliveries if one.path == path and event in ("", one.event)]

    def wait(self, url: str, event: str, count: int = 1) -> list[Delivery]:
        """Wait until so many deliveries of an event have come to an address."""
        until(lambda: len(self.at(url, event)) >= count, f"{count} {event} at {url}")
        return self.at(url, event)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def until(holds: Callable[[], bool], what: str, seconds: float = PROMPT) -> None:
    """Wait for what a worker has to do."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}; does a worker run?"
        time.sleep(0.1)


def _address_towards(host: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        return str(probe.getsockname()[0])
