"""README's two commands on machines that have nothing but Debian, Python and make.

`make demo` is run twice: as the first thing, and with a package index in which every locked
package is superseded. An hour or two each, so they are of the slow tier.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.e2e.bare import PROJECT, BareMachine, bare_machine
from tests.e2e.package_index import make_index
from tests.e2e.support import REPOSITORY
from tests.lab import config

PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
INDEX = "/root/index"
PORT = 8765
LOCK = REPOSITORY / "requirements/deploy.txt"


def succeeds(machine: BareMachine, *command: str, **options: object) -> str:
    """Run a command there that has to end well; what it said."""
    done = machine.run(*command, **options)  # type: ignore[arg-type]
    assert done.returncode == 0, f"{command} on {machine.name}:\n{done.stdout[-20_000:]}"
    return done.stdout


def wheels_for(python: str) -> Path:
    """The wheels that an operator's set-up installs with that Python, fetched once."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder = config.CACHE / f"wheels-{digest}-deploy-{python}"
    if not folder.exists():
        half = folder.with_name(f"{folder.name}.half")
        fetch = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        words = [*fetch, f"--python-version={python}", "-r", str(LOCK), "-d", str(half)]
        subprocess.run([sys.executable, "-m", "pip", *words], check=True)
        half.rename(folder)
    return folder


def put_index(machine: BareMachine, folder: Path) -> None:
    """Bring an index to the machine, and serve it on the machine's own loopback."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        archive.add(folder, INDEX.lstrip("/"))
    machine.put(buffer.getvalue())
    serve = f"python3 {PROJECT}/tests/e2e/package_index.py {INDEX} {PORT} >/root/index.log 2>&1 &"
    succeeds(machine, "sh", "-c", serve)


@pytest.mark.slow
@pytest.mark.parametrize("suite", PYTHONS)
def test_the_demo_runs_on_a_bare_machine_and_again_when_all_is_superseded(
    suite: str, tmp_path: Path
) -> None:
    with bare_machine(suite) as machine:
        said = succeeds(machine, "make", "demo", timeout=5400)
        assert "Chatwoot runs on the lab host, behind HTTPS" in said
        make_index(tmp_path / "index", wheels_for(PYTHONS[suite]), LOCK)
        put_index(machine, tmp_path / "index")
        succeeds(machine, "rm", "-rf", ".venv")
        index = {"PIP_INDEX_URL": f"http://127.0.0.1:{PORT}/simple/", "PIP_NO_CACHE_DIR": "1"}
        said = succeeds(machine, "make", "demo", env=index)
        assert "Chatwoot runs on the lab host, behind HTTPS" in said


@pytest.mark.slow
@pytest.mark.parametrize("suite", PYTHONS)
def test_all_tests_run_on_a_bare_machine(suite: str) -> None:
    with bare_machine(suite) as machine:
        succeeds(machine, "make", "test", timeout=3 * 3600)
