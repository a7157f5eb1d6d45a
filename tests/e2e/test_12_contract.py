"""What integrations rely on in Chatwoot, and the traps they fall into: asked of the lab's double.

    CHATWOOT_URL=https://… CHATWOOT_TOKEN=… .venv/bin/pytest tests/e2e/test_12_contract.py

asks a real Chatwoot the very same (contract.py lists the variables). "Facts" and a number name the
section of the facts about Chatwoot that a test stands for; the double's README has the same
numbers. What a test makes, it removes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e import contract
from tests.e2e.contract import Chatwoot, Json, Receiver, phone, unique, until


@pytest.fixture(scope="module")
def target(request: pytest.FixtureRequest) -> Iterator[Chatwoot]:
    """The Chatwoot that CHATWOOT_URL names, else the lab host's."""
    if "CHATWOOT_URL" in os.environ:
        chatwoot = contract.of_environment()
    else:
        chatwoot = contract.of_lab(request.getfixturevalue("fresh")[0])
    yield chatwoot
    chatwoot.clean_up()


@pytest.fixture
def chatwoot(target: Chatwoot) -> Iterator[Chatwoot]:
    """The target, cleaned after each test of what the test made."""
    kept, target.made = target.made, []
    yield target
    target.clean_up()
    target.made = kept


@pytest.fixture(scope="module")
def receiver(target: Chatwoot, request: pytest.FixtureRequest) -> Iterator[Receiver]:
    """A receiver of webhooks on this machine."""
    foreign = "CHATWOOT_URL" in os.environ
    host = urlsplit(target.url).hostname if foreign else request.getfixturevalue("fresh")[0].address
    receiver = Receiver(str(host))
    yield receiver
    receiver.close()


@pytest.fixture
def inbox(chatwoot: Chatwoot) -> Json:
    """An API inbox without a webhook."""
    return api_inbox(chatwoot)


@pytest.fixture
def chat(chatwoot: Chatwoot, inbox: Json) -> Json:
    """An open conversation in that inbox."""
    return conversation(chatwoot, inbox)


def api_inbox(chatwoot: Chatwoot, webhook_url: str = "", **settings: object) -> Json:
    channel = {"type": "api", "webhook_url": webhook_url}
    return chatwoot.create("inboxes", name=unique(), channel=channel, **settings)


def web_inbox(chatwoot: Chatwoot) -> Json:
    channel = {"type": "web_widget", "website_url": "https://shop.test"}
    return chatwoot.create("inboxes", name=unique(), channel=channel)


def conversation(chatwoot: Chatwoot, inbox: Json) -> Json:
    contact = chatwoot.contact(phone_number=phone())
    ids = {"inbox_id": inbox["id"], "contact_id": contact["id"]}
    return chatwoot.made_by("conversations", **ids, source_id=unique())


def say(chatwoot: Chatwoot, chat: Json, content: str, **more: object) -> Json:
    return chatwoot.made_by(f"conversations/{chat['id']}/messages", content=content, **more)


# --- Who calls ---------------------------------------------------------------------------------

NO_TOKEN: dict[str, str] = {}
BAD_TOKEN = {"api_access_token": "x" * 24}


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(BAD_TOKEN, {"error": "Invalid Access Token"}, id="bad token"),
        pytest.param(NO_TOKEN, "errors", id="no token"),
        pytest.param({"Authorization": "Bearer TOKEN"}, "errors", id="bearer"),
    ],
)
def test_who_has_no_token_is_401(chatwoot: Chatwoot, headers: dict[str, str], body: object) -> None:
    """Facts 8: the header is api_access_token, never Authorization."""
    headers = {key: value.replace("TOKEN", chatwoot.token) for key, value in headers.items()}
    answer = chatwoot.call("GET", "/api/v1/profile", headers=headers)
    assert answer.status_code == 401
    assert body in (answer.json(), *answer.json())


def test_a_token_works_in_both_spellings_of_the_header(chatwoot: Chatwoot) -> None:
    """Facts 8: api_access_token and api-access-token are one; GET profile verifies a token."""
    for name in ("api_access_token", "api-access-token"):
        answer = chatwoot.call("GET", "/api/v1/profile", headers={name: chatwoot.token})
        assert answer.json()["access_token"] == chatwoot.token, name
        assert chatwoot.account in [account["id"] for account in answer.json()["accounts"]]


def test_what_is_not_there_is_404(chatwoot: Chatwoot) -> None:
    """Facts 8: no index of accounts; unknown records say so in one sentence."""
    assert chatwoot.call("GET", "/api/v1/accounts").status_code == 404
    for path in ("contacts/2000000000", "conversations/2000000000", "inboxes/2000000000"):
        answer = chatwoot.call("GET", path)
        assert (answer.status_code, answer.json()) == (
            404,
            {"error": "Resource could not be found"},
        ), path


@dataclass(frozen=True)
class Reserved:
    """A call that only an administrator may make."""

    method: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)


@pytest.mark.parametrize(
    "call",
    [
        Reserved("POST", "agents", {"name": "x", "email": "x@lab.test"}),
        Reserved("POST", "inboxes", {"name": "x", "channel": {"type": "api"}}),
        Reserved("POST", "labels", {"title": "xy"}),
        Reserved("POST", "teams", {"name": "x"}),
        Reserved("POST", "webhooks", {"url": "http://x.test", "subscriptions": []}),
        Reserved("GET", "webhooks"),
    ],
    ids=lambda call: f"{call.method} {call.path}",
)
def test_an_agent_who_may_not_is_401_and_not_403(chatwoot: Chatwoot, call: Reserved) -> None:
    """Facts 8: a refusal is 401 with the sentence of a refusal."""
    headers = {"api_access_token": chatwoot.agent_token}
    answer = chatwoot.call(call.method, call.path, headers=headers, json=call.body)
    assert (answer.status_code, "not authorized" in answer.text) == (401, True), answer.text


def test_an_agent_sees_only_the_inboxes_it_is_in(chatwoot: Chatwoot, chat: Json) -> None:
    """Facts 7: agents see inboxes they are members of; administrators see all."""
    headers = {"api_access_token": chatwoot.agent_token}
    shown = chatwoot.call("GET", "inboxes", headers=headers).json()["payload"]
    assert chat["inbox_id"] not in [inbox["id"] for inbox in shown]
    path = f"conversations/{chat['id']}"
    assert chatwoot.call("GET", path, headers=headers).status_code == 401
    agent = chatwoot.call("GET", "/api/v1/profile", headers=headers).json()["id"]
    joined = chatwoot.made_by("inbox_members", inbox_id=chat["inbox_id"], user_ids=[agent])
    assert [member["id"] for member in joined["payload"]] == [agent]
    assert chatwoot.call("GET", path, headers=headers).status_code == 200


def test_signing_in_gives_headers_that_stand_for_the_user(chatwoot: Chatwoot) -> None:
    """Facts 5: devise_token_auth; its tokens are in users.tokens."""
    login = {"email": chatwoot.email, "password": chatwoot.password}
    answer = chatwoot.call("POST", "/auth/sign_in", headers={}, json=login)
    assert answer.status_code == 200, answer.text
    headers = {name: answer.headers[name] for name in ("access-token", "client", "uid")}
    assert chatwoot.call("GET", "/api/v1/profile", headers=headers).status_code == 200
    spoilt = {**headers, "access-token": "x"}
    assert chatwoot.call("GET", "/api/v1/profile", headers=spoilt).status_code == 401
    assert chatwoot.call("DELETE", "/auth/sign_out", headers=headers).status_code == 200
    assert chatwoot.call("GET", "/api/v1/profile", headers=headers).status_code == 401
    wrong = {**login, "password": "Wrong1!wrong"}
    assert chatwoot.call("POST", "/auth/sign_in", headers={}, json=wrong).status_code == 401


def test_the_super_administrator_has_a_sign_in_of_its_own(chatwoot: Chatwoot) -> None:
    """Facts 7: /super_admin and /monitoring/sidekiq are behind the type SuperAdmin."""
    answer = chatwoot.call("GET", "/super_admin")  # with an administrator's API token
    assert (answer.status_code, answer.headers["location"].split("/")[-1]) == (302, "sign_in")
    assert chatwoot.call("GET", "/super_admin/sign_in").status_code == 200
    assert chatwoot.call("GET", "/monitoring/sidekiq").status_code == 404


# --- Contacts ----------------------------------------------------------------------------------


def test_a_new_contact_is_in_payload_contact(chatwoot: Chatwoot, inbox: Json) -> None:
    """Facts 8: payload.contact.id; without inbox_id the contact_inbox holds nulls."""
    bare = chatwoot.made_by("contacts", name="Contract", phone_number=phone())["payload"]
    chatwoot.made.append(f"contacts/{bare['contact']['id']}")
    assert bare["contact_inbox"] == {"inbox": None, "source_id": None}
    full = chatwoot.made_by(
        "contacts", name="Contract", email=f"{unique()}@x.test", inbox_id=inbox["id"]
    )
    chatwoot.made.append(f"contacts/{full['payload']['contact']['id']}")
    source_id = full["payload"]["contact_inbox"]["source_id"]
    assert source_id.count("-") == 4  # a random UUID
    (address,) = full["payload"]["contact"]["contact_inboxes"]
    assert (address["source_id"], address["inbox"]["id"]) == (source_id, inbox["id"])


@pytest.mark.parametrize("key", ["phone_number", "email", "identifier"])
def test_a_second_contact_with_the_same_address_is_422(chatwoot: Chatwoot, key: str) -> None:
    """Facts 8: "already taken" is what a race looks like; search again then."""
    value = {"phone_number": phone(), "email": f"{unique()}@x.test", "identifier": unique()}[key]
    chatwoot.contact(**{key: value})
    answer = chatwoot.post("contacts", name="Contract", **{key: value})
    assert (answer.status_code, answer.json()["attributes"]) == (422, [key])
    assert "has already been taken" in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        pytest.param({"phone_number": "5511987654321"}, "e164", id="no plus"),
        pytest.param({"phone_number": "+55 11 98765"}, "e164", id="spaces"),
        pytest.param({"name": "x" * 256}, "too long", id="long name"),
    ],
)
def test_a_contact_that_is_not_right_is_422(
    chatwoot: Chatwoot, body: dict[str, str], complaint: str
) -> None:
    """Facts 7 and 8: E.164 with a plus; 255 characters in a string column."""
    answer = chatwoot.post("contacts", **{"name": "Contract", **body})
    assert (answer.status_code, complaint in answer.json()["message"]) == (422, True), answer.text


def test_a_search_matches_parts_of_words(chatwoot: Chatwoot) -> None:
    """Facts 8: payload[0] of a search may be a stranger, so compare; a plus must be escaped."""
    number = phone()
    one = chatwoot.contact(phone_number=number)
    longer = number + "7" if len(number) < 15 else number[:-1]
    other = chatwoot.contact(phone_number=longer)
    nameless = unique()
    chatwoot.contact(name=nameless)  # no phone, mail or identifier: no search shows it
    found = chatwoot.get("contacts/search", q=number[:13])
    assert {one["id"], other["id"]} <= {contact["id"] for contact in found["payload"]}
    assert found["meta"]["count"] == len(found["payload"])
    assert chatwoot.get("contacts/search", q=nameless)["payload"] == []
    raw = chatwoot.call("GET", f"contacts/search?q={number}").json()  # "+" is a space there
    assert one["id"] in [contact["id"] for contact in raw["payload"]]  # stripped: digits match
    nothing = {"meta": {"count": None, "current_page": 1}, "payload": []}
    assert chatwoot.get("contacts/search") == nothing  # facts 15: not the 422 that was meant


def test_a_filter_matches_exactly(chatwoot: Chatwoot) -> None:
    """Facts 8 and 15: every entry but the last needs query_operator, or it is 500."""
    identifier = unique()
    contact = chatwoot.contact(identifier=identifier)
    chatwoot.contact(identifier=identifier + "-more")
    exact = {
        "attribute_key": "identifier",
        "filter_operator": "equal_to",
        "values": [identifier],
        "query_operator": None,
    }
    found = chatwoot.made_by("contacts/filter", payload=[exact])
    assert [one["id"] for one in found["payload"]] == [contact["id"]]
    assert chatwoot.post("contacts/filter", payload=[exact, exact]).status_code == 500
    unknown = {**exact, "attribute_key": "source_id"}
    assert chatwoot.post("contacts/filter", payload=[unknown]).status_code == 422


# --- A contact's addresses in an inbox ---------------------------------------------------------


def test_an_address_is_made_once_and_belongs_to_one_contact(
    chatwoot: Chatwoot,
    inbox: Json,
) -> None:
    """Facts 8: contact_inboxes is first_or_create; another contact's source_id is 500."""
    ours, source_id = chatwoot.contact(identifier=unique()), unique()
    address = {"inbox_id": inbox["id"], "source_id": source_id}
    for _ in range(2):
        made = chatwoot.made_by(f"contacts/{ours['id']}/contact_inboxes", **address)
        assert (made["source_id"], made["inbox"]["id"]) == (source_id, inbox["id"])
    shown = chatwoot.get(f"contacts/{ours['id']}")["payload"]["contact_inboxes"]
    assert [one["source_id"] for one in shown] == [source_id]
    answer = chatwoot.post("contacts", name="Contract", identifier=unique(), **address)
    assert answer.status_code == 500
    other = chatwoot.contact(identifier=unique())
    answer = chatwoot.post("conversations", contact_id=other["id"], **address)
    assert (answer.status_code, answer.json()) == (422, {"error": "source_id should be unique"})


def test_contactable_inboxes_show_an_address_that_is_not_there(
    chatwoot: Chatwoot,
    inbox: Json,
) -> None:
    """Facts 8: without an address an API inbox shows a throw-away one, another at each call."""
    contact = chatwoot.contact(identifier=unique())

    def shown() -> str:
        offered = chatwoot.get(f"contacts/{contact['id']}/contactable_inboxes")["payload"]
        (found,) = [one["source_id"] for one in offered if one["inbox"]["id"] == inbox["id"]]
        return str(found)

    assert shown() != shown()
    source_id = unique()
    address = {"inbox_id": inbox["id"], "source_id": source_id}
    chatwoot.made_by(f"contacts/{contact['id']}/contact_inboxes", **address)
    assert shown() == shown() == source_id


# --- Conversations -----------------------------------------------------------------------------


def test_without_source_id_each_conversation_makes_an_address(
    chatwoot: Chatwoot,
    inbox: Json,
) -> None:
    """Facts 8: the orphans of evolution-api#2578; so always send source_id."""
    contact = chatwoot.contact(identifier=unique())
    ids = {"contact_id": contact["id"], "inbox_id": inbox["id"]}
    chatwoot.made_by("conversations", **ids)
    chatwoot.made_by("conversations", **ids)
    assert len(addresses(chatwoot, contact)) == 2
    source_id = unique()
    first = chatwoot.made_by("conversations", **ids, source_id=source_id)
    second = chatwoot.made_by("conversations", source_id=source_id)  # by the address alone
    assert len(addresses(chatwoot, contact)) == 3
    assert first["id"] != second["id"]  # nothing is deduplicated
    found = chatwoot.get("conversations", source_id=source_id)["data"]["payload"]
    assert {one["id"] for one in found} == {first["id"], second["id"]}
    assert chatwoot.post("conversations", source_id=unique()).status_code == 404


def addresses(chatwoot: Chatwoot, contact: Json) -> list[Any]:
    found: list[Json] = chatwoot.get(f"contacts/{contact['id']}")["payload"]["contact_inboxes"]
    return found


def test_an_inbox_can_keep_to_one_conversation(chatwoot: Chatwoot) -> None:
    """Facts 8: lock_to_single_conversation returns the last one, even a resolved one."""
    chat = conversation(chatwoot, api_inbox(chatwoot, lock_to_single_conversation=True))
    chatwoot.made_by(f"conversations/{chat['id']}/toggle_status", status="resolved")
    source_id = source_of(chatwoot, chat)
    again = chatwoot.made_by("conversations", source_id=source_id)
    assert (again["id"], again["status"]) == (chat["id"], "resolved")


def source_of(chatwoot: Chatwoot, chat: Json) -> str:
    contact = chat["meta"]["sender"]["id"]
    return str(chatwoot.get(f"contacts/{contact}")["payload"]["contact_inboxes"][0]["source_id"])


def test_lists_show_open_conversations_unless_told(chatwoot: Chatwoot, chat: Json) -> None:
    """Facts 8: data.payload; a contact's own list has all inboxes and statuses."""
    contact = chat["meta"]["sender"]["id"]
    toggled = chatwoot.made_by(f"conversations/{chat['id']}/toggle_status")["payload"]
    assert (toggled["success"], toggled["conversation_id"]) == (True, chat["id"])
    assert toggled["current_status"] == "resolved"
    shown = {
        status: [
            one["id"]
            for one in chatwoot.get(
                "conversations", inbox_id=chat["inbox_id"], **status_of(status)
            )["data"]["payload"]
        ]
        for status in ("", "open", "resolved", "all")
    }
    assert shown == {"": [], "open": [], "resolved": [chat["id"]], "all": [chat["id"]]}
    own = chatwoot.get(f"contacts/{contact}/conversations")["payload"]
    assert [(one["id"], one["status"]) for one in own] == [(chat["id"], "resolved")]


def status_of(status: str) -> dict[str, object]:
    return {"status": status} if status else {}


@pytest.mark.parametrize("key", ["source_id", "contact_id"])
def test_conversations_cannot_be_filtered_by(chatwoot: Chatwoot, key: str) -> None:
    """Facts 8 and 13: no such key, 422; and as a GET it is conversation number "filter", 404."""
    entry = {"attribute_key": key, "filter_operator": "equal_to", "values": ["1"]}
    assert chatwoot.post("conversations/filter", payload=[entry]).status_code == 422
    assert chatwoot.call("GET", "conversations/filter").status_code == 404


def test_conversations_can_be_filtered_by_status_and_inbox(chatwoot: Chatwoot, chat: Json) -> None:
    """Facts 8: the answer is meta.all_count and payload, without data around it."""
    status = {"attribute_key": "status", "filter_operator": "equal_to", "values": ["open"]}
    inbox = {
        "attribute_key": "inbox_id",
        "filter_operator": "equal_to",
        "values": [chat["inbox_id"]],
        "query_operator": "AND",
    }
    found = chatwoot.made_by("conversations/filter", payload=[inbox, status])
    assert (found["meta"]["all_count"], found["payload"][0]["id"]) == (1, chat["id"])


# --- Messages ----------------------------------------------------------------------------------


def test_messages_come_from_the_contact_or_from_the_tokens_user(
    chatwoot: Chatwoot,
    chat: Json,
) -> None:
    """Facts 8: outgoing unless told; message_type is a number and created_at are seconds."""
    reply = say(chatwoot, chat, "a reply")
    assert (reply["message_type"], reply["sender"]["type"]) == (1, "user")
    assert abs(reply["created_at"] - time.time()) < 3600
    asked = say(chatwoot, chat, 'a "question"\nof two lines', message_type="incoming")
    assert (asked["message_type"], asked["sender"]["type"]) == (0, "contact")
    assert asked["conversation_id"] == chat["id"]
    shown = chatwoot.get(f"conversations/{chat['id']}/messages")["payload"]
    assert [one["content"] for one in shown] == ["a reply", 'a "question"\nof two lines']


def test_source_id_is_kept_and_not_unique(chatwoot: Chatwoot, chat: Json) -> None:
    """Facts 8: who must not post twice has to look first."""
    words = {"message_type": "incoming", "source_id": f"WAID:{unique()}"}
    first, second = (say(chatwoot, chat, "again", **words) for _ in range(2))
    assert first["source_id"] == second["source_id"] == words["source_id"]
    assert first["id"] != second["id"]


def test_of_content_attributes_three_keys_are_kept(chatwoot: Chatwoot, chat: Json) -> None:
    """Facts 8: at 4.6.0 the others are dropped without a word."""
    first = say(chatwoot, chat, "first")
    given = {"in_reply_to": first["id"], "external_id": "lost"}
    kept = say(chatwoot, chat, "second", content_attributes=given)["content_attributes"]
    assert (kept.get("in_reply_to"), "external_id" in kept) == (first["id"], False)


def test_what_a_message_answers_is_named_by_its_source_id(chatwoot: Chatwoot, chat: Json) -> None:
    """Facts 14: what an agent wrote has none."""
    asked = say(chatwoot, chat, "which?", message_type="incoming", source_id=f"WAID:{unique()}")
    own = say(chatwoot, chat, "this one")
    for answered, name in ((asked, asked["source_id"]), (own, None)):
        given = {"in_reply_to": answered["id"]}
        kept = say(chatwoot, chat, "yes", content_attributes=given)["content_attributes"]
        assert (kept["in_reply_to"], kept["in_reply_to_external_id"]) == (answered["id"], name)


def test_before_and_after_show_what_is_between(chatwoot: Chatwoot, chat: Json) -> None:
    ids = [say(chatwoot, chat, str(number))["id"] for number in range(4)]
    path = f"conversations/{chat['id']}/messages"
    between = chatwoot.get(path, after=ids[1], before=ids[3])["payload"]
    assert [one["id"] for one in between] == ids[1:3]


def test_a_message_that_cannot_be_made_is_422(chatwoot: Chatwoot, chat: Json) -> None:
    """Facts 8: any exception is 422; 150,000 characters is the most."""
    path = f"conversations/{chat['id']}/messages"
    for body in ({"message_type": "nonsense"}, {"content": "x" * 150_001}):
        answer = chatwoot.post(path, **body)
        assert (answer.status_code, list(answer.json())) == (422, ["error"]), body


def test_the_customers_answer_opens_a_resolved_conversation(chatwoot: Chatwoot, chat: Json) -> None:
    """Facts 8: an incoming message reopens; an outgoing one does not."""
    path = f"conversations/{chat['id']}"
    chatwoot.made_by(f"{path}/toggle_status", status="resolved")
    say(chatwoot, chat, "goodbye")
    assert chatwoot.get(path)["status"] == "resolved"
    say(chatwoot, chat, "one more thing", message_type="incoming")
    assert chatwoot.get(path)["status"] == "open"


def test_delivery_is_reported_by_patch(chatwoot: Chatwoot, chat: Json) -> None:
    """Facts 8: PATCH with status and external_error tells the agent how it went."""
    message = say(chatwoot, chat, "to WhatsApp")
    assert message["status"] == "sent"
    path = f"conversations/{chat['id']}/messages/{message['id']}"
    failed = {"status": "failed", "external_error": "not on WhatsApp"}
    answer = chatwoot.call("PATCH", path, json=failed).json()
    assert answer["status"] == "failed"
    assert answer["content_attributes"]["external_error"] == "not on WhatsApp"
    assert (
        chatwoot.call("PATCH", path, json={"status": "delivered"}).json()["status"] == "delivered"
    )
    assert chatwoot.call("PATCH", path, json={"status": "nonsense"}).status_code == 200
    (shown,) = chatwoot.get(f"conversations/{chat['id']}/messages")["payload"]
    assert shown["status"] == "delivered"


def test_only_api_inboxes_take_customers_words_and_reports(chatwoot: Chatwoot) -> None:
    """Facts 8: in a website's inbox an incoming message is 422 and a report 403."""
    chat = conversation(chatwoot, web_inbox(chatwoot))
    path = f"conversations/{chat['id']}/messages"
    assert chatwoot.post(path, content="hi", message_type="incoming").status_code == 422
    message = say(chatwoot, chat, "hello")
    report = {"status": "failed"}
    assert chatwoot.call("PATCH", f"{path}/{message['id']}", json=report).status_code == 403


def test_files_are_attached_by_multipart(chatwoot: Chatwoot, chat: Json) -> None:
    """Facts 8: attachments[] are files; data_url is on the public address and redirects."""
    path = f"conversations/{chat['id']}/messages"
    files = [("attachments[]", ("receipt.txt", b"paid", "text/plain"))]
    answer = chatwoot.call("POST", path, data={"message_type": "incoming"}, files=files)
    assert answer.status_code == 200, answer.text
    (attachment,) = answer.json()["attachments"]
    assert (attachment["file_type"], attachment["file_size"]) == ("file", 4)
    assert chatwoot.fetch(attachment["data_url"]).content == b"paid"
    many = [("attachments[]", (f"{one}.txt", b"x", "text/plain")) for one in range(16)]
    sixteen = chatwoot.call("POST", path, data={}, files=many)  # facts 15: no limit holds
    assert (sixteen.status_code, len(sixteen.json()["attachments"])) == (200, 16)
    link = chatwoot.post(path, content="x", attachments=["https://x.test/receipt.txt"])
    assert link.status_code == 422  # links are not fetched


def test_what_goes_out_is_liquid(chatwoot: Chatwoot, chat: Json) -> None:
    """Facts 15: {{ … }} is evaluated where an agent or the API writes, and nothing if unknown."""
    path = f"conversations/{chat['id']}/messages"
    words = "a {{ contact.nonsense }} b `{{ kept }}`"
    rendered = [
        chatwoot.post(path, content=words, message_type=kind).json()["content"]
        for kind in ("outgoing", "incoming")
    ]
    assert rendered == ["a  b `{{ kept }}`", words]


# --- Agents, teams, labels, inboxes, webhooks --------------------------------------------------


def test_the_shapes_of_the_lists(chatwoot: Chatwoot) -> None:
    """Facts 8: agents are a bare array, inboxes and webhooks are wrapped, each in its own way."""
    assert isinstance(chatwoot.get("agents"), list)
    assert isinstance(chatwoot.get("teams"), list)
    assert isinstance(chatwoot.get("labels")["payload"], list)
    assert isinstance(chatwoot.get("inboxes")["payload"], list)
    assert isinstance(chatwoot.get("webhooks")["payload"]["webhooks"], list)


def test_a_new_agent_is_not_confirmed(chatwoot: Chatwoot) -> None:
    """Facts 7: it waits for a mail; JSON alone gives the root key (facts 8)."""
    words = {"name": "Agent", "email": f"{unique()}@lab.test", "role": "agent"}
    agent = chatwoot.create("agents", **words)
    assert (agent["role"], agent["confirmed"]) == ("agent", False)
    assert chatwoot.call("POST", "agents", data=words).status_code == 422  # not JSON


def test_labels_and_teams_are_in_lower_case(chatwoot: Chatwoot) -> None:
    """Labels take no spaces; both are stored in lower case, where a look-up must look."""
    title = unique()
    label = chatwoot.create("labels", title=title.upper())
    assert label["title"] == title
    assert chatwoot.post("labels", title=title).status_code == 422
    assert chatwoot.post("labels", title=f"{title} x").status_code == 422
    team = chatwoot.create("teams", name=f"Team {title}")
    assert team["name"] == f"team {title}"
    assert chatwoot.post("teams", name=f"TEAM {title}").status_code == 422
    me = chatwoot.get("/api/v1/profile")["id"]
    members = chatwoot.made_by(f"teams/{team['id']}/team_members", user_ids=[me])
    assert [member["id"] for member in members] == [me]


def test_an_api_inbox_shows_its_keys_to_administrators(
    chatwoot: Chatwoot, receiver: Receiver
) -> None:
    """Facts 8: webhook_url, inbox_identifier and, for administrators, hmac_token."""
    url = receiver.url()
    inbox = api_inbox(chatwoot, url)
    assert (inbox["channel_type"], inbox["webhook_url"]) == ("Channel::Api", url)
    assert len(inbox["inbox_identifier"]) == 24
    assert len(inbox["hmac_token"]) == 24


def test_a_webhooks_address_is_unique_and_its_events_are_known(
    chatwoot: Chatwoot, receiver: Receiver
) -> None:
    """Facts 7 and 8: the same URL twice is 422, and so is an unknown event or scheme."""
    url, events = receiver.url(), ["message_created"]
    webhook = chatwoot.create("webhooks", at="payload.webhook", url=url, subscriptions=events)
    assert (webhook["url"], webhook["subscriptions"]) == (url, events)
    for body in (
        {"url": url, "subscriptions": events},
        {"url": receiver.url(), "subscriptions": ["message_read"]},
        {"url": "ftp://x.test", "subscriptions": events},
        {"url": receiver.url() + "x" * 255, "subscriptions": events},
    ):
        assert chatwoot.post("webhooks", **body).status_code == 422, body


# --- Webhooks out ------------------------------------------------------------------------------


def test_a_reply_reaches_the_inboxs_webhook(chatwoot: Chatwoot, receiver: Receiver) -> None:
    """Facts 8: message_created, with words where the API has numbers; no signature."""
    url = receiver.url()
    chat = conversation(chatwoot, api_inbox(chatwoot, url))
    message = say(chatwoot, chat, "a reply")
    (delivery,) = receiver.wait(url, "message_created")
    body = delivery.body
    assert (body["id"], body["content"], body["content_type"]) == (message["id"], "a reply", "text")
    assert (body["message_type"], body["private"]) == ("outgoing", False)
    assert body["created_at"].startswith("20")
    assert (body["account"]["id"], body["inbox"]["id"]) == (chatwoot.account, chat["inbox_id"])
    assert body["sender"]["type"] == "user"
    about = body["conversation"]
    assert (about["id"], about["status"], about["channel"]) == (chat["id"], "open", "Channel::Api")
    assert about["contact_inbox"]["source_id"] == source_of(chatwoot, chat)
    assert about["meta"]["sender"]["phone_number"] == chat["meta"]["sender"]["phone_number"]
    assert "attachments" not in body
    assert not [name for name in delivery.headers if name.startswith("x-")]


def test_the_inboxs_webhook_gets_everything(chatwoot: Chatwoot, receiver: Receiver) -> None:
    """Facts 8: notes, the customer's own words and status changes too; so the receiver filters."""
    url = receiver.url()
    chat = conversation(chatwoot, api_inbox(chatwoot, url))
    say(chatwoot, chat, "a note", private=True)
    asked = say(chatwoot, chat, "a question", message_type="incoming")
    chatwoot.made_by(f"conversations/{chat['id']}/toggle_status", status="resolved")
    (changed,) = receiver.wait(url, "conversation_status_changed")
    assert (changed.body["id"], changed.body["status"]) == (chat["id"], "resolved")
    receiver.wait(url, "conversation_created")
    kinds = {
        (one.body["message_type"], one.body["private"])
        for one in receiver.wait(url, "message_created", 2)
    }
    assert kinds == {("outgoing", True), ("incoming", False)}
    created = receiver.at(url, "message_created")
    (incoming,) = [one for one in created if one.body["id"] == asked["id"]]
    assert "type" not in incoming.body["sender"]  # a contact's has none
    time.sleep(1)  # the activity message "marked resolved" is not sent
    assert len(receiver.at(url, "message_created")) == 2


def test_what_chatwoot_says_itself_is_a_template(chatwoot: Chatwoot, receiver: Receiver) -> None:
    """Facts 14: shown as sent, of nobody; a survey's address is in what is handed out alone."""
    url = receiver.url()
    inbox = api_inbox(chatwoot, url, greeting_enabled=True, greeting_message="Welcome")
    chatwoot.call("PATCH", f"inboxes/{inbox['id']}", json={"csat_survey_enabled": True})
    chat = conversation(chatwoot, inbox)
    for _ in range(2):  # a greeting is for the first alone
        say(chatwoot, chat, "a question", message_type="incoming")
    chatwoot.made_by(f"conversations/{chat['id']}/toggle_status", status="resolved")
    told = receiver.wait(url, "message_created", 4)
    greeting, survey = [one.body for one in told if one.body["message_type"] == "template"]
    assert (greeting["content"], greeting["content_type"]) == ("Welcome", "text")
    link = "/survey/responses/" + chatwoot.get(f"conversations/{chat['id']}")["uuid"]
    assert (survey["content_type"], link in survey["content"]) == ("input_csat", True)
    shown = chatwoot.get(f"conversations/{chat['id']}/messages")["payload"]
    own = [one for one in shown if one["message_type"] == 3]
    assert [(one["status"], one.get("sender")) for one in own] == [("sent", None)] * 2
    assert link not in own[1]["content"]


def test_a_retry_is_told_as_a_change_and_nothing_else(
    chatwoot: Chatwoot, receiver: Receiver
) -> None:
    """Facts 14: the event holds no status, and why it had failed is forgotten."""
    url = receiver.url()
    chat = conversation(chatwoot, api_inbox(chatwoot, url))
    message = say(chatwoot, chat, "a reply")
    path = f"conversations/{chat['id']}/messages/{message['id']}"
    chatwoot.call("PATCH", path, json={"status": "failed", "external_error": "no"})
    (failed,) = receiver.wait(url, "message_updated")
    assert failed.body["content_attributes"]["external_error"] == "no"
    chatwoot.made_by(f"{path}/retry")
    again = receiver.wait(url, "message_updated", 2)[-1].body
    assert (again["id"], "status" in again) == (message["id"], False)
    shown = chatwoot.get(f"conversations/{chat['id']}/messages")["payload"][-1]
    assert (shown["status"], shown["content_attributes"]) == ("sent", {})
    created = [one.body["id"] for one in receiver.at(url, "message_created")]
    assert created == [message["id"]]


def test_an_accounts_webhook_gets_what_it_subscribes_to(
    chatwoot: Chatwoot, receiver: Receiver
) -> None:
    """Facts 8: filtered by subscriptions; with the inbox's URL, each message comes twice."""
    url, both = receiver.url(), receiver.url()
    for address in (url, both):
        events = ["message_created"]
        chatwoot.create("webhooks", at="payload.webhook", url=address, subscriptions=events)
    chat = conversation(chatwoot, api_inbox(chatwoot, both))
    say(chatwoot, chat, "a reply")
    assert len(receiver.wait(both, "message_created", 2)) == 2
    receiver.wait(both, "conversation_created")
    assert [one.event for one in receiver.at(url)] == ["message_created"]


@pytest.mark.family("failing webhooks")
@pytest.mark.parametrize("kind", ["broken", "moved", "slow"])
def test_a_webhook_that_fails_marks_the_message_and_is_not_tried_again(
    chatwoot: Chatwoot, receiver: Receiver, kind: str
) -> None:
    """Facts 8: five seconds, no retry; late is failed too, though the receiver did its work."""
    url = receiver.url(kind)
    chat = conversation(chatwoot, api_inbox(chatwoot, url))
    say(chatwoot, chat, "a reply")

    def shown() -> Json:
        return chatwoot.get(f"conversations/{chat['id']}/messages")["payload"][0]

    until(lambda: shown()["status"] == "failed", f"the message to {url} is failed")
    assert shown()["content_attributes"]["external_error"]
    time.sleep(1)
    assert len(receiver.at(url, "message_created")) == 1


def test_an_accounts_webhook_that_fails_marks_nothing(
    chatwoot: Chatwoot, receiver: Receiver
) -> None:
    """Facts 8: errors are swallowed; only an API inbox's own webhook marks."""
    url, probe = receiver.url("broken"), receiver.url()
    words = {"url": url, "subscriptions": ["message_created"]}
    chatwoot.create("webhooks", at="payload.webhook", **words)
    chat = conversation(chatwoot, api_inbox(chatwoot, probe))
    say(chatwoot, chat, "a reply")
    receiver.wait(url, "message_created")
    time.sleep(1)
    (shown,) = chatwoot.get(f"conversations/{chat['id']}/messages")["payload"]
    assert shown["status"] == "sent"
    assert receiver.at(probe, "message_updated") == []


# --- Live view ---------------------------------------------------------------------------------

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "actioncable-v1-json",
}


def test_the_websocket_opens_and_a_plain_get_is_404(chatwoot: Chatwoot) -> None:
    """Facts 3: /cable without an upgrade is 404, and that is no fault."""
    assert chatwoot.call("GET", "/cable", headers={}).status_code == 404
    origin = {"Origin": chatwoot.url}
    answer = chatwoot.call("GET", "/cable", headers={**UPGRADE, **origin}, stream=True)
    assert answer.status_code == 101
    answer.close()
