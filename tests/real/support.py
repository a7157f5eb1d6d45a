"""What the tests on real programs share: the host, and what an agent and a customer do there."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

from tests.e2e import leaks
from tests.e2e.support import HostUnderTest, Run

CUSTOMER = {
    "name": "Zuleika Quintanilha",
    "phone_number": "+5511987650123",
    "email": "zuleika.quintanilha@customer.test",
}
WORDS = "my card ends in 7781 and I cannot log in"
ANSWER = "we have sent you the new contract of Tatuapé"


@dataclass
class Whole:
    """The host, what its first deploy said, and what every verb has printed since."""

    host: HostUnderTest
    plan: tuple[str, ...]
    run: Run
    seconds: float
    printed: list[str] = field(default_factory=list)

    def verb(self, *words: str) -> tuple[int, str]:
        """Run one of borgstack's verbs; its exit code and what it printed."""
        done = self.host.borgstack(*words)
        self.printed.append(done.stdout + done.stderr)
        return done.returncode, self.printed[-1]

    def chatwoot(self, method: str, path: str, **body: object) -> dict[str, object]:
        """Ask Chatwoot's API, as an agent's program would."""
        token = leaks.secrets_of(self.host)["CHATWOOT_API_TOKEN"]
        headers = {"api_access_token": token, "content-type": "application/json"}
        status, _, text = self.host.request(
            f"/api/v1/accounts/1/{path}", method=method, headers=headers, body=json.dumps(body)
        )
        assert status == 200, f"{method} {path}: {status} {text}"
        found: dict[str, object] = json.loads(text)
        return found

    def converse(self) -> int:
        """A customer writes and an agent answers; the number of the conversation."""
        inbox = int(self.host.sql("SELECT min(id) FROM inboxes WHERE name = 'WhatsApp'"))
        number = f"0055{time.time_ns() % 10**9}@s.whatsapp.net"
        contact = {**CUSTOMER, "inbox_id": inbox, "identifier": number}
        if not int(self.host.sql("SELECT count(*) FROM contacts WHERE email ~ '^zuleika'")):
            self.chatwoot("POST", "contacts", **contact)
        (who,) = self.host.sql("SELECT id FROM contacts WHERE email ~ '^zuleika'").split()
        conversation = self.chatwoot(
            "POST", "conversations", inbox_id=inbox, contact_id=int(who), source_id=number
        )
        path = f"conversations/{conversation['id']}/messages"
        self.chatwoot("POST", path, content=WORDS, message_type="incoming")
        self.chatwoot("POST", path, content=ANSWER)
        return int(str(conversation["id"]))


def told_of(host: HostUnderTest) -> list[str]:
    """Secrets and customers' words in any container's log."""
    secrets = leaks.Secrets()
    secrets.add(leaks.secrets_of(host))
    found = leaks.in_container_logs(host, secrets)
    logs = host.ssh("for one in $(docker ps -aq); do docker logs $one 2>&1; done")
    words = (*CUSTOMER.values(), *CUSTOMER["name"].split(), WORDS, ANSWER, "Tatuapé", "987650123")
    return found + [f"{word!r} of a customer" for word in words if word in logs]
