"""What `borgstack verify` checks: one table, one line a check.

The story's eight tests come first, under their numbers. A new check is a pure function in
the module of what it judges and a line here, or a `StateCheck` that a service declares;
docs/verify.md shows the same table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from borgstack.checks import (
    chatwoot,
    containers,
    conversation,
    delivery,
    host,
    jobs,
    outside,
    whatsapp,
)
from borgstack.evidence import Evidence
from borgstack.project import Project
from borgstack.services import SERVICES
from borgstack.services.base import Service, StateCheck
from borgstack.verdict import Result, Verdict, failed, skipped

__all__ = ["CHECKS", "CONVERSATION", "DELIVERY", "FLOW", "Check", "Result", "Verdict", "judge"]


@dataclass(frozen=True)
class Check:
    """One check.

    :ivar needs: what the judge takes for granted, by the names of `_ABSENT`; the check is skipped,
        or fails, when it is not there.
    :ivar story: the number of the story's test.
    :ivar whatsapp: whether there is nothing to judge where WhatsApp is switched off.
    """

    name: str
    title: str
    judge: Callable[[Project, Evidence], Verdict]
    needs: tuple[str, ...] = ()
    story: int | None = None
    whatsapp: bool = False


def of_state(service: Service, one: StateCheck) -> Check:
    """The check that a service declares on what its `state.sh` says."""

    def judge(project: Project, evidence: Evidence) -> Verdict:
        if not service.enabled(project.settings) or service.state is None:
            return skipped(f"{service.title} is switched off")
        held, asked = evidence.inside.states.get(service.name), service.state.container
        container = project.services[asked].container
        absence = _no_answer(asked, container, held is not None, evidence)
        return absence or one.judge(project.settings, held)

    return Check(one.name, one.title, judge, ("engine",))


CHECKS: tuple[Check, ...] = (
    Check("running", "every container of the stack runs", containers.running, ("inside",), 1),
    Check("healthy", "every container is healthy", containers.healthy, ("engine",), 2),
    Check(
        "schema", "the database is at the image's version", chatwoot.schema, ("database", "web"), 3
    ),
    Check("jobs", "Redis and Sidekiq work: a job went through", jobs.jobs, ("redis", "worker"), 4),
    Check("ui", "the user interface comes over HTTPS", outside.ui, (), 5),
    Check("volumes", "data lies in volumes that survive", containers.volumes, ("engine",), 6),
    Check("api", "/api says that all its services are ok", outside.api, ("https",), 7),
    Check("agents", "agents can be managed with the token", chatwoot.agents, ("web",), 8),
    Check("token", "the token is the administrator's", chatwoot.token, ("web",)),
    Check("redirect", "HTTP leads to HTTPS", outside.redirect),
    Check("certificate", "the certificate is trusted and renewed", outside.certificate),
    Check("headers", "security headers are sent", outside.headers, ("https",)),
    Check("widget", "the chat widget can be embedded", outside.widget, ("https",)),
    Check("websocket", "live updates reach the browser", outside.websocket, ("https",)),
    Check("onboarding", "nobody can claim the installation", outside.onboarding, ("https",)),
    Check("signup", "strangers cannot sign up", outside.signup, ("https",)),
    Check("super_admin", "the super admin console wants a login", outside.super_admin, ("https",)),
    Check("exposed", "nothing else listens for others", host.exposed, ("inside",)),
    Check("ports", "data stores cannot be reached from here", outside.ports),
    Check("clock", "the clock is right", host.clock),
    Check("disk", "there is room on the disk", host.disk),
    Check("env", ".env is root's alone", host.env, ("inside",)),
    Check("mail", "the mail server answers", chatwoot.mail, ("worker",)),
    Check("memory", "no container is short of memory", containers.memory, ("engine",)),
    Check(
        "whatsapp",
        "a phone is connected, and n8n listens",
        whatsapp.whatsapp,
        ("n8n", "evolution"),
        whatsapp=True,
    ),
    Check("n8n_owner", "nobody can claim n8n", whatsapp.n8n_owner, ("n8n",), whatsapp=True),
    Check(
        "executions",
        "nothing failed in n8n in 24 hours",
        whatsapp.executions,
        ("executions",),
        whatsapp=True,
    ),
    *(of_state(service, one) for service in SERVICES for one in service.checks),
)


CONVERSATION = Check("conversation", "a conversation flows", conversation.flows, ("web",))
"""Only when asked for: it makes an inbox, a contact and two messages, and removes them."""
DELIVERY = Check("delivery", "the mail server takes a mail", delivery.taken, ("worker",))
"""Only when asked for: it sends a mail."""
FLOW = Check(
    "flow", "messages flow to Chatwoot and back", whatsapp.flow, ("engine",), whatsapp=True
)
"""Only when asked for: a channel without a phone, a contact and two messages in its inbox."""


def judge(check: Check, project: Project, evidence: Evidence) -> Verdict:
    """How a check ends; one whose evidence is missing never passes."""
    if check.whatsapp and not project.settings.whatsapp:
        return skipped(whatsapp.SWITCHED_OFF)
    for part in check.needs:
        absence = _ABSENT[part](evidence)
        if absence is not None:
            return absence
    return check.judge(project, evidence)


def _no_inside(evidence: Evidence) -> Verdict | None:
    return skipped(evidence.inside.blind) if evidence.inside.blind else None


def _no_engine(evidence: Evidence) -> Verdict | None:
    if evidence.inside.engine != "running":
        return _no_inside(evidence) or skipped("Docker does not answer, see `running`")
    return None


def _no_answer(service: str, container: str, came: bool, evidence: Evidence) -> Verdict | None:
    """Skipped when another check is red for the same cause; else silence is a failure itself."""
    if (absence := _no_engine(evidence)) or came:
        return absence
    live = evidence.inside.containers.get(service)
    if live is None or live.status != "running":
        return skipped(f"{container} does not run, see `running`")
    return failed(
        f"an answer from inside {container}",
        "none",
        f"on the host: docker logs --tail 50 {container}",
    )


def _no_web(evidence: Evidence) -> Verdict | None:
    web = evidence.inside.web
    came = web is not None and "error" not in web
    return _no_answer("chatwoot", "chatwoot", came, evidence)


def _no_worker(evidence: Evidence) -> Verdict | None:
    came = evidence.inside.alive is not None
    return _no_answer("chatwoot-worker", "chatwoot-worker", came, evidence)


def _no_redis(evidence: Evidence) -> Verdict | None:
    came = evidence.inside.jobs is not None
    return _no_answer("redis", "borgstack_redis", came, evidence)


def _no_database(evidence: Evidence) -> Verdict | None:
    came = evidence.inside.migrated is not None
    return _no_answer("postgresql", "borgstack_postgresql", came, evidence)


def _no_n8n(evidence: Evidence) -> Verdict | None:
    return _no_answer("n8n", "n8n", evidence.inside.bridge.listens is not None, evidence)


def _no_evolution(evidence: Evidence) -> Verdict | None:
    came = evidence.inside.bridge.phone is not None
    return _no_answer("evolution", "evolution", came, evidence)


def _no_executions(evidence: Evidence) -> Verdict | None:
    came = evidence.inside.bridge.failures is not None
    return _no_answer("postgresql", "borgstack_postgresql", came, evidence)


def _no_https(evidence: Evidence) -> Verdict | None:
    return skipped("nothing answers over HTTPS, see `ui`") if evidence.outside.silent else None


_ABSENT: dict[str, Callable[[Evidence], Verdict | None]] = {
    "inside": _no_inside,
    "engine": _no_engine,
    "web": _no_web,
    "worker": _no_worker,
    "redis": _no_redis,
    "database": _no_database,
    "https": _no_https,
    "n8n": _no_n8n,
    "evolution": _no_evolution,
    "executions": _no_executions,
}
