"""scripts/make-venv.sh with a small `python`: what it asks of whose pip, and when it begins anew.
That what it installs is the lock, tests/e2e/test_23_setup.py shows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.support import REPOSITORY, program

PYTHON = """
case "$*" in
*print*version_info\\[:2\\]*) echo '(3, 11)' ;;
*ensurepip*) [ -z "${WITHOUT_ENSUREPIP:-}" ] ;;
*python*-venv*) echo python3.11-venv ;;
"-m venv --clear .venv")
  echo made >>calls
  mkdir -p .venv/bin
  cp "$0" .venv/bin/python
  printf '#!%s/.venv/bin/python\\n' "$PWD" >.venv/bin/pip
  chmod +x .venv/bin/pip ;;
*bin/pip*) echo "pip 25 from ${0%/bin/python}/lib/python3.11/site-packages/pip (python 3.11)" ;;
"-m pip"*) env | grep -E '^(PIP_|PYTHONPATH)' >>pip-environment ;;
esac
"""
"""Of a venv, and of its pip, that which the script asks for."""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    (folder / "scripts").mkdir(parents=True)
    shutil.copy2(REPOSITORY / "scripts/make-venv.sh", folder / "scripts")
    shutil.copy2(REPOSITORY / "Makefile", folder)
    program(tmp_path / "bin", "python3", PYTHON)
    return folder


def set_up(clone: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = f"{clone.parent / 'bin'}:{os.environ['PATH']}"
    command = ["sh", "scripts/make-venv.sh", "deploy"]
    return subprocess.run(
        command,
        cwd=clone,
        env={**os.environ, "PATH": path, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def made(clone: Path) -> int:
    return (clone / "calls").read_text().count("made")


def test_what_pip_is_told_of_other_places_does_not_count_here(clone: Path) -> None:
    """`user` cannot be in a venv; versions are the lock's; the project itself has no hash."""
    told = {"PIP_USER": "1", "PIP_CONSTRAINT": "/etc/motd", "PIP_REQUIRE_HASHES": "1"}
    told["PYTHONPATH"] = "/opt/ros"  # `pip check` would find what is missing there
    done = set_up(clone, **told, PIP_INDEX_URL="https://mirror.example.com/simple")
    assert done.returncode == 0, done.stderr
    lines = (clone / "pip-environment").read_text().splitlines()
    assert {"PIP_USER=0", "PIP_CONSTRAINT=/dev/null", "PIP_REQUIRE_HASHES=0"} <= set(lines)
    assert not {f"{name}={value}" for name, value in told.items()} & set(lines)
    assert "PIP_INDEX_URL=https://mirror.example.com/simple" in lines


def test_a_second_set_up_keeps_the_venv(clone: Path) -> None:
    assert [set_up(clone).returncode, set_up(clone).returncode] == [0, 0]
    assert made(clone) == 1


@pytest.mark.parametrize("how", ["move", "copy"])
def test_a_venv_that_came_from_another_folder_is_made_anew(clone: Path, how: str) -> None:
    """Its programs begin with the path of the old one, and run what is there, or not at all."""
    set_up(clone)
    elsewhere = clone.with_name("elsewhere")
    shutil.copytree(clone, elsewhere)
    if how == "move":
        shutil.rmtree(clone)
    done = set_up(elsewhere)
    assert (done.returncode, made(elsewhere)) == (0, 2), done.stderr
    assert set_up(elsewhere).returncode == 0
    assert made(elsewhere) == 2


def test_make_sees_that_a_venv_came_from_another_folder(clone: Path) -> None:
    for name in ("requirements/deploy.txt", "pyproject.toml"):
        (clone / name).parent.mkdir(exist_ok=True)
        (clone / name).touch()
    set_up(clone)
    elsewhere = clone.with_name("elsewhere")
    shutil.copytree(clone, elsewhere)
    fresh = [
        subprocess.run(["make", "-q", "setup"], cwd=one).returncode for one in (clone, elsewhere)
    ]
    assert fresh == [0, 1]


def test_who_cannot_install_pythons_venv_is_told_what_to_install(clone: Path) -> None:
    program(clone.parent / "bin", "id", "echo 1000")
    program(clone.parent / "bin", "apt-get", f"touch '{clone}/asked'; exit 100")
    done = set_up(clone, WITHOUT_ENSUREPIP="1")
    assert done.returncode == 1
    assert "python3.11-venv" in done.stderr
    assert "sudo apt-get install" in done.stderr
    assert not (clone / "asked").exists()
