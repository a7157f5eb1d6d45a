"""The other systems: what every file here shows on Debian 13, in short, on each of them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests import lab
from tests.e2e.support import WITHOUT_WHATSAPP, HostUnderTest, Run
from tests.e2e.test_03_survival import wait_for_https
from tests.e2e.test_04_drift import CASES, Drift, corrects_exactly, plant
from tests.e2e.test_07_upgrade import NEXT, upgrades

pytestmark = pytest.mark.slow
HOST = "e2etarget" + os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")


@dataclass(frozen=True)
class Target:
    """A system that the lab knows, what it needs set, and what has to be there in the end."""

    system: str
    versions: str
    data: dict[str, object] = field(default_factory=dict)


TARGETS = (
    Target("bookworm", r"debian 12, systemd 252, Docker 2\d\.\d+, Compose 2\.\d+"),
    Target(
        "newer-docker",
        r"debian 13, systemd 257, Docker 28\.5, Compose 2\.40",
        {"docker_source": "distribution"},
    ),
)
VERSIONS = """
. /etc/os-release
systemd=$(systemctl --version | sed -n '1s/systemd \\([0-9]*\\).*/\\1/p')
docker=$(docker version --format '{{.Server.Version}}' | cut -d . -f 1,2)
compose=$(docker compose version --short | cut -d . -f 1,2)
printf '%s' "$ID $VERSION_ID, systemd $systemd, Docker $docker, Compose $compose"
"""
SAMPLE = {
    "mode",
    "its volume made by hand, without Compose's labels",
    "a published port, with Compose's labels",
    "another environment, by a compose file that is put back",
    "made by hand with a way out",
    "made by hand without Compose's labels, our containers in it",
    "daemon.json",
    "stopped and masked",
    "socket masked",
}
"""Drifts that are seen and corrected through Docker, Compose and systemd."""


@pytest.fixture(scope="module", params=TARGETS, ids=lambda target: target.system)
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.param
    return found


@pytest.fixture(scope="module")
def fresh(target: Target) -> Iterator[tuple[HostUnderTest, Run, float]]:
    """In place of the host of the other files, one of each system in turn; bare again at the end.

    The plan made before its first deploy has to say what that does.
    """
    host = HostUnderTest(HOST)
    lab.up((HOST,), system=target.system, data={**WITHOUT_WHATSAPP, **target.data})
    lab.reset(HOST)
    plan, started = host.plan(), time.monotonic()
    run = host.deploy()
    seconds = time.monotonic() - started
    assert run.changed == plan.steps, f"{plan.output}\n{run.output}"
    yield host, run, seconds
    lab.reset(HOST)


def test_a_bare_host_becomes_chatwoot(
    target: Target, fresh: tuple[HostUnderTest, Run, float]
) -> None:
    host, _, seconds = fresh
    versions = host.ssh(VERSIONS)
    print(f"\n{versions}: first deploy {seconds:.0f} s")
    assert re.fullmatch(target.versions, versions)
    status, _, body = host.request("/")
    assert (status, "Chatwoot" in body) == (200, True)


def test_everything_works_and_a_second_run_changes_nothing(stack: HostUnderTest) -> None:
    verified = stack.verify()
    assert (verified.errors, verified.named("failed")) == ((), set()), verified.output
    before = stack.snapshot()
    stack.plan().lists_only()
    stack.deploy().changed_only()
    assert stack.snapshot() == before


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=f"{case.family}: {case.name}") for case in CASES if case.name in SAMPLE],
)
def test_one_run_corrects_exactly_the_drift(stack: HostUnderTest, case: Drift) -> None:
    corrects_exactly(plant(stack), case)


def test_a_reboot_brings_the_stack_back_by_itself(stack: HostUnderTest) -> None:
    lab.reboot(stack.name)
    wait_for_https(stack)
    before = stack.snapshot()
    stack.deploy().changed_only()
    assert stack.snapshot() == before


def test_an_upgrade_prepares_once_and_everything_works_after_it(stack: HostUnderTest) -> None:
    upgrades(stack)
    verified = stack.verify(chatwoot_image=NEXT)
    assert (verified.errors, verified.named("failed")) == ((), set()), verified.output
