"""A host as everybody else sees it: asked from the laptop, all questions side by side.

A certificate is always verified, by the public name. With `acme_root` set, that root is trusted and
no other: a certificate of a public authority in its place would mean that another server answers.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

import gevent
import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from borgstack.evidence import Answer, Certificate, ExternalObservation
from borgstack.settings import Settings

TIMEOUT = 10
"""Seconds for an answer."""
PORT_TIMEOUT = 2
"""Seconds for a connection to a port that should not take any."""
CLOSED_PORTS = (2019, 2375, 3000, 5432, 6379, 7433)
"""Caddy's admin API, Docker, Chatwoot's web process, PostgreSQL, Redis, the worker's health."""
_LONGEST_BODY = 64 * 1024
_API_TRIES = 5

# No address, no password, no name: even an open sign-up has nothing to create a user from.
_NOBODY = '{"email": "borgstack-verify"}'


@dataclass(frozen=True)
class Request:
    """One question; redirects are never followed."""

    path: str
    method: str = "GET"
    scheme: str = "https"
    body: str | None = None


REQUESTS: Mapping[str, Request] = {
    "page": Request("/"),
    "plain": Request("/app", scheme="http"),
    "api": Request("/api"),
    "agents": Request("/api/v1/accounts/1/agents"),
    "script": Request("/packs/js/sdk.js"),
    # Chatwoot shows this page five times an hour to one address, and counts who brings no
    # conversation: visitors behind the same address would pay for each look.
    "widget": Request("/widget?website_token=borgstack-verify&cw_conversation=borgstack-verify"),
    "onboarding": Request("/installation/onboarding"),
    "super_admin": Request("/super_admin"),
    "signup v1": Request("/api/v1/accounts", "POST", body=_NOBODY),
    "signup v2": Request("/api/v2/accounts", "POST", body=_NOBODY),
    "signup auth": Request("/auth", "POST", body=_NOBODY),
}


class _At(HTTPAdapter):
    """Connects to `address`; the URL's name stays what TLS asks for and verifies."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def build_connection_pool_key_attributes(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        """Requests' own place to say where a connection leads."""
        host: Any
        pool: Any
        host, pool = super().build_connection_pool_key_attributes(*arguments, **named)
        if host["scheme"] == "https":
            pool["server_hostname"] = host["host"]
        return {**host, "host": self.address}, pool


def look(settings: Settings) -> ExternalObservation:
    """Ask everything, side by side."""
    name = settings.chatwoot_host
    try:
        address = _address(settings)
    except OSError as error:
        return ExternalObservation(silent=f"the name {name} leads nowhere: {error}")
    root = _root(settings)
    running = {
        "certificate": gevent.spawn(certificate, address, name, root),
        "websocket": gevent.spawn(websocket, address, name, root),
    }
    for key, request in REQUESTS.items():
        ask = ask_api if key == "api" else answer
        running[key] = gevent.spawn(ask, address, name, root, request)
    ports = {port: gevent.spawn(takes_connections, address, port) for port in (443, *CLOSED_PORTS)}
    gevent.joinall([*running.values(), *ports.values()], raise_error=True)
    page = running["page"].value
    return ExternalObservation(
        address=address,
        silent=page if isinstance(page, str) else "",
        answers={key: running[key].value for key in REQUESTS},
        certificate=running["certificate"].value,
        websocket=running["websocket"].value,
        ports={port: one.value for port, one in ports.items()},
    )


def certificate_of(settings: Settings) -> Certificate | str:
    """The certificate that the public name shows, or why there is none to trust."""
    try:
        return certificate(_address(settings), settings.chatwoot_host, _root(settings))
    except OSError as error:
        return f"the name leads nowhere: {error}"


def _address(settings: Settings) -> str:
    if settings.connect_to:
        return settings.connect_to
    found = [str(one[4][0]) for one in socket.getaddrinfo(settings.chatwoot_host, 443)]
    # As a browser does: what is refused by IPv6 is asked by IPv4.
    return next((one for one in dict.fromkeys(found) if takes_connections(one, 443)), found[0])


def _root(settings: Settings) -> str:
    return str(settings.acme_root or DEFAULT_CA_BUNDLE_PATH)


def answer(address: str, name: str, root: str, request: Request) -> Answer | str:
    """The answer to one request, or why there is none."""
    with requests.Session() as session:
        session.trust_env = False  # no proxy in between, and no other certificates
        session.mount("https://", _At(address))
        session.mount("http://", _At(address))
        headers = {"Host": name, "User-Agent": "borgstack-verify"}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        try:
            with session.request(
                request.method,
                f"{request.scheme}://{name}{request.path}",
                headers=headers,
                data=request.body,
                verify=root,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as got:
                body = next(got.iter_content(_LONGEST_BODY), b"").decode(errors="replace")
                lower = {key.lower(): value for key, value in got.headers.items()}
                return Answer(got.status_code, lower, body)
        except requests.RequestException as error:
            return reason(error)


def ask_api(address: str, name: str, root: str, request: Request) -> Answer | str:
    """`/api`, asked again while it calls its database failing, up to five times.

    It only looks whether its connection stands, and a new or broken one is made by the next query
    of a page: so a page is asked for before the next try.
    """
    for attempt in range(_API_TRIES):
        if attempt:
            answer(address, name, root, REQUESTS["widget"])
            time.sleep(0.5)
        got = answer(address, name, root, request)
        if isinstance(got, str) or "failing" not in got.body:
            break
    return got


def certificate(address: str, name: str, root: str) -> Certificate | str:
    """The certificate, or why it cannot be trusted."""
    try:
        with _tls(address, name, root) as connection:
            found: Any = connection.getpeercert()
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError as error:
        return reason(error)
    return Certificate(
        tuple(value for _, value in found.get("subjectAltName", ())),
        ssl.cert_time_to_seconds(found["notBefore"]),
        ssl.cert_time_to_seconds(found["notAfter"]),
    )


def websocket(address: str, name: str, root: str) -> str:
    """`101` and what the server says first on /cable, or what came in their place."""
    key = base64.b64encode(os.urandom(16)).decode()
    # RFC 6455: proves that the other side speaks websocket and is not just echoing.
    proof = base64.b64encode(
        sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()  # noqa: S324
    ).decode()
    lines = (
        "GET /cable HTTP/1.1",
        f"Host: {name}",
        f"Origin: https://{name}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Protocol: actioncable-v1-json",
    )
    try:
        with _tls(address, name, root) as connection:
            connection.sendall("\r\n".join((*lines, "", "")).encode())
            head, _, first = _read_until(connection, b"\r\n\r\n").partition(b"\r\n\r\n")
            status = head.split(b"\r\n")[0].decode(errors="replace")
            if " 101" not in status:
                return status or "the connection was closed"
            if proof.encode() not in head:
                return "101 without the proof that the protocol asks for"
            if b"welcome" not in first:
                first += _read_until(connection, b"welcome")
            return "101 welcome" if b"welcome" in first else "101, and then nothing"
    except OSError as error:
        return reason(error)


def takes_connections(address: str, port: int) -> bool:
    """Whether a port does; a refusal and silence are the same to a stranger."""
    try:
        socket.create_connection((address, port), timeout=PORT_TIMEOUT).close()
    except OSError:
        return False
    return True


def reason(error: BaseException) -> str:
    """What is at the bottom of an error of requests, urllib3 or ssl, in one line."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate cannot be trusted: {error.verify_message}"
    return f"{error.strerror or error}" if isinstance(error, OSError) else str(error)


def _tls(address: str, name: str, root: str) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=root)
    raw = socket.create_connection((address, 443), timeout=TIMEOUT)
    try:
        return context.wrap_socket(raw, server_hostname=name)
    except BaseException:
        raw.close()
        raise


def _read_until(connection: ssl.SSLSocket, mark: bytes) -> bytes:
    read = b""
    while mark not in read and len(read) < _LONGEST_BODY:
        try:
            more = connection.recv(4096)
        except TimeoutError:
            break
        if not more:
            break
        read += more
    return read
