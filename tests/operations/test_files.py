"""`files.put`, run for real on this machine: set, no change, drift, exactly that put right; and
nothing at all replaced when Compose or Caddy rejects a part of the set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pyinfra.api.exceptions import PyinfraError

from borgstack.operations import files, snapshot
from borgstack.project import Project, render
from tests.operations.conftest import run_local
from tests.unit.support import default_project, settings_of
from tests.unit.told import values

CADDYFILE = "config/caddy/Caddyfile"
REDIS = "config/redis/redis.conf"
COMPOSE = "docker-compose.yml"
PATHS = [file.path for file in default_project().files if file.content is not None]

pytestmark = pytest.mark.usefixtures("docker")


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the project lies in this test."""
    directory = tmp_path / "opt" / "borgstack"
    directory.parent.mkdir()
    monkeypatch.setattr(files, "DIRECTORY", str(directory))
    monkeypatch.setattr(snapshot, "DIRECTORY", str(directory))
    return directory


@pytest.fixture
def placed(directory: Path) -> Path:
    """The same with everything in place, without a run."""
    for file in default_project().files:
        path = directory / file.path
        if file.content is None:
            path.mkdir()
        else:
            path.write_bytes(file.content)
        os.chown(path, file.uid, file.gid)
        path.chmod(int(file.mode, 8))
    return directory


def put(project: Project | None = None) -> list[str] | None:
    """Run the operation: the files that it says it wrote, or None when it changed nothing."""
    meta = run_local(files.put, project=project or default_project())
    assert meta.did_succeed()
    if not meta.did_change():
        return None
    directory = files.DIRECTORY
    return sorted(line.removeprefix(f"wrote {directory}/") for line in meta.stdout_lines)


def inodes(directory: Path) -> dict[str, int]:
    return {path: os.lstat(directory / path).st_ino for path in PATHS}


def calls(docker: Path) -> str:
    return (docker / "calls").read_text()


def test_the_whole_set_is_put_and_a_second_run_changes_nothing(
    directory: Path, docker: Path
) -> None:
    assert put() == sorted(PATHS)
    for file in default_project().files:
        stat = (directory / file.path).stat()
        owner = (f"{stat.st_mode & 0o777:o}", stat.st_uid, stat.st_gid)
        assert owner == (file.mode, file.uid, file.gid), file.path
        if file.content is not None:
            assert (directory / file.path).read_bytes() == file.content
    assert len(calls(docker).splitlines()) == 2
    before = inodes(directory)
    assert put() is None
    assert inodes(directory) == before


def test_nothing_is_to_do_where_everything_is_in_place(placed: Path, docker: Path) -> None:
    before = inodes(placed)
    assert put() is None
    assert inodes(placed) == before
    assert calls(docker) == ""


def test_nothing_is_left_beside_the_files(directory: Path) -> None:
    put()
    declared = {file.path for file in default_project().files if file.path}
    assert {str(path.relative_to(directory)) for path in directory.rglob("*")} == declared


def linked(path: Path) -> None:
    elsewhere = path.parent.parent / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def edited(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"# edited\n")


DRIFTS: list[tuple[str, Callable[[Path], object], list[str]]] = [
    (CADDYFILE, edited, [CADDYFILE]),
    (CADDYFILE, lambda path: path.write_bytes(b""), [CADDYFILE]),
    (COMPOSE, lambda path: path.chmod(0o644), [COMPOSE]),
    (REDIS, lambda path: os.chown(path, 0, 0), [REDIS]),
    (REDIS, lambda path: path.unlink(), [REDIS]),
    (REDIS, linked, [REDIS]),
    ("config/redis", shutil.rmtree, [REDIS]),
    ("config/redis", lambda path: path.chmod(0o700), []),
    ("config", lambda path: os.chown(path, 5, 5), []),
    ("", lambda path: path.chmod(0o755), []),
    (".staging", lambda path: path.mkdir(), []),
]


@pytest.mark.parametrize(("path", "drift", "expected"), DRIFTS)
def test_a_drift_is_put_right_and_nothing_else_is_touched(
    placed: Path, path: str, drift: Callable[[Path], object], expected: list[str]
) -> None:
    before = inodes(placed)
    drift(placed / path)
    assert put() == expected
    after = inodes(placed)
    assert [name for name in PATHS if after[name] != before[name]] == expected
    assert put() is None


def test_a_folder_that_became_a_link_is_put_right(placed: Path) -> None:
    linked(placed / "config/redis")
    before = (placed / "elsewhere/redis.conf").read_bytes()
    assert REDIS in (put() or [])
    assert not (placed / "config/redis").is_symlink()
    assert (placed / "elsewhere/redis.conf").read_bytes() == before
    assert put() is None


def test_a_file_that_stands_where_a_folder_belongs_is_named(
    placed: Path, messages: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(placed / "config/redis")
    (placed / "config/redis").touch()
    with pytest.raises(PyinfraError):
        put()
    assert "config/redis" in messages.text


def test_what_the_operator_put_beside_the_files_stays(placed: Path) -> None:
    own = placed / "config/caddy/conf.d/mine.caddy"
    own.write_text("mine.example.com {\n}\n")
    edited(placed / CADDYFILE)
    assert put() == [CADDYFILE]
    assert own.read_text() == "mine.example.com {\n}\n"


def test_a_setting_that_changes_is_written_where_it_is_read(placed: Path) -> None:
    assert put(render(settings_of(redis_image="redis:8.4-alpine"))) == [COMPOSE]


@pytest.mark.parametrize(
    ("reject", "named"),
    [
        ("reject-compose", {"bad", "yaml", "docker-compose.yml"}),
        ("reject-caddy", {"bad", "directive", "Caddyfile"}),
        # whatever is to be run: it is not the Caddyfile that is at fault
        ("no-start", {"runc", "125", "journalctl"}),
        ("no-compose", {"unknown", "command", "Compose"}),
    ],
)
def test_nothing_is_replaced_when_a_part_of_the_set_is_rejected(
    placed: Path,
    docker: Path,
    reject: str,
    named: set[str],
    messages: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for path in (COMPOSE, CADDYFILE, REDIS):
        edited(placed / path)
    before = {path: (placed / path).read_bytes() for path in PATHS}
    numbers = inodes(placed)
    (docker / reject).touch()
    with pytest.raises(PyinfraError):
        put()
    assert {path: (placed / path).read_bytes() for path in PATHS} == before
    assert inodes(placed) == numbers
    assert not (placed / ".staging").exists()
    captured = capfd.readouterr()
    text = messages.text + captured.out + captured.err
    assert {*named, "Nothing", str(placed)} <= values(text)
    (docker / reject).unlink()
    assert put() == sorted([COMPOSE, CADDYFILE, REDIS])


def test_compose_is_asked_with_the_operators_override(placed: Path, docker: Path) -> None:
    (placed / "docker-compose.override.yml").write_text("services: {}\n")
    edited(placed / COMPOSE)
    put()
    (asked,) = [line for line in calls(docker).splitlines() if "override" in line]
    assert asked == (
        f"compose --project-directory {placed} --env-file {placed}/.env "
        f"-f docker-compose.yml -f {placed}/docker-compose.override.yml config -q"
    )


def test_caddy_is_asked_only_about_a_caddyfile_that_differs(placed: Path, docker: Path) -> None:
    (docker / "calls").write_text("")
    edited(placed / REDIS)
    put()
    assert calls(docker) == ""


def test_caddy_validates_what_it_would_see_drop_ins_included(placed: Path, docker: Path) -> None:
    (placed / "config/caddy/conf.d/mine.caddy").write_text("x\n")
    edited(placed / CADDYFILE)
    script = docker / "docker"
    listing = (
        'for word in "$@"; do case $word in *:/etc/caddy:ro) ls -R "${word%%:*}" ;; esac; done'
    )
    script.write_text(script.read_text().replace("run*)", f"run*) {listing} >{docker}/seen;"))
    put()
    seen = (docker / "seen").read_text()
    assert "Caddyfile" in seen
    assert "mine.caddy" in seen


def test_an_archive_that_cannot_be_unpacked_replaces_nothing(
    placed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    messages: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    edited(placed / REDIS)
    before = (placed / REDIS).read_bytes()
    monkeypatch.setattr(files, "_archive", lambda *_: b"no tar at all")
    with pytest.raises(PyinfraError):
        put()
    assert (placed / REDIS).read_bytes() == before
    assert not (placed / ".staging").exists()
    captured = capfd.readouterr()
    text = messages.text + captured.out + captured.err
    assert {"archive", "tar"} <= values(text)
