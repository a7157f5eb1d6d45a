"""Every command that the documents show is run, on the lab's host in the place of the example's."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.e2e.support import REPOSITORY, HostUnderTest, data_arguments
from tests.lab.hosts import ssh_command

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/*.md", "docs/decisions/*.md", "bench/README.md")
COMMAND = re.compile(r"^ {4,}((?:[A-Z0-9_]+=\S+ )?(?:make|pyinfra|ssh|docker|\.venv/|/opt/).*)$")
ELSEWHERE = {
    "make demo": "tests/e2e/test_24_bare.py",
    "make test": "these tests are a part of it",
    "make dev": "a part of make test",
    "make test-fast": "a part of make test",
    "make lint": "a part of make test",
    "make bench": "20 minutes; tests/unit/test_bench.py holds what it wrote against the README",
    "make bench BENCH='--rounds 1 --keep'": "the same",
    "make bench-report": "tests/unit/test_bench.py",
    "E2E_KEEP=1 .venv/bin/pytest tests/e2e/test_04_drift.py -k redis": "these tests run it",
    ".venv/bin/borgstack pair --limit staging": "wants a phone; tests/operations/test_pair.py",
    "pyinfra inventory.py deploy.py --limit staging": "asks a person; the same with -y is run",
}
ANSWERS = {"plan": 2, "status": 1}
"""Exit codes beside 0 that are an answer: something would change, no phone is paired."""
WHATSAPP = "docs/whatsapp.md"
"""Wants a host that has it: tests/e2e/test_22_whatsapp.py runs what it shows."""
ANA = {"email": "ana@example.com", "name": "Ana"}


def commands() -> Iterable[tuple[str, str]]:
    """Each document's commands, each once, in the order in which they stand there."""
    seen: dict[tuple[str, str], None] = {}
    for pattern in DOCUMENTS:
        for path in sorted(REPOSITORY.glob(pattern)):
            for line in path.read_text().splitlines():
                if shown := COMMAND.match(line):
                    command = re.split(r"\s{2,}|\s+#\s", shown[1])[0]
                    seen[str(path.relative_to(REPOSITORY)), command] = None
    return [one for one in seen if one[1] not in ELSEWHERE]


def commands_of(document: str) -> list[str]:
    """The commands of one document."""
    return [command for path, command in commands() if path == document]


@pytest.fixture(scope="module")
def host(fresh: tuple[HostUnderTest, object, float]) -> Iterator[HostUnderTest]:
    """The host, with the agent that the documents speak of."""
    plain = fresh[0]
    plain.deploy(agents=[ANA])
    yield plain
    plain.sql(
        "DELETE FROM account_users USING users WHERE users.id = user_id AND email ~ '^ana@'; "
        "DELETE FROM users WHERE email ~ '^ana@'"
    )
    plain.ssh("rm -f /opt/borgstack/first-passwords/*")
    plain.deploy()


@pytest.mark.parametrize(("document", "command"), [one for one in commands() if one[0] != WHATSAPP])
def test_a_command_of_the_documents_does_what_it_should(
    host: HostUnderTest, document: str, command: str
) -> None:
    does_what_it_should(host, document, command)


def does_what_it_should(host: HostUnderTest, document: str, command: str) -> None:
    """Run a command; its exit code has to be an answer, and it has to say something."""
    done = run(host, command)
    fine = {0, *(code for word, code in ANSWERS.items() if f"borgstack {word} " in command)}
    assert done.returncode in fine, f"{document}: {command}\n{done.stdout}{done.stderr}"
    assert done.stdout + done.stderr


def run(host: HostUnderTest, command: str) -> subprocess.CompletedProcess[str]:
    remote = re.fullmatch(r"ssh root@\S+ '(.*)'|(/opt/.*)", command)
    limit = shlex.join(["--limit", host.name, *data_arguments(host.data)])
    words = ["sh", "-c", command.replace("--limit staging", limit)]
    if remote:
        words = ssh_command(host.name, "root", f"{remote[1] or remote[2]} && echo done")
    return subprocess.run(
        words,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=600,
        check=False,
    )


def test_no_exception_is_for_a_command_that_is_shown_nowhere() -> None:
    text = "\n".join(
        path.read_text() for pattern in DOCUMENTS for path in Path(REPOSITORY).glob(pattern)
    )
    assert [command for command in ELSEWHERE if f"    {command}" not in text] == []
