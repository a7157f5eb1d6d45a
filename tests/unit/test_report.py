"""The report after a deploy: where things are and what is missing, and never a secret."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from borgstack import report
from borgstack.evidence import Certificate
from borgstack.live_stack import StackState
from borgstack.project import ENV_PATH
from borgstack.services.chatwoot.live import ChatwootState
from borgstack.services.evolution.instance import InstanceState
from tests.unit.support import fit_application, settings_of
from tests.unit.told import values

CERTIFICATE = Certificate(("chatwoot.example.com",), 0, time.time() + 60.5 * 86400)


OPEN = InstanceState("open", {}, {}, True)


def told(live: StackState, certificate: Certificate | str = CERTIFICATE, **data: object) -> str:
    return "\n".join(report.lines(settings_of(**data), live, certificate))


def test_it_says_where_chatwoot_is_and_where_the_secrets_are_kept() -> None:
    text = told(StackState())
    assert "https://chatwoot.example.com/app" in text
    assert {"ops@example.com", "CHATWOOT_ADMIN_PASSWORD", ENV_PATH, "60"} <= values(text)


def test_a_certificate_that_is_not_there_yet_is_said_with_the_reason() -> None:
    text = told(StackState(), "NXDOMAIN")
    assert "NXDOMAIN" in values(text)
    assert "60" not in values(text)


def test_what_is_not_configured_is_said_until_it_is() -> None:
    assert "not configured: smtp_address" in told(StackState())
    assert "not configured" not in told(StackState(), smtp_address="mail.example.com")


def with_chatwoot(**values: Any) -> StackState:  # noqa: ANN401 - ChatwootState's own fields
    return StackState(states={"chatwoot": ChatwootState(**values)})


def test_agents_with_a_first_password_are_named_with_the_file_that_holds_it() -> None:
    text = told(
        StackState(
            states={"chatwoot": ChatwootState(first_passwords=frozenset({"ana@example.com"}))}
        )
    )
    assert "/opt/borgstack/first-passwords/ana@example.com" in text


def test_people_who_are_not_in_the_settings_are_named_and_what_happens_to_them() -> None:
    found = fit_application(settings_of())
    assert "former_agents" not in told(with_chatwoot(application=found))
    found["users"].append({"email": "guest@example.com"})
    assert "guest@example.com; nothing happens" in told(
        StackState(states={"chatwoot": ChatwootState(found)})
    )


def test_whether_a_phone_is_connected_and_how_to_pair_one() -> None:
    def phone(live: StackState, **data: object) -> set[str]:
        (line,) = [one for one in told(live, **data).splitlines() if "WhatsApp" in one]
        return values(line)

    closed = StackState(states={"evolution": replace(OPEN, status="close")})
    assert {"answer", "borgstack", "pair"} <= phone(StackState())
    assert {"close", "borgstack", "pair"} <= phone(closed)
    connected = phone(StackState(states={"evolution": OPEN}))
    assert "connected" in connected
    assert not {"pair", "close", "no"} & connected
    off = phone(StackState(states={"evolution": OPEN}), whatsapp=False)
    assert {"switched", "off"} <= off
    assert "connected" not in off


def test_the_pages_that_are_open_are_named_with_their_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def closed(text: str) -> set[str]:
        (line,) = [one for one in text.splitlines() if one.endswith(" (editors)")]
        return values(line)

    assert {"evolution", "n8n"} <= closed(told(StackState()))
    monkeypatch.setenv("EDITORS", "PasswordOfTheEditors")
    text = told(StackState(), editors=["n8n"], editors_password="env:EDITORS")
    assert "n8n: https://n8n.example.com/ for admin" in text
    assert "evolution" in closed(text)
    assert "n8n" not in closed(text)
    assert "PasswordOfTheEditors" not in text
