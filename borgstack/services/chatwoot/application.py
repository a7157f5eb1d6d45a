"""What people find in Chatwoot, compared with what the settings declare.

The live side is one JSON value that `state.sql` puts together. `files/chatwoot/provision.rb` brings
the declared side about, from `config/chatwoot/application.json`. Addresses of webhooks, which may
hold secrets, and the API token are compared by digests, and of an address the host alone is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import yaml

from borgstack.change import Change, Code, Scalar, compare
from borgstack.salted import digest
from borgstack.settings import Settings
from borgstack.values import LOCALES
from borgstack.whatsapp import REPLY_URL

State = Mapping[str, Any]
"""Parsed JSON; `state.sql` gives the keys."""


def render(settings: Settings) -> bytes:
    """The content of `application.json`; it holds no secret."""
    fields = {"agents", "former_agents", "teams", "labels", "inboxes", "webhooks"}
    wanted: dict[str, Any] = {
        "installation_name": settings.installation_name,
        "account": {
            "name": settings.account_name,
            "locale": settings.locale,
            "timezone": settings.timezone,
        },
        "administrator": {"name": settings.admin_name, "email": settings.admin_email.lower()},
        "invite": settings.smtp_address is not None,
        **settings.model_dump(mode="json", include=fields),
    }
    if settings.whatsapp:
        for inbox in wanted["inboxes"]:
            if inbox["name"] == settings.whatsapp_inbox:
                inbox["webhook_url"] = REPLY_URL
    return (json.dumps(wanted, indent=2, ensure_ascii=False) + "\n").encode()


def changes(settings: Settings, live: State, salt: str) -> list[Change]:
    """What provisioning would put right; empty when nothing differs.

    :param salt: of the digests in `live`.
    """
    return [
        *_installation(settings, live),
        *_people(settings, live),
        *_entries("team", settings.teams, live["teams"], "name"),
        *_entries("label", settings.labels, live["labels"], "title"),
        *_inboxes(settings, live, salt),
        *_webhooks(settings, live, salt),
    ]


def _installation(settings: Settings, live: State) -> Iterable[Change]:
    for name, what, expected in (
        ("INSTALLATION_NAME", "name", settings.installation_name),
        # The string: with the seeded boolean the sign-up endpoints stay open (Chatwoot v4.6.0,
        # api/v1/accounts_controller.rb).
        ("ENABLE_ACCOUNT_SIGNUP", "sign-up switch", "false"),
    ):
        yield from compare("installation", what, expected, config_value(live["configs"].get(name)))
    if not live["token"]:
        yield Change("API token", Code.DIFFERS)
    account = live["account"]
    if account is None:
        yield Change("account", Code.MISSING)
        return
    locale = account["locale"]
    spoken = LOCALES[locale] if locale in range(len(LOCALES)) else str(locale)
    yield from compare("account", "name", settings.account_name, account["name"])
    yield from compare("account", "language", settings.locale, spoken)
    yield from compare("account", "time zone", settings.timezone, account["timezone"])


def config_value(text: str | None) -> Scalar:
    """The value of a row of installation_configs: YAML of a Ruby hash inside a JSON string."""
    if text is None:
        return None
    try:
        parsed = yaml.load(text, Loader=_RubyYaml)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        return text
    value = parsed.get("value") if isinstance(parsed, dict) else parsed
    return value if isinstance(value, str | bool | int | None) else str(value)


class _RubyYaml(yaml.SafeLoader):
    """Reads Ruby's tagged hashes as plain ones."""


_RubyYaml.add_multi_constructor(
    "!ruby/", lambda loader, _, node: loader.construct_mapping(node, deep=True)
)


def _people(settings: Settings, live: State) -> Iterable[Change]:
    users = {user["email"]: user for user in live["users"]}
    admin, subject = (
        users.get(settings.admin_email.lower()),
        f"administrator {settings.admin_email}",
    )
    if admin is None:
        yield Change(subject, Code.MISSING)
    else:
        yield from compare(subject, "type", "SuperAdmin", admin["type"] or "User")
        yield from compare(subject, "role", "administrator", admin["role"])
    for agent in settings.agents:
        seen, subject = users.get(agent.email.lower()), f"agent {agent.email}"
        if seen is None:
            yield Change(subject, Code.MISSING)
            continue
        yield from compare(subject, "role", agent.role, seen["role"])
        for kind, of in (("inbox", "inboxes"), ("team", "teams")):
            for name in getattr(agent, of):
                if name not in seen[of]:
                    yield Change(subject, Code.MISSING, f"{kind} {name}")
    for email in settings.former_agents:
        if email.lower() in users:
            yield Change(f"agent {email}", Code.UNDECLARED)


def _entries(kind: str, wanted: Iterable[Any], live: Iterable[State], key: str) -> Iterable[Change]:
    """Compare entries field by field; what the settings leave at None is left as it is."""
    found = {one[key]: one for one in live}
    for entry in wanted:
        fields = {name: value for name, value in entry.model_dump().items() if value is not None}
        name = fields.pop(key)
        if name not in found:
            yield Change(f"{kind} {name}", Code.MISSING)
            continue
        for field, value in fields.items():
            yield from compare(f"{kind} {name}", field, value, found[name][field])


def _inboxes(settings: Settings, live: State, salt: str) -> Iterable[Change]:
    # Of several of one name the oldest counts, as for prepare and for n8n.
    found = {one["name"]: one for one in reversed(live["inboxes"])}
    named = {inbox.name for inbox in settings.inboxes}
    # One that somebody has renamed is known by its webhook.
    others = {one["webhook"]: one for one in reversed(live["inboxes"]) if one["name"] not in named}
    for inbox in settings.inboxes:
        subject = f"inbox {inbox.name}"
        wired = settings.whatsapp and inbox.name == settings.whatsapp_inbox
        address = REPLY_URL if wired else inbox.webhook_url
        seen = found.get(inbox.name) or (others.get(digest(salt, address)) if address else None)
        if seen is None:
            yield Change(subject, Code.MISSING)
            continue
        yield from compare(subject, "name", inbox.name, seen["name"])
        for field in ("auto_assignment", "greeting", "one_conversation"):
            yield from compare(subject, field, getattr(inbox, field), seen[field])
        if address and seen["webhook"] != digest(salt, address):
            yield Change(subject, Code.DIFFERS, "webhook address")


def _webhooks(settings: Settings, live: State, salt: str) -> Iterable[Change]:
    found = {one["url"]: one for one in live["webhooks"]}
    for webhook in settings.webhooks:
        seen = found.get(digest(salt, webhook.url))
        subject = f"webhook at {urlsplit(webhook.url).hostname}"  # the rest may hold a secret
        if seen is None:
            yield Change(subject, Code.MISSING)
        else:
            expected, actual = (
                ", ".join(sorted({*one})) for one in (webhook.events, seen["events"])
            )
            yield from compare(subject, "events", expected, actual)
