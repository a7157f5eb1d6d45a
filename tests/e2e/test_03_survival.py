"""Data and stack outlive what happens to servers."""

from __future__ import annotations

import time

from tests import lab
from tests.e2e.support import HostUnderTest


def wait_for_https(stack: HostUnderTest, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    problem: object = None
    while time.monotonic() < deadline:
        try:
            status, _, _ = stack.request("/api")
            if status == 200:
                return
            problem = status
        except OSError as error:
            problem = error
        time.sleep(0.5)
    raise AssertionError(f"no HTTPS 200 within {seconds:.0f} s; last: {problem}")


def test_data_survives_compose_down_and_up(stack: HostUnderTest) -> None:
    stack.sql(
        "CREATE TABLE IF NOT EXISTS e2e_note (text text); INSERT INTO e2e_note VALUES ('kept')"
    )
    stack.ssh("docker exec borgstack_redis redis-cli set e2e:note kept")
    stack.ssh("docker exec chatwoot sh -c 'echo kept > /app/storage/e2e-note'")
    stack.ssh("cd /opt/borgstack && docker compose down && docker compose up -d --wait 2>&1")
    assert stack.sql("SELECT text FROM e2e_note") == "kept"
    assert stack.ssh("docker exec borgstack_redis redis-cli get e2e:note").strip() == "kept"
    assert stack.ssh("docker exec chatwoot-worker cat /app/storage/e2e-note").strip() == "kept"
    stack.sql("DROP TABLE e2e_note")
    wait_for_https(stack)


def test_containers_that_an_operator_started_are_as_good_as_ours(stack: HostUnderTest) -> None:
    before = stack.snapshot()
    stack.deploy().changed_only()
    assert stack.snapshot() == before


def test_a_reboot_brings_the_stack_back_by_itself(stack: HostUnderTest) -> None:
    lab.reboot(stack.name)
    wait_for_https(stack)
    before = stack.snapshot()
    stack.deploy().changed_only()
    assert stack.snapshot() == before
