"""A conversation flows through the live system, and nothing of it stays; broken, it says where."""

from __future__ import annotations

import json
from typing import Any

import pytest

from borgstack.remote import script_text
from tests import lab
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


SERVER = """
server = TCPServer.new("127.0.0.1", 3000)
asked = 0
Thread.new do
  loop do
    one = server.accept
    one.gets("\\r\\n\\r\\n")
    asked += 1
    status = asked > FAILURES ? "200 OK" : "500 Internal Server Error"
    one.write("HTTP/1.1 #{status}\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\n{}")
    one.close
  end
end
begin
  Chatwoot.new("x").ask(METHOD, "/list")
  puts "fine after #{asked}"
rescue Failed => error
  puts "#{error.message} after #{asked}"
end
"""


@pytest.mark.parametrize(
    ("method", "errors", "expected"),
    [
        (":Get", 0, "fine after 1"),
        (":Get", 2, "fine after 3"),
        (":Get", 3, "GET /list answers 500 after 3"),
        (":Post", 1, "POST /list answers 500 after 1"),
    ],
)
def test_what_is_read_is_read_again_and_what_is_written_is_not_written_twice(
    stack: HostUnderTest, method: str, errors: int, expected: str
) -> None:
    """Chatwoot's list of inboxes is 500 for as long as a job of its own removes one."""
    script = script_text("chatwoot_conversation")
    client = script[script.index("class Failed") : script.index("class Receiver")]
    server = SERVER.replace("FAILURES", str(errors)).replace("METHOD", method)
    image = stack.inspect("chatwoot")["Config"]["Image"]
    command = f"docker run --rm -i --network none --entrypoint ruby {image} -rjson -rnet/http -"
    done = lab.ssh(stack.name, command, input=f"WAIT = 5\n{client}\n{server}")
    assert done.stdout.strip() == expected, done.stderr
