"""The one-shot that fills n8n, run for real in node; a small `n8n` on PATH notes its words."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from borgstack.project import render
from tests.unit.support import program, settings_of
from tests.unit.told import values

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="there is no node here")

SECRETS = {
    "CHATWOOT_API_TOKEN": "TokenOfChatwoot0123456789",
    "EVOLUTION_API_KEY": "KeyOfEvolution",
    "WHATSAPP_BRIDGE_SECRET": "SecretOfTheBridge",
}


class Prepare:
    """One run of prepare.js, and what it has asked of n8n."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for file in render(settings_of(own_workflows=["errors"])).files:
            if file.path.startswith("config/n8n/") and file.content is not None:
                path = folder / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
        self.numbers = folder / "config/n8n/numbers.json"
        self.numbers.write_text('{"account": 7, "inbox": 5}\n')
        text = (folder / "config/n8n/prepare.js").read_text()
        text = text.replace('"/etc/borgstack"', f'"{folder}/config/n8n"')
        text = text.replace("/tmp/import", f"{folder}/import")
        (folder / "prepare.js").write_text(text)
        program(folder / "bin", "n8n", f'echo "$*" >>{folder}/words')

    def run(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["node", str(self.folder / "prepare.js")],
            env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}", **SECRETS},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    @property
    def words(self) -> list[str]:
        """n8n's commands so far, without their arguments."""
        path = self.folder / "words"
        return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []

    def imported(self) -> dict[str, str]:
        """The workflows as they were handed to n8n, by file."""
        folder = self.folder / "import/workflows"
        return {one.name: one.read_text() for one in folder.iterdir()}


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    return Prepare(tmp_path)


ALL = [
    *("import:credentials", "list:workflow", "import:workflow"),
    *("update:workflow", "update:workflow"),
]


def test_it_fills_in_what_only_the_server_knows(prepare: Prepare) -> None:
    done = prepare.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert {"credentials", "3", "workflows"} <= values(done.stdout)
    assert prepare.words == ALL
    text = "".join(prepare.imported().values())
    assert "/accounts/7/" in text
    assert "@@" not in text
    credentials = (prepare.folder / "import/credentials.json").read_text()
    assert all(value in credentials for value in SECRETS.values())


def test_a_workflow_of_the_operators_own_that_is_there_stays(prepare: Prepare) -> None:
    listed = 'case "$1" in list:workflow) echo borgstackErrors ;; esac'
    program(prepare.folder / "bin", "n8n", listed)
    assert {"credentials", "2", "workflows"} <= values(prepare.run().stdout)
    assert not any("errors" in name for name in prepare.imported())


@pytest.mark.parametrize("written", [None, "", '{"account": 7'])
def test_without_the_numbers_nothing_is_imported(prepare: Prepare, written: str | None) -> None:
    if written is None:
        prepare.numbers.unlink()
    else:
        prepare.numbers.write_text(written)
    done = prepare.run()
    assert done.returncode == 1
    assert "numbers.json" in done.stderr
    assert prepare.words == []


def test_a_command_of_n8n_that_fails_ends_it(prepare: Prepare) -> None:
    program(prepare.folder / "bin", "n8n", "echo 'no database' >&2\nexit 3")
    done = prepare.run()
    assert done.returncode == 1
    assert "no database" in done.stderr
    assert {"import:credentials", "0", "3"} <= values(done.stderr)
