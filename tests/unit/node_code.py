"""The code of n8n's Code nodes, run in node as n8n runs it: with `$input`, `$('A node')`, items."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from borgstack.services.n8n import workflows

Item = dict[str, Any]
_HARNESS = """
const items = (list) => ({
  all: () => list, first: () => list[0], last: () => list.at(-1), item: list[0], isExecuted: true,
});
const among = (nodes) => (name) => {
  if (name in nodes) return items(nodes[name]);
  const missing = () => { throw new Error(`Node '${name}' hasn't been executed`); };
  return { isExecuted: false, all: missing, first: missing, last: missing };
};
function run({ code, input, nodes }) {
  try {
    return { items: new Function("$input", "$", code)(items(input), among(nodes)) };
  } catch (error) {
    return { error: error.stack };
  }
}
const lines = require("node:readline").createInterface({ input: process.stdin });
lines.on("line", (line) => console.log(JSON.stringify(run(JSON.parse(line)))));
"""


@cache
def _node() -> subprocess.Popen[str]:
    """One node for all calls: to start it takes longer than all that it is asked."""
    pipe = subprocess.PIPE
    return subprocess.Popen(["node", "-e", _HARNESS], stdin=pipe, stdout=pipe, text=True)


def run_code(
    file: Path,
    *,
    input: Sequence[Item],
    nodes: Mapping[str, Sequence[Item]] | None = None,
    marks: Mapping[str, str] | None = None,
) -> list[Item]:
    """The items that a file of code makes of `input`; `nodes` are those of the nodes before.

    :param marks: what stands for the `@@…@@` that the deployment fills in.
    :raises AssertionError: the code failed; with what node said.
    """
    code = workflows.code(file)
    for mark, value in (marks or {}).items():
        code = code.replace(mark, value)
    given = {"code": code, "input": list(input), "nodes": dict(nodes or {})}
    node = _node()
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write(json.dumps(given) + "\n")
    node.stdin.flush()
    answer: dict[str, Any] = json.loads(node.stdout.readline())
    assert "error" not in answer, answer["error"]
    found: list[Item] = answer["items"]
    return found
