"""What masking hides from logs and diffs: every value of `.env` that could be a secret."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from borgstack.entries import ENTRIES
from borgstack.remote import script_text, with_inclusions
from borgstack.services.base import Entry, Kind

PROGRAM = "".join(map(with_inclusions, ("env.awk", "mask.awk")))


def masked(tmp_path: Path, env: str, log: str) -> str:
    (tmp_path / ".env").write_text(env)
    command = ["awk", PROGRAM, "part=env", str(tmp_path / ".env"), "part=log", "-"]
    return subprocess.run(command, input=log, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("env", "log", "expected"),
    [
        pytest.param("A=secret1\n", "x secret1 y secret1\n", "x ***** y *****\n", id="each time"),
        pytest.param("A=abcdef\nB=abcdefTAIL\n", "abcdefTAIL\n", "*****\n", id="longest first"),
        pytest.param('A="with\\"quote99"\n', 'with"quote99\n', "*****\n", id="unescaped form"),
        pytest.param("A='single q'\n", "a single q b\n", "a ***** b\n", id="quoted"),
        pytest.param("A=four\n", "it is four\n", "it is *****\n", id="short ones too"),
        pytest.param("MY_HOST=internal9\n", "internal9\n", "*****\n", id="an operator's own host"),
        pytest.param("A=****\nB=****x\n", "****x\n", "*****\n", id="stars end"),
        pytest.param(
            "CHATWOOT_HOST=chat.a\nDOMAIN=a.bc\n", "chat.a a.bc\n", "chat.a a.bc\n", id="plain"
        ),
        pytest.param("A=abc\n", "abc\n", "abc\n", id="too short to hide"),
    ],
)
def test_values_are_replaced_by_stars(tmp_path: Path, env: str, log: str, expected: str) -> None:
    assert masked(tmp_path, env, log) == expected


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_only_what_is_no_secret_is_shown(tmp_path: Path, entry: Entry) -> None:
    shown = masked(tmp_path, f"{entry.name}=the-value\n", "the-value\n") == "the-value\n"
    assert shown == (entry.kind is Kind.PLAIN)


@pytest.mark.parametrize("name", ["services_up", "postgresql_converge", "files_masked"])
def test_what_prints_logs_or_files_masks_them(name: str) -> None:
    assert "function masked(" in script_text(name)
