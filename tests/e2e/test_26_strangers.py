"""A server that people have used for years: a deploy, a second one, drift, an upgrade and a removal
leave all of it as it was.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import lab
from tests.e2e.strangers import Greeting, Strangers, prepare
from tests.e2e.support import WITHOUT_WHATSAPP, HostUnderTest
from tests.e2e.test_07_upgrade import NEXT

HOST = "e2eold" + os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
DATA = {"docker_source": "distribution", "docker_address_pools": []}


@pytest.fixture(scope="module")
def old() -> Iterator[HostUnderTest]:
    """A host prepared by hand; bare again at the end."""
    host = Greeting(HOST, DATA)
    lab.up((HOST,), data=WITHOUT_WHATSAPP)
    lab.reset(HOST)
    prepare(host)
    yield host
    lab.reset(HOST)


@pytest.fixture(scope="module")
def strangers(old: HostUnderTest) -> Strangers:
    found = Strangers(old)
    found.first = found.look()
    return found


def test_the_plan_of_a_first_deploy_touches_nothing(
    old: HostUnderTest, strangers: Strangers
) -> None:
    plan = old.plan()
    assert plan.code == 2, plan.output
    assert strangers.look() == strangers.first


def test_a_first_deploy_leaves_everything_as_it_was(
    old: HostUnderTest, strangers: Strangers
) -> None:
    old.deploy(whatsapp=True)
    strangers.unharmed()
    assert old.request("/api")[0] == 200
    old.deploy(whatsapp=True).changed_only()
    strangers.unharmed()


@pytest.mark.slow
def test_so_do_drift_an_upgrade_and_a_removal(old: HostUnderTest, strangers: Strangers) -> None:
    old.ssh("docker rm -f chatwoot-worker && rm /opt/borgstack/config/caddy/Caddyfile")
    old.deploy(whatsapp=True)
    old.deploy(whatsapp=True, chatwoot_image=NEXT)
    old.deploy(chatwoot_image=NEXT)
    assert not {"n8n", "evolution"} & set(old.containers())
    strangers.unharmed()
    old.deploy(chatwoot_image=NEXT).changed_only()


def test_what_is_in_the_way_is_refused_at_once_and_by_name(
    old: HostUnderTest, strangers: Strangers
) -> None:
    old.deploy()
    assert not {"n8n", "evolution"} & set(old.containers())
    strangers.unharmed()
    old.ssh("docker run -d --name n8n -v ops_own:/data ops/tool:1 sleep infinity")
    before = strangers.look(), old.snapshot()
    wanted = {"whatsapp": True, "chatwoot_image": NEXT, "chatwoot_host": "nowhere.lab.invalid"}
    run = old.try_deploy(**wanted)
    run.failed_with("expected no container n8n", "nowhere.lab.invalid to lead", "Nothing was touch")
    assert (strangers.look(), old.snapshot()) == before
    old.ssh("docker rm -f n8n && docker volume rm ops_own")
