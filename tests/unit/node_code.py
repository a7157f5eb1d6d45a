"""The code of n8n's Code nodes, run in node as n8n runs it: with `$input`, `$('A node')`, items."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from borgstack.services.n8n import workflows

Json = Any
Item = dict[str, Any]
MARKS = {
    "@@ACCOUNT_ID@@": "1",
    "@@INBOX_ID@@": "7",
    "@@INSTANCE@@": "support",
    "@@CHATWOOT_URL@@": "https://chatwoot.example.com",
    "@@LOCALE@@": "en",
}
"""What the deployment fills in."""
_HARNESS = """
const item = (one) => (one.json || one.binary ? one : { json: one });
const items = (given) => {
  const list = [given].flat().map(item);
  return { all: () => list, first: () => list[0], last: () => list.at(-1), item: list[0], isExecuted: true };
};
const among = (nodes) => (name) => {
  if (name in nodes) return items(nodes[name]);
  const missing = () => { throw new Error(`Node '${name}' hasn't been executed`); };
  return { isExecuted: false, all: missing, first: missing, last: missing };
};
const Async = Object.getPrototypeOf(async () => {}).constructor;
async function run({ code, input, nodes, previous }) {
  try {
    const node = new Async("$input", "$", "$prevNode", code);
    return { items: await node(items(input), among(nodes), { name: previous }) };
  } catch (error) {
    return { error: error.stack };
  }
}
const lines = require("node:readline").createInterface({ input: process.stdin });
lines.on("line", async (line) => console.log(JSON.stringify(await run(JSON.parse(line)))));
"""  # noqa: E501


@cache
def _node() -> subprocess.Popen[str]:
    """One node for all calls: to start it takes longer than all that it is asked."""
    pipe = subprocess.PIPE
    return subprocess.Popen(["node", "-e", _HARNESS], stdin=pipe, stdout=pipe, text=True)


def run_code(
    file: Path,
    *,
    input: Json,
    nodes: Mapping[str, Json] | None = None,
    previous: str = "",
    marks: Mapping[str, str] | None = None,
) -> list[Item]:
    """The items that a file of code makes of `input`; `nodes` are those of the nodes before.

    :param input: an item, its JSON alone, or a list of either; `nodes` likewise, by their names.
    :param previous: the node that led here.
    :param marks: what stands for the `@@…@@`, where it is not that of `MARKS`.
    :raises AssertionError: the code failed; with what node said.
    """
    code = workflows.code(file)
    for mark, value in {**MARKS, **(marks or {})}.items():
        code = code.replace(mark, value)
    given = {"code": code, "input": input, "nodes": dict(nodes or {}), "previous": previous}
    node = _node()
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write(json.dumps(given) + "\n")
    node.stdin.flush()
    answer: dict[str, Any] = json.loads(node.stdout.readline())
    assert "error" not in answer, answer["error"]
    found: list[Item] = answer["items"]
    return found
