"""`borgstack status` as it answers: exit code and both forms."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from borgstack.bridge import Bridge, Failures, parse, words
from borgstack.services.evolution.instance import InstanceState
from borgstack.status import HostStatus, Status
from tests.unit.support import REPOSITORY, settings_of
from tests.unit.test_verify import names
from tests.unit.told import values

DOCUMENT = (REPOSITORY / "docs" / "whatsapp.md").read_text()


def phone(status: str | None, number: str = "", since: str | None = None) -> InstanceState:
    return InstanceState(status, {}, {}, secret=True, number=number, since=since)


PAIRED = phone("open", "4321", "2026-11-22T10:00:00.000Z")
SEEN = Bridge(
    phone=PAIRED,
    listens={"inbound": True, "replies": True},
    claimable=False,
    wired=True,
    failures=(),
)
FINE = HostStatus("chat", (), "whatsapp", SEEN)
FAILED = (Failures("WhatsApp to Chatwoot", "borgstackInbound", 3),)


def text_of(host: HostStatus) -> str:
    return Status((host,)).as_text()


@pytest.mark.parametrize(
    ("host", "fine"),
    [
        (FINE, True),
        (HostStatus("chat"), True),
        (replace(FINE, bridge=replace(SEEN, failures=FAILED)), True),
        (replace(FINE, bridge=replace(SEEN, phone=None)), False),
        (replace(FINE, bridge=replace(SEEN, phone=phone(None))), False),
        (replace(FINE, bridge=replace(SEEN, phone=replace(PAIRED, former=("support",)))), False),
        (replace(FINE, bridge=replace(SEEN, phone=phone("connecting", "4321"))), False),
        (replace(FINE, bridge=replace(SEEN, phone=phone("close"))), False),
        (replace(FINE, bridge=replace(SEEN, listens=None)), False),
        (replace(FINE, bridge=replace(SEEN, listens={"inbound": True, "replies": False})), False),
        (replace(FINE, bridge=replace(SEEN, wired=False)), False),
        (replace(FINE, bridge=replace(SEEN, wired=None)), False),
        (replace(FINE, bridge=None), False),
        (HostStatus("chat", ("no route",), "whatsapp"), False),
    ],
)
def test_the_exit_code_is_0_only_where_messages_can_flow(host: HostStatus, fine: bool) -> None:
    assert Status((host,)).exit_code == int(not fine)
    assert Status((FINE, host)).exit_code == int(not fine)
    assert json.loads(Status((host,)).as_json())["exit_code"] == int(not fine)


def test_no_host_and_a_mistake_are_errors() -> None:
    assert Status().exit_code == 1
    assert Status((FINE,), "a mistake").exit_code == 1
    assert Status(error="a mistake").as_text() == "error: a mistake"


def test_a_person_reads_what_is_there() -> None:
    assert text_of(FINE).splitlines() == [
        "chat:",
        "  phone    open, the number ending in 4321, since 2026-11-22T10:00:00.000Z",
        "  n8n      listens for inbound, replies",
        "  replies  Chatwoot hands them to n8n",
        "  failed   nothing in the last 24 hours",
    ]
    assert {"WhatsApp", "off"} <= values(text_of(HostStatus("chat")))
    assert "error: no route" in text_of(HostStatus("chat", ("no route",), "whatsapp"))


def test_a_person_reads_what_is_wrong_and_what_to_do() -> None:
    def lines(**change: object) -> list[str]:
        host = replace(FINE, bridge=replace(SEEN, **change))  # type: ignore[arg-type]
        return [line for line in text_of(host).splitlines() if line not in text_of(FINE)]

    one_deaf = {"inbound": False, "replies": True}
    assert [
        *lines(phone=phone("close")),
        *lines(phone=phone("close", "4321", "then")),
        *lines(phone=phone(None)),
        *lines(phone=replace(PAIRED, former=("support",))),
        *lines(phone=None),
        *lines(listens=one_deaf),
        *lines(listens=None),
        *lines(wired=False),
        *lines(wired=None),
        *lines(failures=None),
        *lines(failures=FAILED),
    ] == [
        "  phone    close, not paired yet; borgstack pair --limit chat",
        "  phone    close, the number ending in 4321, since then; borgstack pair --limit chat",
        "  phone    Evolution has no instance whatsapp; deploy",
        "  former   support still brings messages in; list it in former_instances, deploy",
        "  phone    Evolution does not answer; on the host: docker logs --tail 50 evolution",
        "  n8n      does not listen for inbound; deploy",
        "  n8n      does not answer; on the host: docker logs --tail 50 n8n",
        "  replies  Chatwoot hands them to nobody; deploy",
        "  replies  not known: PostgreSQL does not answer",
        "  failed   not known: n8n's database does not answer",
        "  failed   3 of WhatsApp to Chatwoot in the last 24 hours",
    ]


def test_the_document_names_all_of_the_json() -> None:
    whole = replace(FINE, errors=("x",), bridge=replace(SEEN, failures=FAILED))
    said = json.loads(Status((whole,)).as_json())
    part = DOCUMENT.split("## `borgstack status --json`")[1]
    documented = re.findall(r"^\| `([a-z_.\[\]]+)` \|", part, re.M)
    assert {name.lstrip(".") for name in names(said)} == set(documented)


def test_what_did_not_answer_is_null_in_the_json() -> None:
    (host,) = json.loads(Status((HostStatus("chat", ("x",), "whatsapp"),)).as_json())["hosts"]
    nothing = ("state", "since", "number", "former", "listens", "replies", "failed")
    assert {name: host[name] for name in nothing} == dict.fromkeys(nothing)


def test_lines_that_no_script_of_ours_prints_are_refused() -> None:
    assert parse({}) == Bridge()
    for rows in ({"n8n": ["[]"]}, {"n8n": ["x"]}, {"executions": [""], "failed": ["x|y|z"]}):
        with pytest.raises(ValueError, match=r"no object|Expecting|invalid literal"):
            parse(rows)


def test_a_host_without_whatsapp_is_asked_for_nothing_of_it() -> None:
    assert words(settings_of(whatsapp=False)) == ("", "", "")
    assert words(settings_of())[0] == "WhatsApp"
