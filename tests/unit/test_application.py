"""What is in Chatwoot compared with what is declared: each difference is named, nothing else is."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from borgstack.entries import digest
from borgstack.salted import SALT
from borgstack.services.chatwoot import application
from borgstack.settings import Settings
from tests.unit.changes import keys
from tests.unit.support import fit_application, settings_of

HOOK = "https://hooks.example.com/chatwoot"
FULL: dict[str, object] = {
    "locale": "pt_BR",
    "timezone": "America/Sao_Paulo",
    "account_name": "O'Brien & Söhne",
    "agents": [
        {"email": "Ana@example.com", "name": "Ana", "inboxes": ["WhatsApp"], "teams": ["sales"]},
        {"email": "bo@example.com", "name": "Bo", "role": "administrator"},
    ],
    "former_agents": ["eve@example.com"],
    "teams": [{"name": "sales", "description": "They sell"}],
    "labels": [{"title": "vip", "color": "#ff0000"}],
    "inboxes": [
        {"name": "WhatsApp", "greeting": "Hello"},
        {"name": "Shop", "webhook_url": f"{HOOK}/inbox"},
    ],
    "webhooks": [{"url": HOOK, "events": ["message_created", "message_updated"]}],
}


def settings() -> Settings:
    return settings_of(**FULL)


def live() -> dict[str, Any]:
    found = fit_application(settings())
    found["inboxes"][1]["webhook"] = digest(SALT, f"{HOOK}/inbox")
    events = ["message_updated", "message_created"]
    found["webhooks"] = [{"url": digest(SALT, HOOK), "events": events}]
    return json.loads(json.dumps(found))


def test_nothing_differs_where_all_is_as_declared() -> None:
    assert application.changes(settings(), live(), SALT) == []
    assert application.changes(settings_of(), fit_application(settings_of()), SALT) == []


def test_of_two_inboxes_of_one_name_the_oldest_counts() -> None:
    """The look has them in the order in which they were made."""
    found = live()
    found["inboxes"].append({**found["inboxes"][0], "webhook": None, "greeting": None})
    assert application.changes(settings(), found, SALT) == []


def user(**fields: object) -> dict[str, object]:
    return {"type": None, "role": "agent", "inboxes": [], "teams": [], **fields}


def user_at(place: int, **fields: object) -> Callable[[Any], None]:
    return lambda found: found["users"][place].update(fields)


def entry(kind: str, place: int = 0, **fields: object) -> Callable[[Any], None]:
    return lambda found: found[kind][place].update(fields)


SIGN_UP_BOOLEAN = {"ENABLE_ACCOUNT_SIGNUP": "---\nvalue: false\n"}
DRIFT: list[tuple[Callable[[Any], object], str]] = [
    (lambda found: found["configs"].pop("INSTALLATION_NAME"), "installation: name missing"),
    (
        lambda found: found["configs"].update(SIGN_UP_BOOLEAN),
        "installation: sign-up switch differs",
    ),
    (lambda found: found.update(token=False), "API token: differs"),
    (lambda found: found.update(account=None), "account: missing"),
    (lambda found: found["account"].update(name="X"), "account: name differs"),
    (lambda found: found["account"].update(locale=0), "account: language differs"),
    (lambda found: found["account"].update(locale=99), "account: language differs"),
    (lambda found: found["account"].update(timezone=None), "account: time zone missing"),
    (user_at(0, email="x@y.z"), "administrator ops@example.com: missing"),
    (user_at(0, type=None), "administrator ops@example.com: type differs"),
    (user_at(0, role="agent"), "administrator ops@example.com: role differs"),
    (user_at(1, email="x@y.z"), "agent Ana@example.com: missing"),
    (user_at(1, role="administrator"), "agent Ana@example.com: role differs"),
    (user_at(1, inboxes=["Mail"]), "agent Ana@example.com: inbox WhatsApp missing"),
    (user_at(1, teams=[]), "agent Ana@example.com: team sales missing"),
    (
        lambda found: found["users"].append(user(email="eve@example.com")),
        "agent eve@example.com: undeclared",
    ),
    (lambda found: found["teams"].clear(), "team sales: missing"),
    (entry("teams", description="x"), "team sales: description differs"),
    (lambda found: found["labels"].clear(), "label vip: missing"),
    (entry("labels", color="#000000"), "label vip: color differs"),
    (lambda found: found["inboxes"].pop(0), "inbox WhatsApp: missing"),
    (entry("inboxes", auto_assignment=False), "inbox WhatsApp: auto_assignment differs"),
    (entry("inboxes", greeting=None), "inbox WhatsApp: greeting missing"),
    (entry("inboxes", one_conversation=False), "inbox WhatsApp: one_conversation differs"),
    (entry("inboxes", webhook="x"), "inbox WhatsApp: webhook address differs"),
    (entry("inboxes", name="Suporte"), "inbox WhatsApp: name differs"),
    (entry("inboxes", 1, name="Loja"), "inbox Shop: name differs"),
    (entry("inboxes", 1, webhook=None), "inbox Shop: webhook address differs"),
    (lambda found: found["webhooks"].clear(), "webhook at hooks.example.com: missing"),
    (
        entry("webhooks", events=["message_created"]),
        "webhook at hooks.example.com: events differs",
    ),
]


@pytest.mark.parametrize(("drift", "expected"), DRIFT, ids=[expected for _, expected in DRIFT])
def test_a_difference_is_named_and_nothing_else_is(
    drift: Callable[[Any], object], expected: str
) -> None:
    found = copy.deepcopy(live())
    drift(found)
    assert keys(application.changes(settings(), found, SALT)) == [expected]


MADE_BY_PEOPLE: list[Callable[[Any], object]] = [
    lambda found: found["users"].append(user(email="guest@example.com", role="administrator")),
    lambda found: found["teams"].append({"name": "own", "description": None}),
    lambda found: found["labels"].append({"title": "own", "color": "#1", "description": None}),
    lambda found: found["inboxes"].append({**found["inboxes"][0], "name": "Own"}),
    lambda found: found["webhooks"].append({"url": "other", "events": []}),
    user_at(1, inboxes=["WhatsApp", "Own"], teams=["sales", "own"]),
    entry("labels", description="written by hand"),
]


@pytest.mark.parametrize("made", MADE_BY_PEOPLE)
def test_what_people_made_is_no_difference(made: Callable[[Any], object]) -> None:
    found = copy.deepcopy(live())
    made(found)
    assert application.changes(settings(), found, SALT) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("--- !ruby/hash:ActiveSupport::HashWithIndifferentAccess\nvalue: 'false'\n", "false"),
        ("--- !ruby/hash:ActiveSupport::HashWithIndifferentAccess\nvalue: false\n", False),
        ("---\nvalue: 'Acme: Support'\n", "Acme: Support"),
        ("--- [", "--- ["),
        ("plain", "plain"),
        ("{}", None),
        (None, None),
    ],
)
def test_the_value_of_a_row_is_read_with_its_type(text: str | None, value: object) -> None:
    assert application.config_value(text) == value


def test_what_is_declared_is_written_without_a_secret_and_read_by_ruby() -> None:
    written = json.loads(application.render(settings()))
    assert written["account"]["name"] == "O'Brien & Söhne"
    assert written["agents"][0]["inboxes"] == ["WhatsApp"]
    assert written["invite"] is False
    webhooks = {one["name"]: one["webhook_url"] for one in written["inboxes"]}
    assert webhooks == {
        "WhatsApp": "http://caddy:8090/webhook/whatsapp-replies-to-check",
        "Shop": f"{HOOK}/inbox",
    }
    mailed = settings_of(**FULL, smtp_address="mail.example.com")
    assert json.loads(application.render(mailed))["invite"] is True


def test_without_whatsapp_the_inboxs_webhook_is_its_owners() -> None:
    off = settings_of(**FULL, whatsapp=False)
    written = json.loads(application.render(off))
    assert written["inboxes"][0]["webhook_url"] is None
    found = live()
    found["inboxes"][0]["webhook"] = None
    assert application.changes(off, found, SALT) == []
