"""`env.complete`, run for real on this machine: set, no change, drift, exactly that put right."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from borgstack import entries
from borgstack.entries import Kind
from borgstack.operations import env, snapshot
from borgstack.settings import Settings
from tests.operations.conftest import run_local
from tests.unit.support import settings_of

NAMES = [entry.name for entry in entries.entries_for(settings_of())]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where `.env` lies in this test, complete."""
    path = tmp_path / "borgstack" / ".env"
    monkeypatch.setattr(env, "ENV_PATH", str(path))
    monkeypatch.setattr(snapshot, "ENV_PATH", str(path))
    return path


@pytest.fixture
def placed(path: Path) -> Path:
    """The same, complete, without a run."""
    one = settings_of()
    path.parent.mkdir()
    path.write_text("# the operator's own\nMY_KEY=1\n")
    with path.open("a") as file:
        for entry in entries.entries_for(one):
            value = entry.value(one) if entry.value else entries.generate(entry)
            file.write(f"{entry.name}={value}\n")
    path.chmod(0o600)
    return path


def complete(settings: Settings | None = None) -> list[str]:
    """Run the operation and return the names that it says it wrote."""
    meta = run_local(env.complete, settings=settings or settings_of())
    assert meta.did_succeed()
    lines = meta.stderr_lines if meta.did_change() else []
    return [name for line in lines if (name := line.removeprefix("wrote ").strip())]


def unchanged() -> bool:
    return not run_local(env.complete, settings=settings_of()).did_change()


def test_every_entry_is_written_and_a_second_run_changes_nothing(path: Path) -> None:
    assert complete() == NAMES
    before = (path.stat().st_ino, path.read_bytes())
    assert unchanged()
    assert (path.stat().st_ino, path.read_bytes()) == before


def emptied(path: Path, name: str) -> None:
    path.write_text(re.sub(rf"^{name}=.*$", f"{name}=", path.read_text(), flags=re.M))


def deleted(path: Path, name: str) -> None:
    path.write_text(re.sub(rf"^{name}=.*\n", "", path.read_text(), flags=re.M))


def linked(path: Path) -> None:
    elsewhere = path.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


DRIFTS: list[tuple[str, Callable[[Path], object], list[str]]] = [
    ("mode", lambda path: path.chmod(0o644), []),
    ("owner", lambda path: os.chown(path, 999, 1000), []),
    ("symbolic link", linked, []),
    ("emptied secret", lambda path: emptied(path, "REDIS_PASSWORD"), ["REDIS_PASSWORD"]),
    ("deleted secret", lambda path: deleted(path, "CHATWOOT_API_TOKEN"), ["CHATWOOT_API_TOKEN"]),
    ("emptied plain value", lambda path: emptied(path, "DOMAIN"), ["DOMAIN"]),
    ("deleted file", lambda path: path.unlink(), NAMES),
]


@pytest.mark.parametrize(
    ("drift", "expected"), [row[1:] for row in DRIFTS], ids=[row[0] for row in DRIFTS]
)
def test_a_drift_is_put_right_and_nothing_else_is_touched(
    placed: Path, drift: Callable[[Path], object], expected: list[str]
) -> None:
    path = placed
    before = values(path)
    drift(path)
    assert complete() == expected
    assert path.is_file()
    assert not path.is_symlink()
    stat = path.stat()
    assert (f"{stat.st_mode & 0o777:o}", stat.st_uid, stat.st_gid) == ("600", 0, 0)
    after = values(path)
    assert {name for name in NAMES if after[name] != before[name]} <= set(expected)
    assert all(after.values())
    assert unchanged()


def values(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z0-9_]+)=(.*)$", path.read_text(), re.MULTILINE))


def test_a_setting_that_changes_is_written_and_no_secret_with_it(placed: Path) -> None:
    path = placed
    before = values(path)
    moved = settings_of(chatwoot_host="talk.example.com")
    assert complete(moved) == ["CHATWOOT_HOST"]
    assert values(path) == {**before, "CHATWOOT_HOST": "talk.example.com"}


@pytest.mark.usefixtures("echo")
def test_a_run_shows_no_value_however_loud_it_is(
    path: Path, capfd: pytest.CaptureFixture[str], messages: pytest.LogCaptureFixture
) -> None:
    messages.set_level("DEBUG", logger="pyinfra")
    for _ in range(2):
        run_local(env.complete, loud=True, settings=settings_of())
        emptied(path, "REDIS_PASSWORD")
    run_local(env.complete, loud=True, settings=settings_of())
    captured = capfd.readouterr()
    said = captured.out + captured.err + messages.text
    assert "borgstack-env_write" in said
    assert "wrote REDIS_PASSWORD" in said
    for entry in entries.entries_for(settings_of()):
        if entry.kind is not Kind.PLAIN:
            assert values(path)[entry.name] not in said


def test_a_supplied_secret_follows_its_reference(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {"smtp_address": "smtp.example.com", "smtp_username": "c"}
    for value in ("first", "second"):
        monkeypatch.setenv("TEST_SMTP", value)
        settings = settings_of(**data, smtp_password="env:TEST_SMTP")
        assert "SMTP_PASSWORD" in complete(settings)
        assert values(path)["SMTP_PASSWORD"] == value
        assert complete(settings) == []
