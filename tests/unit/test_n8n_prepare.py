"""The one-shot that fills n8n, run for real in node, with a small `n8n` on PATH that notes its
words and a Chatwoot that answers as it is told to.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typing_extensions import override

from borgstack.project import render
from tests.unit.support import program, settings_of

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="there is no node here")

TOKEN = "TokenOfChatwoot0123456789"
PROFILE = {"accounts": [{"id": 7}]}
"""As Chatwoot tells it: the account whose inbox it is."""
Answer = tuple[int, object]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Prepare:
    """One run of prepare.js, and what it has asked of n8n."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.asked: list[str] = []
        for file in render(settings_of()).files:
            if file.path.startswith("config/n8n/") and file.content is not None:
                path = folder / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
        self.wanted: dict[str, Any] = json.loads(
            (folder / "config/n8n/preparation.json").read_bytes()
        )
        text = (folder / "config/n8n/prepare.js").read_text()
        text = text.replace('"/etc/borgstack"', f'"{folder}/config/n8n"')
        text = text.replace('"http://chatwoot:3000"', f'"http://127.0.0.1:{self.port}"')
        text = text.replace("/tmp/import", f"{folder}/import")
        (folder / "prepare.js").write_text(text)
        program(folder / "bin", "n8n", f'echo "$*" >>{folder}/words')

    def answers(self, answer: Callable[[str], Answer], after: float = 0) -> None:
        """Have Chatwoot answer like this, from so many seconds on."""
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                status, body = answer(self.path)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            @override
            def log_message(self, format: str, *args: Any) -> None:
                pass

        def serve() -> None:
            time.sleep(after)
            HTTPServer(("127.0.0.1", self.port), Handler).serve_forever()

        Thread(target=serve, daemon=True).start()

    def run(self) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "CHATWOOT_API_TOKEN": TOKEN,
            "EVOLUTION_API_KEY": "KeyOfEvolution",
            "WHATSAPP_BRIDGE_SECRET": "SecretOfTheBridge",
        }
        return subprocess.run(
            ["node", str(self.folder / "prepare.js")],
            env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    @property
    def words(self) -> list[str]:
        """n8n's commands so far, without their arguments."""
        path = self.folder / "words"
        return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    return Prepare(tmp_path)


def chatwoot(prepare: Prepare) -> Callable[[str], Answer]:
    inbox = {"id": 5, "name": prepare.wanted["inbox"], "webhook_url": prepare.wanted["replyUrl"]}
    return lambda path: (200, PROFILE if path.endswith("profile") else {"payload": [inbox]})


ALL = ["import:credentials", "import:workflow", "update:workflow", "update:workflow"]


def test_it_waits_for_a_chatwoot_that_is_starting_and_works_meanwhile(prepare: Prepare) -> None:
    late, fine = [503, 502], chatwoot(prepare)
    prepare.answers(lambda path: (late.pop(), {}) if late else fine(path), after=1.5)
    done = prepare.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert prepare.words == ALL
    assert len(prepare.asked) == 4
    text = "".join(one.read_text() for one in (prepare.folder / "import/workflows").iterdir())
    assert "/accounts/7/" in text
    assert "@@" not in text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((401, {}), "expected 200 for /api/v1/profile; saw: Chatwoot answered 401"),
        ((200, {"accounts": []}), "whose webhook is n8n; Chatwoot has none"),
    ],
)
def test_what_will_not_change_is_not_waited_for(
    prepare: Prepare, answer: Answer, expected: str
) -> None:
    prepare.answers(lambda path: answer)
    done = prepare.run()
    assert done.returncode == 1
    assert expected in done.stderr
    assert prepare.words == ["import:credentials"]
    assert TOKEN not in done.stderr


def test_a_command_of_n8n_that_fails_ends_it(prepare: Prepare) -> None:
    prepare.answers(chatwoot(prepare))
    program(prepare.folder / "bin", "n8n", "echo 'no database' >&2\nexit 3")
    done = prepare.run()
    assert done.returncode == 1
    assert "no database" in done.stderr
    assert "expected n8n import:credentials to end with 0; it ended with 3" in done.stderr
