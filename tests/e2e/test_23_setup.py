"""`make setup` and `make dev` install what the lock names: with an index that has newer releases of
everything, and with the pip of every system that the README names.

The index is the only one in reach: what this machine's pip is configured to is left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import package_index
from tests.e2e.bare import tracked
from tests.e2e.package_index import locked, make_index, serving
from tests.e2e.support import REPOSITORY
from tests.lab import config

DEV = REPOSITORY / "requirements/dev.txt"
DEPLOY = REPOSITORY / "requirements/deploy.txt"
NOT_LOCKED = {"pip", "borgstack"}
"""What comes with the venv, and the project itself."""
PIPS = {
    "22.0.2": "Ubuntu 22.04",
    "23.0.1": "Debian 12",
    "24.0": "Ubuntu 24.04",
    "25.1.1": "Debian 13",
    "newest": "whoever has run pip install --upgrade pip",
}
FIRST_FOR_PYTHON_3_12 = (23, 2)
"""Older pips do not start with Python 3.12, and no system has the two together."""


def pips() -> list[str]:
    """The pips that this Python can run."""
    if sys.version_info < (3, 12):
        return list(PIPS)
    return [
        one
        for one in PIPS
        if one == "newest" or tuple(map(int, one.split(".")[:2])) >= FIRST_FOR_PYTHON_3_12
    ]


def isolated(index: str) -> dict[str, str]:
    """An environment in which pip knows this index and nothing else."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    # The tests' own make is called by make as well, and would hand its variables down.
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV"):
        own.pop(name, None)
    alone = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "0"}
    return {**own, **alone, "PIP_INDEX_URL": index}


@pytest.fixture(scope="session")
def wheels() -> Path:
    """The wheels of the lock for this Python, fetched once for each lock."""
    digest = hashlib.sha256(DEV.read_bytes()).hexdigest()[:16]
    folder = config.CACHE / f"wheels-{digest}-{sys.version_info[0]}.{sys.version_info[1]}"
    if not folder.exists():
        half = folder.with_name(f"{folder.name}.{os.getpid()}")
        fetch = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        run([sys.executable, "-m", "pip", *fetch, "-r", str(DEV), "-d", str(half)])
        half.rename(folder)
    return folder


@pytest.fixture(scope="session")
def index(
    wheels: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, list[str]]]:
    """An index in which every locked package is superseded; its address, and what was asked."""
    folder = tmp_path_factory.mktemp("index")
    make_index(folder, wheels, DEV)
    with serving(folder) as served:
        yield served


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project as somebody has it who has just cloned it."""
    for name in tracked():
        target = tmp_path / "clone" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, target)
    return tmp_path / "clone"


def run(
    command: list[str], folder: Path = REPOSITORY, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command that has to succeed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done


def installed(folder: Path) -> dict[str, str]:
    """Name and version of what is in a project's .venv."""
    listed = run([f"{folder}/.venv/bin/python", "-m", "pip", "list", "--format=json"]).stdout
    return {package_index.normal(one["name"]): one["version"] for one in json.loads(listed)}


def is_the_lock(folder: Path, lock: Path) -> None:
    """Assert that .venv holds what the lock names for this machine, and nothing else."""
    wanted, found = locked(lock), installed(folder)
    elsewhere = {"colorama", "pysocks"} & wanted.keys() - found.keys()  # for Windows
    assert {**found, **{name: wanted[name] for name in elsewhere}} == {
        **wanted,
        **{name: found[name] for name in NOT_LOCKED},
    }


def superseding(asked: list[str]) -> list[str]:
    """Which of the made-up releases were fetched."""
    made_up = {
        f"/files/{name.replace('-', '_')}-{version}-py3-none-any.whl"
        for name, now in locked(DEV).items()
        for version in package_index.newer(now)
    }
    return sorted(made_up & set(asked))


def test_the_index_has_two_newer_releases_of_each_locked_package(
    index: tuple[str, list[str]], tmp_path: Path
) -> None:
    """That is, a pip that is free to choose takes one of them."""
    venv = tmp_path / "venv"
    run([sys.executable, "-m", "venv", str(venv)])
    run(
        [f"{venv}/bin/pip", "install", "--quiet", "--upgrade", *locked(DEV)], env=isolated(index[0])
    )
    listed = run([f"{venv}/bin/pip", "list", "--format=json"]).stdout
    found = {package_index.normal(one["name"]): one["version"] for one in json.loads(listed)}
    assert {found[name] for name in locked(DEV)} == {"9999.0"}


def test_setup_and_dev_install_the_lock_though_each_package_has_newer_releases(
    index: tuple[str, list[str]], clone: Path
) -> None:
    address, asked = index
    del asked[:]
    for target, lock in (("setup", DEPLOY), ("dev", DEV)):
        run(["make", f"PYTHON={sys.executable}", target], clone, isolated(address))
        is_the_lock(clone, lock)
    assert superseding(asked) == []
    run([".venv/bin/borgstack", "--help"], clone)


@pytest.mark.family("pip")
@pytest.mark.parametrize("pip", pips())
def test_every_systems_pip_installs_the_lock(
    index: tuple[str, list[str]], clone: Path, pip: str
) -> None:
    run([sys.executable, "-m", "venv", str(clone / ".venv")])
    wanted = "pip" if pip == "newest" else f"pip=={pip}"
    run([f"{clone}/.venv/bin/python", "-m", "pip", "install", "--quiet", "--upgrade", wanted])
    run(["sh", "scripts/make-venv.sh", "deploy", sys.executable], clone, isolated(index[0]))
    is_the_lock(clone, DEPLOY)
    if pip != "newest":
        assert installed(clone)["pip"] == pip


def test_a_venv_whose_python_has_become_another_is_made_anew(
    index: tuple[str, list[str]], clone: Path
) -> None:
    """As after an upgrade of the system; Make's stamp would say that all is done."""
    run(["make", f"PYTHON={sys.executable}", "setup"], clone, isolated(index[0]))
    (library,) = (clone / ".venv/lib").iterdir()
    library.rename(library.with_name("python3.10"))
    run(["make", f"PYTHON={sys.executable}", "setup"], clone, isolated(index[0]))
    is_the_lock(clone, DEPLOY)
    done = ["make", "-q", f"PYTHON={sys.executable}", "setup"]
    run(done, clone, isolated(index[0]))
