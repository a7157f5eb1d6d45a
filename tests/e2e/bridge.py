"""The way between WhatsApp and Chatwoot on a lab host: a phone and customers at one end (the double
of Evolution API has them), an agent with the API token at the other.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests import lab
from tests.e2e.support import HostUnderTest, until

Json = Any
OWN_NUMBER = "5511999990000"
WAITING = "SELECT count(*) FROM execution_entity WHERE status IN ('new', 'running')"
# Evolution tries ten times, 30 s apart, and takes seconds for a code; nobody has to wait that long
# here, but an n8n that starts on a busy machine still gets those five minutes.
# For its instances it takes as long as it may where WhatsApp's newest version has to be asked for.
OVERRIDE = """\
services:
  evolution:
    environment:
      DOUBLE_LOAD_SECONDS: "3"
      DOUBLE_RETRY_SECONDS: "3"
      DOUBLE_RETRY_TRIES: "100"
      DOUBLE_CREATE_SECONDS: "0.1"
      DOUBLE_CONNECT_SECONDS: "0.1"
"""
_CALL = """
const [method, path, body] = process.argv.slice(1);
const headers = {
  apikey: process.env.AUTHENTICATION_API_KEY, "content-type": "application/json",
};
fetch("http://127.0.0.1:8080" + path, { method, headers, body: body || undefined })
  .then(async (answer) => ({ status: answer.status, text: await answer.text() }))
  .then((answer) => console.log(JSON.stringify(answer)));
"""


@dataclass
class Bridge:
    """One host with WhatsApp switched on."""

    host: HostUnderTest
    instance: str = "whatsapp"
    _numbers: Any = field(default_factory=lambda: itertools.count(int(time.time()) % 10**8 * 100))

    def evolution(self, method: str, path: str, body: Json = None) -> Json:
        """Ask Evolution from inside its container, with its key; the parsed answer."""
        # Not on stdin: `docker exec -i` now and then loses the end of a short one, and hangs.
        words = [method, path, *([] if body is None else [json.dumps(body)])]
        done = lab.ssh(self.host.name, ["docker", "exec", "evolution", "node", "-e", _CALL, *words])
        answer = json.loads(done.stdout)
        try:
            return answer | {"json": json.loads(answer["text"])}
        except ValueError:
            return answer | {"json": None}

    def pair(self) -> None:
        """Let the phone scan the code."""

        def state() -> Any:  # noqa: ANN401
            answer = self.evolution("GET", f"/instance/connectionState/{self.instance}")
            return answer["json"]["instance"].get("state")

        if until("Evolution to have loaded the instance", state) == "open":
            return
        self.evolution("GET", f"/instance/connect/{self.instance}")
        scanned = self.evolution(
            "POST", f"/double/scan/{self.instance}", {"number": OWN_NUMBER, "name": "Shop"}
        )
        assert scanned["status"] < 300, scanned

    def customer(self) -> str:
        """The address of somebody who has never written before."""
        return f"55119{next(self._numbers) % 10**8:08}@s.whatsapp.net"

    def receive(self, sender: str, message: Json, **more: Json) -> str:
        """A message arrives on the phone; its id."""
        identity = hashlib.md5(f"{sender}{time.time_ns()}".encode()).hexdigest().upper()[:20]  # noqa: S324
        key = {"remoteJid": sender, "fromMe": False, "id": identity, **more.pop("key", {})}
        data = {"key": key, "pushName": "Ana", "message": message, **more}
        answer = self.evolution("POST", f"/double/receive/{self.instance}", data)
        assert answer["status"] < 300, answer
        return str(key["id"])

    def outcome(self, identity: str, seconds: float = 60) -> Json:
        """How the delivery of a message to n8n ended."""

        def ended() -> Json:
            all_ = self.evolution("GET", f"/double/deliveries/{self.instance}")["json"]
            return next((one for one in all_ if one.get("key") == identity and one["done"]), None)

        return until(f"the delivery of {identity}", ended, seconds)

    def sent(self) -> list[Json]:
        """What has reached WhatsApp."""
        return list(self.evolution("GET", f"/double/sent/{self.instance}")["json"])

    def sent_to(self, address: str, count: int = 1) -> list[Json]:
        """What has reached somebody, as soon as it is that much and nothing is on its way."""
        until(
            f"{count} messages at {address}",
            lambda: len([one for one in self.sent() if one["to"] == address]) >= count,
        )
        until("n8n to have nothing to do", lambda: self.n8n(WAITING) == "0")
        return [one for one in self.sent() if one["to"] == address]

    def rows(self, query: str) -> list[Json]:
        """Rows of chatwoot_db as JSON."""
        found = self.host.sql(f"SELECT coalesce(json_agg(found), '[]') FROM ({query}) AS found")
        return list(json.loads(found))

    def messages(self, sender: str) -> list[Json]:
        """A contact's messages in Chatwoot, oldest first."""
        return self.rows(
            "SELECT messages.id, messages.content, message_type, source_id, messages.status,"
            " conversation_id FROM messages JOIN conversations"
            " ON conversations.id = conversation_id JOIN contacts ON contacts.id = contact_id"
            f" WHERE contacts.identifier = '{sender}' AND message_type < 2 ORDER BY messages.id"
        )

    def arrived(self, sender: str, identity: str) -> Json:
        """The message of that id in Chatwoot, as soon as it is there."""

        def there() -> Json:
            wanted = f"WAID:{identity}"
            return next((m for m in self.messages(sender) if m["source_id"] == wanted), None)

        return until(f"message {identity} in Chatwoot", there)

    def token(self) -> str:
        """The API token, as the operator reads it."""
        line = self.host.ssh("grep ^CHATWOOT_API_TOKEN= /opt/borgstack/.env").strip()
        return line.partition("=")[2].strip("'\"")

    def api(
        self, method: str, path: str, body: Json = None, headers: Mapping[str, str] | None = None
    ) -> Json:
        """Ask Chatwoot's API over its public name."""
        account = self.rows("SELECT min(id) AS id FROM accounts")[0]["id"]
        status, _, text = self.host.request(
            f"/api/v1/accounts/{account}{path}",
            method=method,
            headers={"api_access_token": self.token(), "content-type": "application/json"}
            | dict(headers or {}),
            body=body if isinstance(body, str) else json.dumps(body) if body is not None else None,
        )
        assert status == 200, f"{method} {path}: {status} {text}"
        return json.loads(text)

    def conversation(self, sender: str) -> int:
        """The number that agents see on a contact's newest conversation."""
        found = self.rows(
            "SELECT display_id FROM conversations JOIN contacts ON contacts.id = contact_id"
            f" WHERE contacts.identifier = '{sender}' ORDER BY conversations.id DESC LIMIT 1"
        )
        return int(found[0]["display_id"])

    def reply(self, sender: str, text: str, **more: Json) -> int:
        """An agent answers; the number of the message."""
        number = self.conversation(sender)
        answer = self.api("POST", f"/conversations/{number}/messages", {"content": text, **more})
        return int(answer["id"])

    def attach(self, sender: str, *files: tuple[str, str, bytes], text: str = "") -> int:
        """An agent answers with files: names, kinds, contents."""
        edge, text = "----borgstack", text.encode().decode("latin-1")  # as bytes go
        head = f"--{edge}\r\nContent-Disposition: form-data; name="
        parts = [f'{head}"content"\r\n\r\n{text}\r\n']
        for name, kind, content in files:
            written = name.encode().decode("latin-1")
            parts.append(
                f'{head}"attachments[]"; filename="{written}"\r\n'
                f"Content-Type: {kind}\r\n\r\n{content.decode('latin-1')}\r\n"
            )
        body = "".join(parts) + f"--{edge}--\r\n"
        headers = {"content-type": f"multipart/form-data; boundary={edge}"}
        path = f"/conversations/{self.conversation(sender)}/messages"
        return int(self.api("POST", path, body, headers)["id"])

    def status(self, message: int) -> tuple[str, str]:
        """What the agent sees of a message: its status, and the error."""
        (row,) = self.rows(f"SELECT status, content_attributes FROM messages WHERE id = {message}")
        kept = row["content_attributes"]
        attributes = json.loads(kept) if isinstance(kept, str) else kept or {}
        name = ("sent", "delivered", "read", "failed")[row["status"]]
        return name, attributes.get("external_error") or ""

    def n8n(self, statement: str) -> str:
        """Run SQL in n8n's database."""
        return self.host.sql(statement, "n8n_db")


def encoded(content: bytes) -> str:
    """Base64, as media comes along."""
    return base64.b64encode(content).decode()
