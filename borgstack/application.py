"""What people find in Chatwoot, compared with what the settings declare.

The live side is one JSON value that `borgstack/host/application_state.sql` puts together in the
look at the databases: no Rails boot. `files/chatwoot/provision.rb` brings the declared side about,
from `config/chatwoot/application.json`. Addresses of webhooks, which may hold secrets, and the API
token are compared by digests, and of an address the host alone is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import yaml

from borgstack.secrets import digest
from borgstack.settings import Settings
from borgstack.values import LOCALES
from borgstack.whatsapp import REPLY_URL

State = Mapping[str, Any]
"""Parsed JSON; `application_state.sql` gives the keys."""


def declared(settings: Settings) -> bytes:
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


def differences(settings: Settings, live: State, salt: str) -> list[str]:
    """What provisioning would put right, one line each; empty when nothing differs.

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


def _installation(settings: Settings, live: State) -> Iterable[str]:
    for name, what, wanted in (
        ("INSTALLATION_NAME", "installation name", settings.installation_name),
        # The string: with the seeded boolean the sign-up endpoints stay open (facts: chatwoot 6).
        ("ENABLE_ACCOUNT_SIGNUP", "sign-up switch", "false"),
    ):
        seen = config_value(live["configs"].get(name))
        if seen != wanted:
            yield f"{what}: {seen!r}, not {wanted!r}"
    if not live["token"]:
        yield "API token: another than in .env"
    account = live["account"]
    if account is None:
        yield "account: missing"
        return
    locale = account["locale"]
    spoken = LOCALES[locale] if locale in range(len(LOCALES)) else str(locale)
    for what, seen, wanted in (
        ("name", account["name"], settings.account_name),
        ("language", spoken, settings.locale),
        ("time zone", account["timezone"], settings.timezone),
    ):
        if seen != wanted:
            yield f"account: {what} {seen!r}, not {wanted!r}"


def config_value(text: str | None) -> object:
    """The value of a row of installation_configs: YAML of a Ruby hash inside a JSON string."""
    if text is None:
        return None
    try:
        parsed = yaml.load(text, Loader=_RubyYaml)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        return text
    return parsed.get("value") if isinstance(parsed, dict) else parsed


class _RubyYaml(yaml.SafeLoader):
    """Reads Ruby's tagged hashes as plain ones."""


_RubyYaml.add_multi_constructor(
    "!ruby/", lambda loader, _, node: loader.construct_mapping(node, deep=True)
)


def _people(settings: Settings, live: State) -> Iterable[str]:
    users = {user["email"]: user for user in live["users"]}
    admin = users.get(settings.admin_email.lower())
    if admin is None:
        yield f"administrator {settings.admin_email}: missing"
    elif (admin["type"], admin["role"]) != ("SuperAdmin", "administrator"):
        yield f"administrator {settings.admin_email}: {admin['type'] or 'User'}, {admin['role']}"
    for agent in settings.agents:
        seen = users.get(agent.email.lower())
        if seen is None:
            yield f"agent {agent.email}: missing"
            continue
        if seen["role"] != agent.role:
            yield f"agent {agent.email}: {seen['role']}, not {agent.role}"
        for what in ("inboxes", "teams"):
            lacking = [name for name in getattr(agent, what) if name not in seen[what]]
            if lacking:
                yield f"agent {agent.email}: not in {what} {', '.join(lacking)}"
    for email in settings.former_agents:
        if email.lower() in users:
            yield f"former agent {email}: still in the account"


def _entries(kind: str, wanted: Iterable[Any], live: Iterable[State], key: str) -> Iterable[str]:
    """Compare entries field by field; what the settings leave at None is left as it is."""
    found = {one[key]: one for one in live}
    for entry in wanted:
        fields = {name: value for name, value in entry.model_dump().items() if value is not None}
        name = fields.pop(key)
        if name not in found:
            yield f"{kind} {name}: missing"
            continue
        for field, value in fields.items():
            if found[name][field] != value:
                yield f"{kind} {name}: {field} {found[name][field]!r}, not {value!r}"


def _inboxes(settings: Settings, live: State, salt: str) -> Iterable[str]:
    # Of several of one name the oldest counts, as for prepare and for n8n.
    found = {one["name"]: one for one in reversed(live["inboxes"])}
    for inbox in settings.inboxes:
        seen = found.get(inbox.name)
        if seen is None:
            yield f"inbox {inbox.name}: missing"
            continue
        for what, field, wanted in (
            ("automatic assignment", "auto_assignment", inbox.auto_assignment),
            ("greeting", "greeting", inbox.greeting),
            ("one conversation for each contact", "one_conversation", inbox.one_conversation),
        ):
            if seen[field] != wanted:
                yield f"inbox {inbox.name}: {what} {seen[field]!r}, not {wanted!r}"
        wired = settings.whatsapp and inbox.name == settings.whatsapp_inbox
        if wired and seen["webhook"] != digest(salt, REPLY_URL):
            yield f"inbox {inbox.name}: its webhook is not n8n's"
        if inbox.webhook_url and seen["webhook"] != digest(salt, inbox.webhook_url):
            yield f"inbox {inbox.name}: another webhook address"


def _webhooks(settings: Settings, live: State, salt: str) -> Iterable[str]:
    found = {one["url"]: one for one in live["webhooks"]}
    for webhook in settings.webhooks:
        seen = found.get(digest(salt, webhook.url))
        if seen is None:
            yield f"{_named(webhook.url)}: missing"
        elif set(seen["events"]) != set(webhook.events):
            yield f"{_named(webhook.url)}: told of other events"


def _named(address: str) -> str:
    return f"webhook at {urlsplit(address).hostname}"
