"""The judges of the way between WhatsApp and Chatwoot. Each is a pure function of what was seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from borgstack.evidence import Evidence
from borgstack.project import Project
from borgstack.services.evolution.instance import InstanceState
from borgstack.verdict import DEPLOY, Verdict, failed, passed, skipped, unless

SWITCHED_OFF = "WhatsApp is switched off (whatsapp)"
PAIR = "borgstack pair --limit HOST"
_LOGS = "on the host: docker logs --tail 50 {}; borgstack status --limit HOST"


class Leg(StrEnum):
    """Of the way that a message goes and its reply comes back, in order."""

    TAKEN = "taken"
    DELIVERED = "delivered"
    IN = "in"
    OUT = "out"
    TOLD = "told"
    REMOVED = "removed"


LEGS: Mapping[Leg, str] = {
    Leg.TAKEN: "Evolution takes a message",
    Leg.DELIVERED: "Evolution's message is delivered to n8n",
    Leg.IN: "the message is in Chatwoot in 30 s",
    Leg.OUT: "the reply reaches Evolution in 30 s",
    Leg.TOLD: "the reply is shown as delivered in Chatwoot",
    Leg.REMOVED: "everything removed again",
}
"""What is expected of each."""


def whatsapp(project: Project, evidence: Evidence) -> Verdict:
    """N8n listens at both addresses, and a phone is paired and connected."""
    bridge = evidence.inside.bridge
    phone = bridge.phone or InstanceState(None, {}, {}, secret=False)
    problems = [f"n8n cannot be reached for {name}" for name in bridge.unregistered]
    if phone.status is None:
        problems.append(f"Evolution has no instance {project.settings.whatsapp_instance}")
    if problems:
        return failed("n8n listens for inbound and replies, the instance exists", *_told(problems))
    if phone.former:
        return failed(
            f"one instance, {project.settings.whatsapp_instance}",
            f"{', '.join(phone.former)} brings messages in; answers go out from another number",
            f"list it in former_instances, then {DEPLOY}",
        )
    if phone.status != "open" and not phone.number:
        return skipped(f"not paired yet: {PAIR}")
    since = f" since {phone.since}" if phone.since else ""
    seen = f"{phone.status}{since}, number ending in {phone.number}"
    return unless(
        [] if phone.status == "open" else [seen],
        "the phone is connected",
        f"does WhatsApp on the phone still list it under Linked devices? {PAIR}",
    )


def _told(problems: list[str]) -> tuple[str, str]:
    return "; ".join(problems), f"docker restart n8n on the host; then {DEPLOY}"


def n8n_owner(project: Project, evidence: Evidence) -> Verdict:
    """Whoever opened n8n's page first would own it."""
    return unless(
        ["n8n offers to become its owner"] if evidence.inside.bridge.claimable else [],
        "n8n has an owner",
        f"{DEPLOY}; until then keep its page closed",
    )


def executions(project: Project, evidence: Evidence) -> Verdict:
    """No workflow of n8n has failed lately."""
    return unless(
        [f"{one.count} of {one.workflow}" for one in evidence.inside.bridge.failures or ()],
        "no failed execution in the last 24 hours",
        "docs/whatsapp.md says where to see why; the inbox has a note of the bridge. "
        "This stays red until a day has passed without one",
    )


def flow(project: Project, evidence: Evidence) -> Verdict:
    """A message came in, a reply went out, and nothing is left of them."""
    said = evidence.flow
    if said is None:
        return skipped("it was not asked for, see --whatsapp")
    for leg, seen, next in _broken(said):
        error = f"; {said['error']}" if "error" in said else ""
        return failed(LEGS[leg], f"{seen}{error}", next)
    if not said.get("removed"):
        return failed(
            LEGS[Leg.REMOVED],
            "the contact, its conversation or the instance of borgstack verify is still there",
            "run borgstack verify --whatsapp again: it removes what an earlier one left",
        )
    return passed(f"in {said['in']} ms, out {said['out']} ms")


def _broken(said: Mapping[str, Any]) -> Iterable[tuple[Leg, str, str]]:
    """Which leg broke, the first one first, with what was seen and what is next."""
    if not said.get("taken"):
        seen = "it could not be begun" if "error" in said else "Evolution did not take it"
        yield Leg.TAKEN, seen, _LOGS.format("evolution")
    elif said.get("in") is None and said.get("n8n", 200) != 200:
        yield (
            Leg.DELIVERED,
            f"not delivered to n8n: {_status(said['n8n'])}",
            f"403: the secrets differ; 404: n8n does not listen; {DEPLOY}. "
            f"{_LOGS.format('n8n')}. Delivered later, it is removed by the next such check",
        )
    elif said.get("in") is None:
        yield (
            Leg.IN,
            "not in Chatwoot, though n8n takes messages",
            f"the failed execution in n8n says why. {_LOGS.format('n8n')}",
        )
    elif said.get("out") is None:
        refused = said.get("refused")
        yield (
            Leg.OUT,
            "not sent back" + (f": {refused}" if refused else ""),
            f"Chatwoot's worker hands it to n8n. {_LOGS.format('chatwoot-worker')}",
        )
    elif not said.get("told"):
        yield (
            Leg.TOLD,
            "sent, but Chatwoot was not told",
            _LOGS.format("n8n"),
        )
    elif "error" in said:
        yield (
            Leg.REMOVED,
            "something went wrong in the end",
            _LOGS.format("evolution"),
        )


def _status(status: int) -> str:
    return f"n8n answers {status}" if status else "n8n does not answer"
