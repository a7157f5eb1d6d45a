"""A mail server that keeps what it gets, and refuses what a test wants refused.

It speaks as much SMTP as Chatwoot needs, and listens where the lab's hosts reach this machine.
"""

from __future__ import annotations

import base64
import socketserver
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType

from tests.lab import config

TLS_KEY_COMMAND = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=nobody.test"


@dataclass(frozen=True)
class Mail:
    """A mail as it came: sender and recipient of the envelope, and the text with its headers."""

    sender: str
    recipient: str
    message: EmailMessage

    @property
    def text(self) -> str:
        return str(self.message.get_content())


@dataclass
class Sink:
    """What a test says beforehand, and what came. It listens inside a `with`.

    :ivar refused: the recipient that is not taken.
    :ivar tls: a certificate that nobody trusts, with its key; STARTTLS is offered with it.
    :ivar at_once: whether it speaks TLS from the first byte instead, as servers at port 465 do.
    """

    user: str
    password: str = field(repr=False)
    port: int = 0
    refused: str = ""
    tls: Path | None = None
    at_once: bool = False
    mails: list[Mail] = field(default_factory=list)
    server: socketserver.TCPServer | None = field(default=None, repr=False)

    def start(self) -> None:
        """Listen, on the port that it had before if there was one."""
        session = type("Session", (_Session,), {"sink": self})
        self.server = _Server((config.GATEWAY, self.port), session)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Leave the port to nobody."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()

    def __enter__(self) -> Sink:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def to(self, recipient: str) -> list[Mail]:
        """What has come for somebody so far."""
        return [one for one in self.mails if one.recipient == recipient]

    def wait_for(self, recipient: str, seconds: float = 60) -> Mail:
        """The first mail to somebody, which may still be on its way."""
        deadline = time.monotonic() + seconds
        while not (found := self.to(recipient)):
            assert time.monotonic() < deadline, f"no mail to {recipient} in {seconds} s"
            time.sleep(0.2)
        return found[0]

    def knows(self, user: str, password: str) -> bool:
        return (user, password) == (self.user, self.password)


class _Session(socketserver.StreamRequestHandler):
    """One connection. Before a login nothing is taken."""

    sink: Sink
    sender = ""
    recipient = ""
    allowed = False

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def hear(self) -> str:
        return self.rfile.readline().decode().rstrip("\r\n")

    def handle(self) -> None:
        if self.sink.at_once and not self.secured():
            return None
        self.say("220 sink.test ESMTP")
        while line := self.hear():
            verb = line.split(" ")[0].split(":")[0].lower()
            if verb == "quit":
                return self.say("221 bye")
            getattr(self, f"on_{verb}", lambda _: self.say("500 what?"))(line)

    def on_ehlo(self, line: str) -> None:
        more = "250-STARTTLS\r\n" if self.sink.tls and not self.sink.at_once else ""
        self.say(f"250-sink.test\r\n{more}250 AUTH PLAIN LOGIN")

    def on_starttls(self, line: str) -> None:
        self.say("220 go on")
        self.secured()

    def secured(self) -> bool:
        """Whether the client goes on over TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(self.sink.tls))
        try:
            secure = context.wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):  # the client does not trust it
            return False
        self.rfile, self.wfile = secure.makefile("rb"), secure.makefile("wb", buffering=0)
        return True

    def on_auth(self, line: str) -> None:
        _, kind, *given = line.split(" ")
        if kind == "PLAIN":
            _, user, password = base64.b64decode(given[0]).decode().split("\0")
        else:
            user, password = (self.asked(word) for word in ("Username:", "Password:"))
        self.allowed = self.sink.knows(user, password)
        # As some servers do, it repeats what it was sent.
        self.say("235 welcome" if self.allowed else f"535 5.7.8 not you: {line} ({password})")

    def asked(self, word: str) -> str:
        self.say(f"334 {base64.b64encode(word.encode()).decode()}")
        return base64.b64decode(self.hear()).decode()

    def on_mail(self, line: str) -> None:
        self.sender = line.partition("<")[2].partition(">")[0]
        self.say("250 fine" if self.allowed else "530 5.7.0 who are you?")

    def on_rcpt(self, line: str) -> None:
        self.recipient = line.partition("<")[2].partition(">")[0]
        refused = self.recipient == self.sink.refused
        self.say("550 5.1.1 nobody of that name" if refused else "250 fine")

    def on_rset(self, line: str) -> None:
        self.say("250 forgotten")

    def on_data(self, line: str) -> None:
        self.say("354 go on")
        lines = []
        while (part := self.rfile.readline()) != b".\r\n":
            lines.append(part.removeprefix(b".") if part.startswith(b"..") else part)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        self.sink.mails.append(Mail(self.sender, self.recipient, message))  # type: ignore[arg-type]
        self.say(f"250 2.0.0 taken as {len(self.sink.mails)}")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def untrusted_certificate(folder: Path, name: str = "DNS:nobody.test") -> Path:
    """A key and a certificate that it signed itself, in one file."""
    path = folder / "tls.pem"
    names = ["-addext", f"subjectAltName={name}"]
    command = [*TLS_KEY_COMMAND.split(), *names, "-keyout", str(path), "-out", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    path.write_bytes(path.read_bytes() + done.stdout)
    return path
