"""A host for each worker, deployed to from bare; a file's tests run on one worker, in their order.

A test that changes the host puts it right itself, by another deploy. Without Docker these tests
fail: they are never skipped.
"""

from __future__ import annotations

import http.client
import os
import time
from pathlib import Path

import pytest

from tests import lab
from tests.e2e.support import WITHOUT_WHATSAPP, HostUnderTest, Run, copy_of_project

_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
HOST = os.environ.get("E2E_HOST", "e2e") + _WORKER
"""Another name lets two checkouts test at once on one lab."""
BARE_HOST = f"e2ebare{_WORKER}"
KEEP = bool(os.environ.get("E2E_KEEP"))
"""For work on single tests: take the host as the last session left it."""


@pytest.fixture(scope="session")
def fresh() -> tuple[HostUnderTest, Run, float]:
    """A bare host, the deploy that made it a Chatwoot, and the seconds to its first HTTPS 200.

    The plan made before it has to say what it does.
    """
    host = HostUnderTest(HOST)
    lab.up((HOST, BARE_HOST), data=WITHOUT_WHATSAPP)
    if not KEEP:
        lab.reset(HOST)
    plan = host.plan()
    started = time.monotonic()
    run = host.deploy()
    assert run.changed == plan.steps, f"{plan.output}\n{run.output}"
    while _status(host) != 200 and time.monotonic() - started < 300:
        time.sleep(0.2)
    return host, run, time.monotonic() - started


@pytest.fixture(scope="session")
def failures() -> list[int]:
    """How many tests had failed when the deployed host was last seen converged."""
    return [0]


@pytest.fixture
def stack(
    fresh: tuple[HostUnderTest, Run, float], failures: list[int], request: pytest.FixtureRequest
) -> HostUnderTest:
    """The deployed host, converged again where a test before it failed."""
    host = fresh[0]
    if request.session.testsfailed != failures[-1]:
        host.deploy()
        host.deploy().changed_only()
        failures.append(request.session.testsfailed)
    return host


@pytest.fixture(scope="session")
def bare() -> HostUnderTest:
    """A host that has nothing but what Debian gives it."""
    lab.up((HOST, BARE_HOST), data=WITHOUT_WHATSAPP)
    lab.reset(BARE_HOST)
    return HostUnderTest(BARE_HOST)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project to change."""
    return copy_of_project(tmp_path / "project")


def _status(host: HostUnderTest) -> int:
    try:
        return host.request("/")[0]
    except (OSError, http.client.HTTPException):
        return 0
