"""What a person wants to know after a deploy: where it is, who can log in, what is still missing.

No secret is in it: it says where each is kept.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from borgstack import services
from borgstack.evidence import Certificate
from borgstack.live_stack import StackState
from borgstack.project import DIRECTORY, ENV_PATH
from borgstack.services import chatwoot
from borgstack.services.chatwoot import FIRST_PASSWORDS
from borgstack.services.evolution.instance import InstanceState
from borgstack.settings import Settings

_DAY = 86400


def lines(settings: Settings, live: StackState, certificate: Certificate | str) -> Iterable[str]:
    """The report on one host.

    :param certificate: what the public name shows to this machine, or why it shows none.
    """
    yield f"Chatwoot: https://{settings.chatwoot_host}/app"
    yield f"  certificate: {_certificate(certificate)}"
    yield (
        f"  administrator: {settings.admin_email}; the first password is "
        f"CHATWOOT_ADMIN_PASSWORD in {ENV_PATH} on the host"
    )
    for email in sorted(chatwoot.held(live.states).first_passwords):
        yield f"  {email} has not logged in with a password of their own: "
        yield f"    theirs is in {DIRECTORY}/{FIRST_PASSWORDS}/{email} on the host"
    own = sorted(_undeclared(settings, live))
    if own:
        yield f"  in the account and not in the settings: {', '.join(own)}; nothing happens to"
        yield "    them. List in former_agents who has to leave"
    yield f"  API token: CHATWOOT_API_TOKEN in {ENV_PATH}; Chatwoot has it already"
    yield from _whatsapp(settings, live)
    if settings.smtp_address is None:
        yield (
            "  not configured: smtp_address; invitations, password resets and notifications by "
            "mail cannot be sent"
        )
    yield f"  keep a copy of {ENV_PATH} off the host"


def _whatsapp(settings: Settings, live: StackState) -> Iterable[str]:
    if not settings.whatsapp:
        yield "  switched off: WhatsApp (whatsapp); n8n and Evolution API do not run"
        return
    instance: InstanceState | None = live.states.get("evolution")
    status = instance.status if instance else None
    if status == "open":
        yield "  WhatsApp: a phone is paired and connected"
    else:
        yield f"  WhatsApp: no phone is connected ({status or 'no answer'}): borgstack pair"
    pages = services.pages(settings)
    for name in settings.editors:
        yield f"  {name}: https://{pages[name][0]}/ for {settings.editors_user} (editors_password)"
    if closed := [name for name in pages if name not in settings.editors]:
        yield f"  not reachable from outside: the pages of {', '.join(closed)} (editors)"


def _certificate(seen: Certificate | str) -> str:
    if isinstance(seen, str):
        return f"none that this machine trusts yet ({seen})"
    days = int((seen.not_after - time.time()) / _DAY)
    return f"trusted, {days} days left; Caddy renews it"


def _undeclared(settings: Settings, live: StackState) -> Iterable[str]:
    application = chatwoot.held(live.states).application
    if application is None:
        return
    declared = {settings.admin_email.lower(), *(one.email.lower() for one in settings.agents)}
    for user in application["users"]:
        if user["email"] not in declared:
            yield user["email"]
