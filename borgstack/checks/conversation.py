"""Does a conversation flow? Judged from what `chatwoot_conversation.sh` did and saw."""

from __future__ import annotations

from collections.abc import Mapping

from borgstack.evidence import Evidence
from borgstack.project import Project
from borgstack.verdict import Verdict, failed, skipped, unless

STEPS: Mapping[str, str] = {
    "in": "the contact's message was not taken",
    "out": "the agent's reply was not taken",
    "seen": "the two messages are not both in the conversation",
    "arrived": "the reply did not reach the receiver in 15 s",
}
"""What is seen where one of them, which are in order, was not done."""


def flows(project: Project, evidence: Evidence) -> Verdict:
    """A message came in, a reply went out and arrived, and nothing is left of it."""
    said = evidence.conversation
    if said is None:
        return skipped("it was not asked for, see --conversation")
    problems = [what for step, what in STEPS.items() if not said.get(step)][:1]
    if "error" in said:
        problems.append(str(said["error"]))
    if problems:
        return failed(
            "a message in, a reply out, and its arrival",
            "; ".join(problems),
            "on the host: docker logs --tail 50 chatwoot-worker (webhooks go out through it)",
        )
    return unless(
        [] if said.get("removed") else ["the inbox or the contact borgstack-verify is still there"],
        "everything removed again",
        "run borgstack verify --conversation again: it removes what an earlier one left",
    )
