"""A conversation flows through the live system, and nothing of it stays; broken, it says where."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.support import HostUnderTest

TRACES = (
    "SELECT (SELECT count(*) FROM inboxes WHERE name = 'borgstack-verify')"
    " + (SELECT count(*) FROM contacts WHERE identifier LIKE 'borgstack-verify-%')"
    " + (SELECT count(*) FROM messages LEFT JOIN inboxes ON inboxes.id = inbox_id"
    " WHERE inboxes.id IS NULL)"
)


def converse(host: HostUnderTest) -> dict[str, Any]:
    done = host.borgstack("verify", "--json", "--conversation")
    (report,) = json.loads(done.stdout)["hosts"]
    (found,) = (check for check in report["checks"] if check["name"] == "conversation")
    return dict(found)


def test_it_flows_and_everything_is_removed_again(stack: HostUnderTest) -> None:
    stack.sql("DELETE FROM contacts WHERE identifier LIKE 'borgstack-verify-%'")
    before = stack.sql("SELECT count(*) FROM contacts")
    found = converse(stack)
    assert found["result"] == "passed", json.dumps(found)
    assert stack.sql(TRACES) == "0"
    assert stack.sql("SELECT count(*) FROM contacts") == before
    stack.plan().lists_only()


def test_without_the_worker_the_reply_does_not_arrive_and_the_next_one_cleans_up(
    stack: HostUnderTest,
) -> None:
    stack.ssh("docker stop chatwoot-worker")
    try:
        found = converse(stack)
        assert found["result"] == "failed"
        assert "did not reach the receiver" in found["seen"]
    finally:
        stack.deploy()
    assert converse(stack)["result"] == "passed"
    assert stack.sql(TRACES) == "0"
