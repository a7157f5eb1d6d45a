"""One host with the real programs, for all tests here."""

from __future__ import annotations

import time

import pytest

from tests import lab
from tests.e2e.support import HostUnderTest
from tests.real.support import Whole


@pytest.fixture(scope="module")
def whole() -> Whole:
    """A bare host, planned and deployed to with everything switched on."""
    lab.up(("real",), data={})
    lab.reset("real")
    host = HostUnderTest("real")
    plan = host.plan()
    started = time.monotonic()
    run = host.deploy()
    seconds = time.monotonic() - started
    print(f"first deploy with the real programs: {seconds:.0f} s")
    return Whole(host, plan.steps, run, seconds)
