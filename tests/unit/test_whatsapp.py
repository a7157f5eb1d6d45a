"""What n8n and Evolution hold against what they have to hold. A difference that is not noticed is a
customer whose message goes nowhere, so each has its row; what is the operator's is left alone.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from borgstack import entries, live_stack, stack
from borgstack.facts.stack import Stack
from borgstack.operations import snapshot
from borgstack.project import Project, render
from borgstack.services import databases
from borgstack.services.evolution import instance as evolution
from borgstack.services.evolution.instance import SETTINGS, WEBHOOK, InstanceState
from borgstack.services.n8n import workflows
from borgstack.services.n8n.workflows import (
    CREDENTIALS,
    WORKFLOWS,
    N8nState,
    WorkflowState,
)
from borgstack.settings import Settings
from tests.unit.changes import key, keys
from tests.unit.support import default_project, fit_stack_lines, settings_of

FIT = live_stack.parse(fit_stack_lines(default_project()))
BY_NAME = {one.name: one for one in WORKFLOWS}


def n8n() -> N8nState:
    fit: N8nState = FIT.states["n8n"]
    return fit


def instance(**values: Any) -> InstanceState:  # noqa: ANN401 - InstanceState's own fields
    fit: InstanceState = FIT.states["evolution"]
    return dataclasses.replace(fit, **values)


def with_workflow(name: str, **values: Any) -> N8nState:  # noqa: ANN401 - WorkflowState's own
    identity = BY_NAME[name].id
    one = dataclasses.replace(n8n().workflows[identity], **values)
    return dataclasses.replace(n8n(), workflows={**n8n().workflows, identity: one})


def without_workflow(name: str) -> N8nState:
    kept = {key: one for key, one in n8n().workflows.items() if key != BY_NAME[name].id}
    return dataclasses.replace(n8n(), workflows=kept)


def with_credential(identity: str, verdict: str | None) -> N8nState:
    found = {**n8n().credentials, identity: verdict}
    kept = {key: one for key, one in found.items() if one is not None}
    return dataclasses.replace(n8n(), credentials=kept)


def test_every_line_of_n8n_is_read() -> None:
    lines = [
        "workflow one|nodes,settings|true|true",
        "workflow two|||",
        "credential a ok",
        "credential b differs",
        "owner false",
        "read yes",
    ]
    assert workflows.parse(lines) == N8nState(
        owned=False,
        workflows={
            "one": WorkflowState(("nodes", "settings"), active=True, registered=True),
            "two": WorkflowState((), active=False, registered=False),
        },
        credentials={"a": "ok", "b": "differs"},
    )


def test_an_n8n_that_did_not_answer_to_the_end_is_not_compared() -> None:
    assert workflows.parse(["workflow one|||", "owner true"]) is None


@pytest.mark.parametrize("owner", [["owner false"], []])
def test_an_n8n_is_owned_only_where_it_says_so(owner: list[str]) -> None:
    found = workflows.parse([*owner, "read yes"])
    assert found is not None
    assert found.owned is False
    assert n8n().owned is True


def test_the_line_of_evolution_is_read() -> None:
    said = '{"status":"open","webhook":{"url":"u"},"settings":{"a":1},"secret":true}'
    found = live_stack.parse([f"state evolution {said}"]).states
    assert found == {"evolution": InstanceState("open", {"url": "u"}, {"a": 1}, True)}
    none = evolution.parse(['{"status":null,"secret":false}'])
    assert none == InstanceState(None, {}, {}, False)


@pytest.mark.parametrize("lines", [[], [""], ["{"], ["null"]])
def test_an_evolution_that_did_not_answer_is_not_compared(lines: list[str]) -> None:
    assert evolution.parse(lines) is None
    rows = [f"state evolution {line}" for line in lines]
    assert live_stack.parse(rows).states.get("evolution") is None


def test_nothing_differs_where_both_hold_what_they_have_to() -> None:
    assert workflows.workflow_changes(settings_of(), n8n()) == []
    assert workflows.unregistered_webhooks(n8n()) == []
    assert evolution.changes(settings_of(), instance()) == []


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        *((without_workflow(name), f"workflow {name}: missing") for name in BY_NAME),
        *(
            (
                with_workflow(name, differing=("nodes",)),
                f"workflow {name}: nodes differs",
            )
            for name in BY_NAME
        ),
        (
            with_workflow("replies", differing=("connections",)),
            "workflow replies: connections differs",
        ),
        (with_workflow("inbound", active=False), "workflow inbound: active differs"),
        (with_workflow("replies", active=False), "workflow replies: active differs"),
        *(
            (with_credential(identity, "differs"), f"credential {identity}: differs")
            for identity in CREDENTIALS
        ),
        *(
            (with_credential(identity, None), f"credential {identity}: missing")
            for identity in CREDENTIALS
        ),
    ],
)
def test_what_an_import_puts_right_is_named_and_nothing_else_is(
    live: N8nState, expected: str
) -> None:
    assert keys(workflows.workflow_changes(settings_of(), live)) == [expected]


def test_a_workflow_that_n8n_itself_calls_need_not_be_active() -> None:
    assert n8n().workflows[BY_NAME["errors"].id].active is False
    assert workflows.workflow_changes(settings_of(), n8n()) == []


def test_a_credential_that_nobody_could_open_is_no_difference() -> None:
    live = with_credential("borgstackBridge", "unknown")
    assert workflows.workflow_changes(settings_of(), live) == []


@pytest.mark.parametrize("name", BY_NAME)
def test_an_own_workflow_is_made_once_and_then_left_alone(name: str) -> None:
    own = settings_of(own_workflows=[name])
    edited = with_workflow(name, differing=("nodes", "name"), active=False)
    assert workflows.workflow_changes(own, edited) == []
    gone = workflows.workflow_changes(own, without_workflow(name))
    assert keys(gone) == [f"workflow {name}: missing"]
    other = "replies" if name == "inbound" else "inbound"
    elsewhere = settings_of(own_workflows=[other])
    assert workflows.workflow_changes(elsewhere, edited) != []


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (with_workflow("inbound", registered=False), ["inbound"]),
        (without_workflow("replies"), ["replies"]),
        (dataclasses.replace(n8n(), workflows={}), ["inbound", "replies"]),
        (without_workflow("errors"), []),
    ],
)
def test_n8n_is_deaf_where_it_does_not_listen_for_a_webhook(
    live: N8nState, expected: list[str]
) -> None:
    assert workflows.unregistered_webhooks(live) == expected
    state = dataclasses.replace(FIT, states={**FIT.states, "n8n": live})
    found = stack.service_changes(default_project(), default_project().services, state)
    unregistered = f"service n8n: webhook of {', '.join(expected)} unregistered"
    assert [(key(one.change), one.action) for one in found] == (
        [(unregistered, "recreate")] if expected else []
    )


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        (
            instance(status=None, secret=False, webhook={}, settings={}),
            "instance whatsapp: missing",
        ),
        (instance(secret=False), "instance whatsapp: webhook secret differs"),
        *(
            (
                instance(webhook={**WEBHOOK, field: "x"}),
                f"instance whatsapp: webhook {field} differs",
            )
            for field in WEBHOOK
        ),
        *(
            (
                instance(settings={key: one for key, one in SETTINGS.items() if key != gone}),
                f"instance whatsapp: setting {gone} differs",
            )
            for gone in SETTINGS
        ),
    ],
)
def test_what_evolution_has_to_be_told_is_named_and_nothing_else_is(
    live: InstanceState, expected: str
) -> None:
    assert keys(evolution.changes(settings_of(), live)) == [expected]


@pytest.mark.parametrize("status", ["open", None])
def test_an_instance_of_an_earlier_name_leaves_on_request(status: str | None) -> None:
    live = instance(status=status, former=("support", "sales"))
    assert len(evolution.changes(settings_of(), live)) == (0 if status else 1)
    found = keys(evolution.changes(settings_of(former_instances=["support"]), live))
    assert found[-1:] == ["instance support: undeclared"]
    assert len(found) == (1 if status else 2)


@pytest.mark.parametrize("status", ["open", "connecting", "close"])
def test_a_phone_that_is_not_paired_is_no_difference(status: str) -> None:
    assert evolution.changes(settings_of(), instance(status=status)) == []


def test_settings_of_evolution_that_are_not_declared_are_left_alone() -> None:
    live = instance(settings={**SETTINGS, "msgCall": "Please write", "wavoipToken": "x"})
    assert evolution.changes(settings_of(), live) == []


def test_evolution_is_told_both_what_is_compared_and_what_is_not_secret() -> None:
    settings = settings_of(former_instances=["support"])
    assert json.loads(evolution.words(settings)[1]) == {
        "settings": dict(SETTINGS),
        "webhook": dict(WEBHOOK),
        "leaving": ["support"],
    }


SAMPLE = json.dumps(
    {
        "id": "x",
        "name": "For @@INSTANCE@@",
        "nodes": [{"parameters": {"path": "p-@@INBOX_ID@@"}}],
        "connections": {},
        "settings": {"executionOrder": "v1"},
        "pinData": {},
    }
)


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workflows that hold what a test has to see."""
    monkeypatch.setattr(workflows, "source", lambda _: SAMPLE)
    workflows._packed.cache_clear()
    yield
    workflows._packed.cache_clear()


def unpacked(settings: Settings) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        gzip.decompress(base64.b64decode(workflows.encoded_workflows(settings)))
    )
    return found


@pytest.mark.usefixtures("sample")
def test_what_is_compared_on_the_server_is_packed_without_what_n8n_changes_itself() -> None:
    found = unpacked(settings_of(whatsapp_instance="phone-2", own_workflows=["replies"]))
    assert [one["own"] for one in found] == [False, True, False]
    for one in found:
        assert set(one) == {"id", "name", "nodes", "connections", "settings", "own"}
        assert one["name"] == "For phone-2"
        assert one["nodes"] == [{"parameters": {"path": "p-@@INBOX_ID@@"}}]


@pytest.mark.usefixtures("sample")
def test_the_files_get_the_instances_name_and_keep_what_the_server_fills_in() -> None:
    files = workflows.workflows(settings_of(whatsapp_instance="phone-2"))
    assert list(files) == [one.file for one in WORKFLOWS]
    for content in files.values():
        assert b"For phone-2" in content
        assert b"@@INBOX_ID@@" in content


def test_packing_again_gives_the_same_text_and_nothing_without_whatsapp() -> None:
    first = workflows.encoded_workflows(settings_of())
    workflows._packed.cache_clear()
    assert workflows.encoded_workflows(settings_of()) == first
    assert workflows.encoded_workflows(settings_of(whatsapp=False)) == ""


def test_the_workflows_files_have_their_ids_and_only_marks_that_are_filled_in() -> None:
    for one in WORKFLOWS:
        text = workflows.workflows(settings_of())[one.file].decode()
        assert json.loads(text)["id"] == one.id
        assert set(re.findall(r"@@([A-Z_]+)@@", text)) <= {
            "ACCOUNT_ID",
            "INBOX_ID",
        }


def test_the_preparation_says_what_is_due_and_holds_no_secret() -> None:
    found = json.loads(workflows.import_manifest(settings_of(own_workflows=["inbound"])))
    assert [(one["id"], one["file"]) for one in found["workflows"]] == [
        (one.id, one.file) for one in WORKFLOWS
    ]
    assert [one["activate"] for one in found["workflows"]] == [True, True, False]
    assert [one["own"] for one in found["workflows"]] == [True, False, False]


def test_credentials_are_the_three_that_the_look_asks_for_with_a_mark_for_each_secret() -> None:
    text = default_project().content("config/n8n/credentials.json").decode()
    assert [one["id"] for one in json.loads(text)] == list(CREDENTIALS)
    assert all(re.fullmatch(r"@@[A-Z_]+@@", one["data"]["value"]) for one in json.loads(text))


def event(**values: object) -> str:
    """What Chatwoot posts, as it writes it; an agent's reply unless told otherwise."""
    conversation = {"id": 5, "messages": [{"message_type": 0}], "custom_attributes": {}}
    keys = {"account": {"id": 1, "name": "Shop"}, "content": "Hi", "conversation": conversation}
    message = {**keys, "message_type": "outgoing", "private": False, "sender": {"id": 7}}
    return json.dumps({**message, "event": "message_created", **values}, separators=(",", ":"))


CHANGED = {"changed_attributes": [{"status": {"current_value": "open"}}]}
NO_REPLIES = {
    "what the customer wrote": event(message_type="incoming"),
    "a change of what the customer wrote": event(message_type="incoming", event="message_updated"),
    "a new conversation": json.dumps({"id": 5, "event": "conversation_created"}).replace(" ", ""),
    "a closed one": event(event="conversation_status_changed", **CHANGED),
    "typing": '{"event":"conversation_typing_on","user":{"id":7},"is_private":false}',
}
IMITATIONS = (
    '"message_type":"incoming","private":false,"event":"message_updated"}',
    '{"event":"conversation_typing_on"}',
    '"message_type":"incoming","private":false,"event":"message_created"}',
    '"event":"conversation_updated","changed_attributes":[]}',
)
GO_ON = {
    "a reply": event(),
    "a note": event(private=True),
    "a template": event(message_type="template"),
    "a retry": event(event="message_updated"),
    "a file": event(content=None, attachments=[{"id": 1, "file_type": "image"}]),
    "attributes of an operator": event(
        conversation={"custom_attributes": {"event": "message_updated", "changed_attributes": [1]}}
    ),
    "an event of a later version": event(event="message_forwarded"),
    **{f"a reply that says {words}": event(content=words) for words in IMITATIONS},
}


def kept_from_n8n(body: str) -> bool:
    """Whether Caddy answers itself; its expressions are RE2's, which these are for Python, too."""
    caddyfile = default_project().content("config/caddy/Caddyfile").decode()
    (pattern,) = re.findall(r"\{http\.request\.body\}\.matches\(r'(.*)'\)", caddyfile)
    return bool(re.search(pattern, body))


@pytest.mark.parametrize("name", NO_REPLIES)
def test_what_is_no_reply_does_not_reach_n8n(name: str) -> None:
    assert kept_from_n8n(NO_REPLIES[name])


@pytest.mark.parametrize("name", GO_ON)
def test_whatever_may_be_a_reply_reaches_n8n(name: str) -> None:
    assert not kept_from_n8n(GO_ON[name])


OFF = render(settings_of(whatsapp=False))


def test_without_whatsapp_no_file_of_it_is_rendered() -> None:
    assert not [file.path for file in OFF.files if "n8n" in file.path or "evolution" in file.path]
    for path in (
        "docker-compose.yml",
        "config/caddy/Caddyfile",
        "config/postgresql/init-databases.sql",
        "config/chatwoot/application.json",
    ):
        hidden = OFF.content(path).decode()
        assert not re.search(r"(?i)n8n|evolution|replies-to-check", hidden), path
        shown = default_project().content(path).decode()
        assert re.search(r"(?i)n8n|evolution|replies-to-check", shown), path


def parts(project: Project) -> dict[str, set[str]]:
    """Everything that a project consists of, by kind."""
    compose = project.content("docker-compose.yml").decode()
    return {
        "services": set(project.services),
        "images": set(project.images),
        "volumes": set(re.findall(r"(?m)^  (borgstack_\w+): \{name: \w+, driver", compose)),
        "databases": {one.name for one in databases(project.settings)},
        "entries": {one.name for one in entries.entries_for(project.settings)},
        "files": {file.path for file in project.files},
    }


def test_without_whatsapp_chatwoot_keeps_everything_that_is_its_own() -> None:
    on, off = parts(default_project()), parts(OFF)
    assert all(off[kind] < on[kind] for kind in on)
    gone = {kind: on[kind] - off[kind] for kind in ("services", "volumes", "databases")}
    assert gone == {
        "services": {"evolution", "n8n-prepare", "n8n"},
        "volumes": {"borgstack_n8n_data", "borgstack_evolution_instances"},
        "databases": {"n8n_db", "evolution_db"},
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Project], Any]:
    """What the look at a project's stack is asked with."""
    monkeypatch.setattr(snapshot, "cached_fact", lambda _, **arguments: arguments)
    return snapshot.stack_state


def test_without_whatsapp_the_look_asks_for_none_of_it(asked: Callable[[Project], Any]) -> None:
    packed = workflows.encoded_workflows(settings_of())
    for part in ("docker exec -i evolution", "n8n_db", f"WhatsApp {packed}"):
        assert part in asked(default_project())["states"]
        assert part not in asked(OFF)["states"]


def test_the_look_fits_into_one_word_of_a_command_line(asked: Callable[[Project], Any]) -> None:
    # Linux takes 128 KiB at most, and sudo's quoting comes on top of it.
    command = Stack().command(**asked(default_project()))
    assert len(command.get_raw_value()) < 100_000
