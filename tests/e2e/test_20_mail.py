"""Mail goes out as Chatwoot sends it: the check that sends one, and an agent's invitation.

One deploy gives the host a mail server of this machine's, and another takes it away again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from borgstack.settings import Settings
from tests.e2e.mail_sink import Mail, Sink, untrusted_certificate
from tests.e2e.support import HostUnderTest, Run
from tests.lab import config

FOLDER = "/opt/borgstack/first-passwords"
SENDER = "support@e2e.test"
FROM = f"{Settings.model_fields['installation_name'].default} <{SENDER}>"
PERSON = "somebody@e2e.test"
ADMIN = "ops@lab.test"
PASSWORD = "only-the-Sink-and-44-Chatwoot-know"
AGENT = {"email": "cleo@e2e.test", "name": "Cleo"}
LATER = {"email": "clem@e2e.test", "name": "Clem"}
TRUST = """
docker exec -i chatwoot-worker sh -c '
  file=$(ruby -ropenssl -e "print OpenSSL::X509::DEFAULT_CERT_FILE")
  mkdir -p "${file%%/*}" && cat >>"$file"' <<'END'
%sEND
docker restart -t 3 chatwoot-worker
for i in $(seq 200); do docker ps | grep -qE 'starting|unhealthy' || break; sleep 0.3; done
"""
"""Have the worker trust a certificate; the store that a process loads when it starts is its own."""


@dataclass(frozen=True)
class Mailed:
    """A host with a mail server, and all that its deploy and the checks have printed."""

    host: HostUnderTest
    sink: Sink
    run: Run
    printed: list[str]

    def asked_for(self) -> list[Mail]:
        """What came so far, but for the invitation, which comes when it comes."""
        return [one for one in self.sink.mails if one.recipient != AGENT["email"]]

    def send(self, address: str = PERSON, **data: object) -> tuple[int, dict[str, Any]]:
        """`borgstack verify --mail`: its exit code and the check's row."""
        done = self.host.borgstack("verify", "--json", "--mail", address, **data)
        self.printed.append(done.stdout + done.stderr)
        (report,) = json.loads(done.stdout)["hosts"]
        return done.returncode, next(c for c in report["checks"] if c["name"] == "delivery")


@pytest.fixture(scope="module")
def mailed(fresh: tuple[HostUnderTest, object, float]) -> Iterator[Mailed]:
    """The host, deployed with the sink as its mail server and one agent; plain again afterwards."""
    plain = fresh[0]
    os.environ["E2E_SMTP_PASSWORD"] = PASSWORD
    with Sink("chat", PASSWORD) as sink:
        settings = {
            "smtp_address": config.GATEWAY,
            "smtp_port": sink.port,
            "smtp_username": sink.user,
            "smtp_password": "env:E2E_SMTP_PASSWORD",
            "mail_sender": SENDER,
        }
        host = HostUnderTest(plain.name, data={**plain.data, **settings, "agents": [AGENT]})
        try:
            yield Mailed(host, sink, run := host.deploy(), [run.output])
        finally:
            del os.environ["E2E_SMTP_PASSWORD"]
            plain.sql(
                "DELETE FROM account_users USING users WHERE users.id = user_id "
                "AND email ~ '^cle[om]@'; DELETE FROM users WHERE email ~ '^cle[om]@'"
            )
            plain.deploy()


def test_a_mail_that_the_server_takes_is_told_with_its_answer(mailed: Mailed) -> None:
    code, found = mailed.send()
    assert (code, found["result"]) == (0, "passed"), found
    assert found["note"].startswith(f"{config.GATEWAY}:{mailed.sink.port} says 250 2.0.0 taken as")
    mail = mailed.sink.wait_for(PERSON, seconds=0)
    assert (mail.sender, str(mail.message["From"])) == (SENDER, FROM)
    assert mailed.host.chatwoot in mail.text


def test_without_a_mail_server_in_the_settings_none_is_sent(mailed: Mailed) -> None:
    before = mailed.asked_for()
    done = HostUnderTest(mailed.host.name).borgstack("verify", "--mail", PERSON)
    assert done.returncode == 0, done.stdout
    assert "no mail server is set (smtp_address), so no mail was sent" in done.stdout
    assert mailed.asked_for() == before


def test_what_is_no_address_stops_before_anything_runs(mailed: Mailed) -> None:
    done = mailed.host.borgstack("verify", "--json", "--mail", "somebody")
    said = json.loads(done.stdout) if done.stdout else {}
    assert (done.returncode, said.get("hosts")) == (1, [])
    assert "is not an e-mail address" in said["error"]


def test_no_mail_goes_out_that_nobody_asked_for(mailed: Mailed) -> None:
    before = mailed.asked_for()
    found = mailed.host.verify()
    assert found.checks["mail"]["result"] == "passed", found.output
    assert "delivery" not in found.checks
    assert mailed.asked_for() == before


def test_an_agent_is_invited_by_mail_and_has_no_first_password(mailed: Mailed) -> None:
    # The worker of before, which has no mail server, may have tried first; Sidekiq tries again.
    mail = mailed.sink.wait_for(AGENT["email"])
    assert (mail.sender, str(mail.message["From"])) == (SENDER, FROM)
    # The page on which a password is chosen; a welcome, which no inviter stands behind, logs in
    # once and leaves an agent whose password nobody knows.
    (path,) = re.findall(
        rf'href="https://{mailed.host.chatwoot}(/app/auth/password/edit[^"]+)"', mail.text
    )
    assert re.fullmatch(r"/app/auth/password/edit\?reset_password_token=\S{10,}", path)
    assert mailed.host.request(path)[0] == 200
    inviter = "SELECT email FROM users WHERE id = (SELECT inviter_id FROM account_users"
    invited = f"{inviter} JOIN users ON users.id = user_id WHERE email ~ '^cleo@')"
    assert mailed.host.sql(invited) == ADMIN
    assert mailed.host.ssh(f"ls {FOLDER}") == ""
    mailed.host.plan().lists_only()


def refused(mailed: Mailed, address: str = PERSON) -> dict[str, Any]:
    """Send what is not taken: nothing came, and a next step is told."""
    before = mailed.asked_for()
    code, found = mailed.send(address)
    assert (code, found["result"], bool(found["next"])) == (1, "failed", True), found
    assert mailed.asked_for() == before
    return found


def test_a_refused_recipient_is_told(mailed: Mailed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailed.sink, "refused", "nobody@e2e.test")
    found = refused(mailed, "nobody@e2e.test")
    assert "refuses the recipient: 550 5.1.1 nobody of that name" in found["seen"]


def test_a_wrong_password_is_told_and_not_shown(
    mailed: Mailed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailed.sink, "password", "another")
    found = refused(mailed)
    assert "refuses the login: 535 5.7.8 not you: AUTH PLAIN *** (***)" in found["seen"]
    assert "smtp_password" in found["next"]


def test_a_certificate_that_nobody_trusts_is_told(
    mailed: Mailed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(mailed.sink, "tls", untrusted_certificate(tmp_path))
    found = refused(mailed)
    assert "certificate verify failed" in found["seen"]
    assert "certificate" in found["next"]


def test_a_server_that_does_not_listen_is_told(mailed: Mailed) -> None:
    mailed.sink.stop()
    try:
        found = refused(mailed)
    finally:
        mailed.sink.start()
    server = f"{config.GATEWAY}:{mailed.sink.port}"
    assert f"{server} cannot be used: Errno::ECONNREFUSED" in found["seen"]


def test_the_password_is_in_no_output_and_no_log(mailed: Mailed) -> None:
    logs = mailed.host.ssh(
        "docker logs chatwoot-prepare 2>&1; docker logs chatwoot-worker 2>&1; "
        "journalctl --no-pager; cat /opt/borgstack/docker-compose.yml"
    )
    assert len(mailed.printed) > 4
    for text in (*mailed.printed, logs):
        assert PASSWORD not in text


def test_at_port_465_mail_goes_out_over_tls_from_the_start(mailed: Mailed, tmp_path: Path) -> None:
    """The last of the file: what it deploys stays until the host is made plain again."""
    pem = untrusted_certificate(tmp_path, f"IP:{config.GATEWAY}")
    host = replace(mailed.host, data={**mailed.host.data, "smtp_port": 465})
    with Sink(mailed.sink.user, PASSWORD, 465, tls=pem, at_once=True) as sink:
        secured = Mailed(host, sink, host.deploy(), [])
        assert "certificate verify failed" in host.verify().checks["mail"]["seen"]
        assert "certificate verify failed" in refused(secured)["seen"]

        certificate = pem.read_text().partition("-----END PRIVATE KEY-----\n")[2]
        host.ssh(TRUST % certificate)
        code, found = secured.send()
        assert (code, found["result"]) == (0, "passed"), found
        assert found["note"].startswith(f"{config.GATEWAY}:465 says 250 2.0.0 taken as")
        # The checks have spoken with it; now Chatwoot does.
        host.deploy(agents=[AGENT, LATER])
        assert sink.wait_for(LATER["email"]).sender == SENDER
