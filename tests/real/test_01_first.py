"""The first deploy with the real programs and the second, before anything else has happened."""

from __future__ import annotations

from tests.e2e.support import HostUnderTest
from tests.real.support import Whole, told_of


def errors_of(host: HostUnderTest, since: str) -> list[str]:
    """Lines with an ERROR in any container's log since then, by container."""
    logs = f"docker logs --since {since} $one 2>&1 | grep -aE 'ERROR|FATAL' | sed \"s/^/$one: /\""
    names = "docker ps -a --format '{{.Names}}'"
    return host.ssh(f"for one in $({names}); do {logs}; done", check=False).splitlines()


def test_a_first_deploy_does_what_its_plan_says(whole: Whole) -> None:
    assert whole.run.changed == whole.plan
    assert told_of(whole.host) == []


def test_a_second_run_changes_nothing_and_logs_no_error(whole: Whole) -> None:
    since, before = whole.host.ssh("sleep 1; date +%s").strip(), whole.host.snapshot()
    whole.host.deploy().changed_only()
    whole.host.plan().lists_only()
    assert whole.host.snapshot() == before
    assert errors_of(whole.host, since) == []
