"""n8n's workflows and its owner, each only where it differs."""

from __future__ import annotations

from pyinfra.context import state

from borgstack import remote
from borgstack.change import Change, Code
from borgstack.live_stack import StackState
from borgstack.operations import Commands, converging_operation, log_changes, note_unknown
from borgstack.operations.snapshot import stack_state, stack_state_of
from borgstack.operations.stack import (
    bring_up,
    engine_is_stopped,
    refuse_unreadable,
    service_changes,
)
from borgstack.project import DIRECTORY, Project
from borgstack.services import n8n
from borgstack.services.n8n import workflows
from borgstack.services.n8n.workflows import N8nState
from borgstack.stack import ServiceChange

_CLAIM_SECONDS = "60"


def _is_new(live: StackState) -> bool:
    """Whether a plan may say of a server without Docker that nothing is there yet."""
    return live.engine == "missing" and not state.is_executing


@converging_operation
def prepare_n8n(project: Project) -> Commands:
    """Run the one-shot that brings credentials and workflows to what they have to be."""
    live = stack_state(project)
    if engine_is_stopped(live):
        return
    changes = service_changes(project, (n8n.PREPARE,), live)
    found = [one.change for one in changes]
    if not changes:
        live = stack_state_of(project, n8n.SERVICE)
        held: N8nState | None = live.states.get(n8n.WEB)
        if held is None:
            note_unknown("what is in n8n, because its tables cannot be read")
            unread = Change("service n8n", Code.UNREADABLE, "tables")
            found += [unread] if state.is_executing else []
        else:
            found += workflows.workflow_changes(project.settings, held)
    if found:
        log_changes(found)
        again = ServiceChange.of(project.services[n8n.PREPARE], "recreate", Code.DIFFERS)
        # One that is still at work is what a run has left that died: of which files, nobody knows.
        due = [again if one.action == "wait" else one for one in changes] or [again]
        given = project.settings
        admin, inbox = given.admin_email.lower(), given.whatsapp_inbox
        yield remote.locked_command("n8n_numbers", DIRECTORY, admin, inbox)
        yield bring_up(due, project.settings.prepare_timeout)


@converging_operation
def claim_n8n(project: Project) -> Commands:
    """Give n8n its owner: whoever came first could be it otherwise."""
    live = stack_state_of(project, n8n.SERVICE)
    if engine_is_stopped(live):
        return
    held: N8nState | None = live.states.get(n8n.WEB)
    if held is None and not _is_new(live):
        note_unknown("whether n8n has an owner, because its tables cannot be read")
        yield from refuse_unreadable("n8n's database", "borgstack_postgresql")
    elif held is None or not held.owned:
        log_changes([Change("service n8n", Code.MISSING, "owner")])
        email = project.settings.admin_email.lower()
        yield remote.locked_command("n8n_claim", DIRECTORY, email, _CLAIM_SECONDS)
