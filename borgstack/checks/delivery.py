"""Does the mail server take a mail? Judged from what `chatwoot_mail.sh` sent and was told."""

from __future__ import annotations

from borgstack.evidence import Evidence
from borgstack.project import Project
from borgstack.verdict import DEPLOY, Verdict, failed, passed, skipped

_NEXT = {
    "settings": DEPLOY,
    "connection": "check smtp_address and smtp_port, whether the provider blocks outgoing mail, "
    "and whether the server's certificate is for this name",
    "login": "check smtp_username, smtp_password and smtp_authentication, then deploy again",
    "sender": "set mail_sender to an address that this login may send from, then deploy again",
    "recipient": "check the address; else ask the provider to whom this login may send",
    "text": "the mail server's answer says why; ask the provider",
}
"""By the step at which it ended, what to do."""
_SILENT = "on the host: docker logs --tail 50 chatwoot-worker"


def taken(project: Project, evidence: Evidence) -> Verdict:
    """The mail server has taken the mail; whether it arrives only the addressee sees."""
    if not project.settings.smtp_address:
        return skipped("no mail server is set (smtp_address), so no mail was sent")
    said = evidence.delivery or {}
    if "accepted" in said:
        return passed(f"{said['server']} says {said['accepted']}")
    step = str(said.get("step"))
    seen = str(said.get("error") or "no answer from inside chatwoot-worker")
    if "refused" in said:
        seen = f"{said['server']} refuses the {step}: {said['refused']}"
    elif step == "connection":
        seen = f"{said['server']} cannot be used: {seen}"
    server = f"{project.settings.smtp_address}:{project.settings.smtp_port}"
    return failed(f"{server} takes a mail from the worker", seen, _NEXT.get(step, _SILENT))
