"""Nobody can claim an installation while it comes into being, not even when the run dies.

A stranger asks from outside, twenty times a second, through the whole first deploy. The host is
this file's own, since each test begins on a bare one and the last leaves holes in it.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import lab
from tests.e2e.probe import HOME, QUESTIONS, Probe
from tests.e2e.support import PYINFRA, REPOSITORY, WITHOUT_WHATSAPP, HostUnderTest

HOST = "e2eclaim"
PREPARING = "docker ps --quiet --filter name=^chatwoot-prepare$ 2>/dev/null; true"
Process = subprocess.Popen[bytes]


CutOff = Callable[[HostUnderTest, Process], object]
# How a first deploy is cut off while it prepares the database.
CUT_OFF: dict[str, CutOff | None] = {
    "not at all": None,
    "run killed": lambda host, run: run.kill(),
    "prepare killed": lambda host, run: host.ssh("docker kill chatwoot-prepare"),
}


@pytest.fixture(scope="module")
def claimed() -> Iterator[HostUnderTest]:
    """A host to deploy to from bare; bare again at the end, so that nothing with holes runs on."""
    lab.up((HOST,), data=WITHOUT_WHATSAPP)
    yield HostUnderTest(HOST)
    lab.reset(HOST)


@contextmanager
def deploying(host: HostUnderTest, log: Path) -> Iterator[Process]:
    """A deploy that runs meanwhile, and not longer."""
    command = [str(PYINFRA), "inventory.py", "deploy.py", "--limit", host.name, "-y"]
    with log.open("wb") as output:
        run = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            yield run
        finally:
            run.kill()
            run.wait()


def wait_for(what: str, seen: Callable[[], bool], log: Path) -> None:
    """Wait at most ten minutes."""
    deadline = time.monotonic() + 600
    while not seen():
        assert time.monotonic() < deadline, f"not seen: {what}\n{log.read_text()}"
        time.sleep(0.3)


def deploy_until(host: HostUnderTest, cut_off: CutOff, log: Path) -> None:
    """Deploy, cut it off while prepare works, and give time to whatever still starts something."""
    with deploying(host, log) as run:

        def prepares() -> bool:
            assert run.poll() is None, f"the run ended before it prepared:\n{log.read_text()}"
            return bool(host.ssh(PREPARING))

        wait_for("prepare at work", prepares, log)
        cut_off(host, run)
        assert run.wait(timeout=240) != 0, f"the run was not cut off:\n{log.read_text()}"
    wait_for("the end of prepare", lambda: not host.ssh(PREPARING), log)
    time.sleep(5)


def deploy_to_the_end(host: HostUnderTest, probe: Probe, log: Path) -> None:
    """Deploy, and see the stranger get the page that everybody may see."""
    with deploying(host, log) as run:
        assert run.wait(timeout=900) == 0, log.read_text()
    wait_for("a page", lambda: getattr(probe.last.get(HOME), "status", 0) == 200, log)


@pytest.mark.parametrize(
    "cut_off",
    [
        pytest.param(how, id=name, marks=pytest.mark.family("first deploy"))
        for name, how in CUT_OFF.items()
    ],
)
def test_a_stranger_gets_nothing_all_through_the_first_deploy(
    claimed: HostUnderTest, cut_off: CutOff | None, tmp_path: Path
) -> None:
    log = tmp_path / "deploy.log"
    lab.reset(HOST)
    with Probe(claimed.address, claimed.chatwoot) as probe:
        if cut_off:
            deploy_until(claimed, cut_off, log)
            assert probe.answers == 0, f"a half made host answers: {probe.last}"
        deploy_to_the_end(claimed, probe, log)
    print(f"\n{probe.rate:.1f} questions a second, {probe.pause:.1f} s apart at most")
    probe.found_nothing()


# Each opens something that a deploy shuts: Chatwoot's own switches, Caddy's blocks, a port.
RAILS = (
    "InstallationConfig.find_by(name: 'ENABLE_ACCOUNT_SIGNUP').update!(value: false); "
    "Redis::Alfred.set(Redis::Alfred::CHATWOOT_INSTALLATION_ONBOARDING, true)"
)
CADDYFILE = """
{{
	skip_install_trust
}}
https://{name} {{
	tls internal
	respond /super_admin "the users" 200
	reverse_proxy chatwoot:3000
}}
http://{name} {{
	respond "a page" 200
}}
"""
LOAD = "cat > /tmp/holes && caddy reload --adapter caddyfile --config /tmp/holes"
PUBLISH = "docker run -d -p 3000:3000 caddy:2.10-alpine caddy respond --listen :3000"


def overlooked(probe: Probe) -> list[str]:
    """The questions that no harmful answer came to."""
    found = {question for question, _ in probe.holes}
    return [str(question) for question in QUESTIONS if question not in found]


@pytest.mark.on_doubles
def test_the_stranger_finds_every_hole_that_there_is(claimed: HostUnderTest) -> None:
    claimed.deploy()
    claimed.ssh(f'docker exec chatwoot bundle exec rails runner "{RAILS}"')
    caddyfile = CADDYFILE.format(name=claimed.chatwoot)
    lab.ssh(HOST, f"docker exec -i borgstack_caddy sh -c '{LOAD}'", input=caddyfile)
    claimed.ssh(PUBLISH)
    with Probe(claimed.address, claimed.chatwoot) as probe:
        deadline = time.monotonic() + 60
        while overlooked(probe) and time.monotonic() < deadline:
            time.sleep(0.5)
    assert overlooked(probe) == []
    with pytest.raises(AssertionError, match="harmful answers"):
        probe.found_nothing()
