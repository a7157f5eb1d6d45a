"""`borgstack verify` as it answers: exit code and both forms; and its look from the laptop."""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyinfra_cli  # noqa: F401 - patches ssl, which requests must not have imported before
import pytest
import requests

from borgstack import outside
from borgstack.bridge import words
from borgstack.checks import CHECKS, DELIVERY
from borgstack.evidence import Answer, Certificate, Socket, parse
from borgstack.outside import REQUESTS, Request, answer, ask_api, certificate, look, websocket
from borgstack.services.chatwoot import VERIFY_SCRIPT
from borgstack.verdict import PASSED, failed, passed, skipped
from borgstack.verify import HostReport, Report
from tests.unit.support import REPOSITORY, program, run_script, run_text, settings_of
from tests.unit.test_conventions import errors_of_sh
from tests.unit.told import values

DOCUMENT = (REPOSITORY / "docs" / "verify.md").read_text()
RED = failed("an expectation", "a sight", "a step")
MAIL, MEMORY = (check for check in CHECKS if check.name in {"mail", "memory"})
FINE = HostReport("chat", (), ((CHECKS[0], PASSED), (MAIL, skipped("a reason"))), 1.25)
BROKEN = replace(FINE, checks=(*FINE.checks, (CHECKS[1], RED)))


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (Report((FINE,)), 0),
        (Report((FINE, BROKEN)), 1),
        (Report((replace(FINE, errors=("unreachable",)),)), 1),
        (Report(), 1),
        (Report((FINE,), "a mistake"), 1),
    ],
)
def test_the_exit_code_is_0_only_where_nothing_failed(report: Report, code: int) -> None:
    assert report.exit_code == code
    assert json.loads(report.as_json())["exit_code"] == code


def test_a_person_reads_one_line_a_check_and_of_a_failure_what_to_do() -> None:
    lines = Report((replace(BROKEN, errors=("sudo refused",)),)).as_text().splitlines()
    assert lines == [
        "chat:",
        "  error: sudo refused",
        "  ok      1. running      every container of the stack runs",
        "  skipped    mail         the mail server answers: a reason",
        "  FAILED  2. healthy      every container is healthy",
        "             expected  an expectation",
        "             seen      a sight",
        "             next      a step",
        "chat: 1 passed, 1 failed, 1 skipped, 1.2 s",
    ]
    noted = replace(FINE, checks=((MEMORY, passed("in 9 ms")),))
    assert Report((noted,)).as_text().splitlines()[1].endswith(f"{MEMORY.title}: in 9 ms")
    assert Report(error="a mistake").as_text() == "error: a mistake"


def test_what_a_check_was_told_is_shown_where_it_passed() -> None:
    told = replace(FINE, checks=((DELIVERY, passed("250 taken")),))
    line = Report((told,)).as_text().splitlines()[1]
    assert line == f"  ok         delivery     {DELIVERY.title}: 250 taken"


def names(value: Any, path: str = "") -> set[str]:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        path += "[]"
        return set().union(*(names(one, path) for one in value)) or {path}
    if isinstance(value, dict):
        return set().union(*(names(one, f"{path}.{key}") for key, one in value.items()))
    return {path}


def test_the_document_names_all_of_the_json() -> None:
    said = json.loads(Report((replace(BROKEN, errors=("x",)),)).as_json())
    documented = re.findall(r"^\| `([a-z_.\[\]]+)` \|", DOCUMENT.split("## `--json`")[1], re.M)
    assert {name.lstrip(".") for name in names(said)} == set(documented)


def test_the_document_shows_the_table_of_checks() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d?) \| (.+) \|$", DOCUMENT.split("## Where")[0], re.M)
    assert rows == [(check.name, str(check.story or ""), check.title) for check in CHECKS]


def test_a_name_that_leads_nowhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    assert "leads nowhere" in look(settings_of()).silent


def test_where_nothing_listens_everything_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "TIMEOUT", 1)
    monkeypatch.setattr(outside, "PORT_TIMEOUT", 1)
    seen = look(settings_of(connect_to="127.88.0.99"))
    assert seen.address == "127.88.0.99"
    assert "refused" in seen.silent
    assert set(seen.answers) == set(REQUESTS)
    assert isinstance(seen.certificate, str)
    assert "refused" in seen.websocket
    assert not any(seen.ports.values())


def test_the_root_of_an_own_authority_is_trusted_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "root.pem").write_text("a root")
    roots = []
    monkeypatch.setattr(outside, "certificate", lambda *words: roots.append(words[2]))
    for name in ("websocket", "answer", "ask_api", "takes_connections"):
        monkeypatch.setattr(outside, name, lambda *words: "")
    look(settings_of(connect_to="192.0.2.1", acme_root=str(tmp_path / "root.pem")))
    look(settings_of(connect_to="192.0.2.1"))
    assert roots == [str(tmp_path / "root.pem"), requests.certs.where()]


def test_it_connects_to_the_address_and_verifies_the_name() -> None:
    adapter = outside._At("192.0.2.7")
    request = requests.Request("GET", "https://chat.example.com/x").prepare()
    host, pool = adapter.build_connection_pool_key_attributes(request, True)
    assert (host["host"], host["scheme"]) == ("192.0.2.7", "https")
    assert pool["server_hostname"] == "chat.example.com"
    assert pool["cert_reqs"] == "CERT_REQUIRED"
    request = requests.Request("GET", "http://chat.example.com/x").prepare()
    host, pool = adapter.build_connection_pool_key_attributes(request, True)
    assert host["host"] == "192.0.2.7"
    assert "server_hostname" not in pool


class Response:
    """As requests gives it."""

    status_code = 308
    headers = {"Location": "/x"}  # noqa: RUF012

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def iter_content(self, size: int) -> Any:  # noqa: ANN401 - an iterator
        return iter([b"body"])


def test_a_question_follows_no_redirect_and_takes_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def request(session: requests.Session, method: str, url: str, **named: object) -> Response:
        asked.update(named, method=method, url=url, trusts=session.trust_env)
        return Response()

    monkeypatch.setattr(requests.Session, "request", request)
    got = answer("192.0.2.7", "chat.example.com", "/root.pem", Request("/x", "POST", body="{}"))
    assert got == Answer(308, {"location": "/x"}, "body")
    assert (asked["url"], asked["method"]) == ("https://chat.example.com/x", "POST")
    assert (asked["allow_redirects"], asked["trusts"]) == (False, False)
    assert asked["verify"] == "/root.pem"
    assert asked["headers"]["Host"] == "chat.example.com"
    assert asked["headers"]["Content-Type"] == "application/json"


def test_a_database_that_only_needs_a_query_is_not_told_as_failing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The web process looks at a connection that nobody has used: a page's query connects it."""
    asked: list[str] = []
    connects = True

    def said(address: str, name: str, root: str, request: Request) -> Answer:
        asked.append(request.path)
        fine = connects and any(path.startswith("/widget") for path in asked)
        return Answer(200, {}, '"ok"' if fine else '"failing"')

    monkeypatch.setattr(outside, "answer", said)
    monkeypatch.setattr(outside.time, "sleep", lambda _: None)
    assert ask_api("", "", "", Request("/api")) == Answer(200, {}, '"ok"')
    assert [path.partition("?")[0] for path in asked] == ["/api", "/widget", "/api"]
    asked.clear()
    connects = False
    assert ask_api("", "", "", Request("/api")) == Answer(200, {}, '"failing"')
    assert asked.count("/api") == 5


def untrusted(*_: object) -> Any:  # noqa: ANN401 - a socket
    error = ssl.SSLCertVerificationError("x")
    error.verify_message = "certificate has expired"
    raise error


class Connection:
    """A TLS connection to a server that says what a test wants."""

    def __init__(self, *says: bytes) -> None:
        self.says = list(says)
        self.sent = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def getpeercert(self) -> dict[str, Any]:
        return {
            "subjectAltName": (("DNS", "chat.example.com"),),
            "notBefore": "Jan  1 00:00:00 2026 GMT",
            "notAfter": "Apr  1 00:00:00 2026 GMT",
        }

    def sendall(self, data: bytes) -> None:
        self.sent += data

    def recv(self, _: int) -> bytes:
        if not self.says:
            raise TimeoutError
        return self.says.pop(0).replace(b"PROOF", self.proof())

    def proof(self) -> bytes:
        (key,) = re.findall(rb"Sec-WebSocket-Key: (\S+)", self.sent)
        whole = key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        return outside.base64.b64encode(outside.sha1(whole).digest())


def test_a_certificate_is_told_by_names_and_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "_tls", lambda *_: Connection())
    seen = certificate("", "", "")
    assert isinstance(seen, Certificate)
    assert seen.names == ("chat.example.com",)
    assert seen.not_after - seen.not_before == 90 * 24 * 3600
    monkeypatch.setattr(outside, "_tls", untrusted)
    assert certificate("", "", "") == "certificate has expired"
    assert certificate("", "", "") in websocket("", "", "")


UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: PROOF\r\n\r\n"


@pytest.mark.parametrize(
    ("says", "named", "counts"),
    [
        ((UPGRADED, b'\x81\x12{"type":"welcome"}'), {"101"}, True),
        ((UPGRADED + b'\x81\x12{"type":"welcome"}',), {"101"}, True),
        ((UPGRADED,), {"101", "nothing"}, False),
        ((UPGRADED.replace(b"PROOF", b"x"),), {"101", "proof"}, False),
        ((b"HTTP/1.1 404 Not Found\r\n\r\n",), {"HTTP/1.1", "404"}, False),
        ((b"",), {"closed"}, False),
    ],
)
def test_a_websocket_counts_when_the_application_speaks(
    monkeypatch: pytest.MonkeyPatch, says: tuple[bytes, ...], named: set[str], *, counts: bool
) -> None:
    monkeypatch.setattr(outside, "_tls", lambda *_: Connection(*says))
    seen = websocket("192.0.2.7", "chat.example.com", "/root.pem")
    assert named <= values(seen)
    assert (seen == "101 welcome") is counts


@pytest.mark.parametrize(
    ("open_", "expected"),
    [({"192.0.2.7"}, "192.0.2.7"), ({"2001:db8::7", "192.0.2.7"}, "2001:db8::7"), (set(), None)],
)
def test_where_a_name_has_two_addresses_the_one_that_takes_connections_is_asked(
    monkeypatch: pytest.MonkeyPatch, open_: set[str], expected: str | None
) -> None:
    """Caddy listens by IPv4 alone; a browser whose name has an AAAA record comes all the same."""
    addresses = ["2001:db8::7", "2001:db8::7", "192.0.2.7"]
    found = [(0, 0, 0, "", (one, 443)) for one in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    monkeypatch.setattr(outside, "takes_connections", lambda one, _: one in open_)
    asked: list[str] = []
    monkeypatch.setattr(outside, "certificate", lambda one, *_: asked.append(one) or "seen")
    assert outside.certificate_of(settings_of()) == "seen"
    assert asked == [expected or addresses[0]]


OFF = words(settings_of(whatsapp=False))


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A host by its tools: root, one program that listens, and a Docker that does not answer."""
    folder = tmp_path / "bin"
    program(folder, "id", "echo 0")
    program(folder, "ss", "echo 'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=1,fd=3))'")
    program(folder, "systemctl", "exit 0")
    program(folder, "docker", "exit 1")
    (tmp_path / ".env").touch(mode=0o600)
    return folder


def test_the_look_says_what_it_sees_without_docker(tools: Path) -> None:
    ran = run_script("verify_state", str(tools.parent), "", "0", "", *OFF, first_on_path=tools)
    seen = parse(ran.out.splitlines())
    assert (ran.status, ran.err) == (0, "")
    assert seen.engine == "stopped"
    assert abs(time.time() - (seen.clock or 0)) < 60
    assert seen.disks["/"].size > seen.disks["/"].free > 0
    assert (seen.env or "").startswith("regular empty file|600|")
    assert "missing" not in ran.out.splitlines()
    assert seen.sockets == (Socket("0.0.0.0", 22, "sshd"),)  # noqa: S104 - what is told


def test_the_look_does_not_start_a_stopped_docker(tools: Path) -> None:
    """Asked through its socket, systemd would start it, and all containers with it."""
    program(tools, "systemctl", '[ "$1" != is-active ] || exit 3')
    program(tools, "docker", f"touch {tools.parent}/asked")
    ran = run_script("verify_state", str(tools.parent), "", "0", "", *OFF, first_on_path=tools)
    assert parse(ran.out.splitlines()).engine == "stopped"
    assert not (tools.parent / "asked").exists()


@pytest.mark.parametrize(
    ("status", "expected"),
    [(0, ("1", "2")), (1, ()), (2, None), (124, None)],
    ids=["tables", "no such table", "no session", "no answer in time"],
)
def test_migrations_that_could_not_be_asked_for_are_not_told_as_missing(
    tools: Path, status: int, expected: tuple[str, ...] | None
) -> None:
    asked = f"[ {status} != 0 ] || echo 'migrated 1 2'; exit {status}"
    cases = f"""*schema_migrations*) {asked} ;; *"SELECT 'migrated '"*) echo 'migrated ' ;;"""
    program(tools, "docker", f'case "$*" in {cases} esac')
    ran = run_script("verify_state", str(tools.parent), "", "0", "", *OFF, first_on_path=tools)
    assert parse(ran.out.splitlines()).migrated == expected


def test_the_look_that_has_nowhere_to_write_is_blind(tools: Path) -> None:
    program(tools, "docker", "exit 0")
    program(tools, "mktemp", "exit 1")
    ran = run_script("verify_state", str(tools.parent), "", "0", "", *OFF, first_on_path=tools)
    seen = parse(ran.out.splitlines())
    assert "disk" in values(seen.blind)
    assert "/" in seen.disks


def test_the_look_of_another_user_is_blind(tools: Path) -> None:
    program(tools, "id", '[ "$1" = -u ] && echo 1000 || echo joe')
    ran = run_script("verify_state", str(tools.parent), "", "0", "", *OFF, first_on_path=tools)
    seen = parse(ran.out.splitlines())
    assert {"joe", "root", "_sudo"} <= values(seen.blind)
    assert (seen.clock is None, seen.env) == (False, None)


def test_the_storys_script_is_valid_and_can_be_run_as_it_is() -> None:
    assert VERIFY_SCRIPT.stat().st_mode & 0o111 == 0o111
    assert errors_of_sh(VERIFY_SCRIPT.read_text()) == []
    if shellcheck := shutil.which("shellcheck"):
        subprocess.run([shellcheck, str(VERIFY_SCRIPT)], check=True)


def test_the_storys_script_says_of_a_redis_that_cannot_be_asked_nothing_else(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("CHATWOOT_HOST=chatwoot.example.com\n")
    (tmp_path / "docker-compose.yml").write_text("container_name: chatwoot\n")
    said = "LOADING Redis is loading the dataset in memory"
    program(tmp_path / "bin", "id", "echo 0")
    program(tmp_path / "bin", "redis-cli", f"echo '{said}'")
    inside = '"exec borgstack_redis"*|"exec chatwoot-worker wget"*'
    cases = f'{inside}) shift 2; exec "$@" ;; *) exit 1 ;;'
    program(tmp_path / "bin", "docker", f'case "$*" in {cases} esac')
    program(tmp_path / "bin", "wget", "exit 0")
    ran = run_text(VERIFY_SCRIPT.read_text(), str(tmp_path), first_on_path=tmp_path / "bin")
    of_redis = ran.out.partition("Test 4:")[2].partition("Test 5:")[0]
    (seen,) = [line for line in of_redis.splitlines() if line.strip().startswith("seen ")]
    assert {*said.split(), "PONG"} <= values(seen)
    assert seen.count(";") == 1  # after it, and nothing else


def test_no_question_can_make_an_account() -> None:
    posts = [json.loads(one.body or "") for one in REQUESTS.values() if one.method != "GET"]
    assert posts == [{"email": "borgstack-verify"}] * 3
    web = (REPOSITORY / "borgstack/services/chatwoot/web.rb").read_text()
    assert 'JSON.generate("email" => "borgstack-verify")' in web
