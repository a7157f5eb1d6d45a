"""What integrations rely on in Evolution API, and the traps they fall into: asked of what the lab
has under that name, the double or the real program (`make test-real`).

    EVOLUTION_URL=https://… EVOLUTION_API_KEY=… .venv/bin/pytest tests/e2e/test_19_evolution.py

asks one that runs elsewhere the very same. Real ones are not asked for what needs a phone or a
customer. "Facts" and a number name the section of the facts about Evolution API that a test stands
for; the double's README has the same numbers. No lab host is needed.
"""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from tests.e2e import evolution as evolutions
from tests.e2e.contract import Json, Receiver, unique, until
from tests.e2e.evolution import Evolution
from tests.lab.docker import docker
from tests.lab.shell import run

CUSTOMER = "5511987654321@s.whatsapp.net"
ELSEWHERE = "EVOLUTION_URL" in os.environ
PICTURE = base64.b64encode(b"\x89PNG not quite").decode()
needs_own = pytest.mark.skipif(ELSEWHERE, reason="restarts or breaks what it asks")


@pytest.fixture(scope="module")
def target() -> Iterator[Evolution]:
    """The Evolution API that EVOLUTION_URL names, else one of our own."""
    if ELSEWHERE:
        yield evolutions.of_environment()
        return
    yield evolutions.start_own()
    evolutions.stop_own()


@pytest.fixture
def evolution(target: Evolution) -> Iterator[Evolution]:
    """The target, cleaned after each test of what the test made."""
    yield target
    target.clean_up()


@pytest.fixture(scope="module")
def receiver(target: Evolution) -> Iterator[Receiver]:
    """A receiver of webhooks on this machine."""
    receiver = Receiver(str(urlsplit(target.url).hostname))
    yield receiver
    receiver.close()


def webhook(url: str, *events: str, **more: object) -> Json:
    return {"url": url, "byEvents": False, "base64": False, "events": list(events), **more}


def customer(text: str = "Hello", **more: object) -> Json:
    key = {"remoteJid": CUSTOMER, "fromMe": False, "id": unique()}
    return {"key": key, "pushName": "Ana", "message": {"conversation": text}, **more}


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["response"]["message"])


# --- Start and keys ----------------------------------------------------------------------------


def test_the_root_answers_without_a_key_and_there_is_no_health(evolution: Evolution) -> None:
    """Facts 1.1: GET / is the health check; /health does not exist."""
    answer = evolution.call("GET", "", key="")
    assert (answer.status_code, answer.json()["version"][:2]) == (200, "2.")
    assert {"message", "clientName", "documentation"} <= set(answer.json())
    assert evolution.call("GET", "health").status_code == 404


@needs_own
def test_a_start_without_a_provider_or_a_database_ends_with_1(evolution: Evolution) -> None:
    """Facts 1.1: the provider has to be in the environment; the baked-in .env does not count."""
    code, said = evolutions.once(evolution.image, {"DATABASE_CONNECTION_URI": evolutions.URI})
    assert (code, "provider" in said) == (1, True), said
    nowhere = "postgresql://nobody:secret@nowhere:5432/x"
    settings = {"DATABASE_PROVIDER": "postgresql", "DATABASE_CONNECTION_URI": nowhere}
    code, said = evolutions.once(evolution.image, settings)
    assert (code, "P1001" in said, "secret" in said) == (1, True, False), said
    code, said = evolutions.once(evolution.image, {**settings, "DATABASE_URL": nowhere})
    assert "secret" in said  # the trap: DATABASE_URL, which nothing reads, is printed


@needs_own
def test_a_variable_left_unset_has_the_value_of_the_example(evolution: Evolution) -> None:
    """Facts 1.1: the image's .env holds a key that everyone knows, and a stale phone version."""
    name = f"{evolutions.NETWORK}-bare"
    settings = ("DATABASE_PROVIDER", "DATABASE_CONNECTION_URI", "DOUBLE_CREATE_SECONDS")
    bare = {key: evolutions.ENVIRONMENT[key] for key in settings}
    bare["DATABASE_CONNECTION_URI"] = evolutions.new_database("bare")
    address = evolutions.SECOND_ADDRESS
    evolutions.start(name, evolution.image, bare, f"--ip={address}")
    try:
        known = "429683C4C977415CAAFCCE10F7D57E11"
        other = Evolution(f"http://{address}:8080", known, evolution.image)
        until(lambda: evolutions.is_loaded(other), "one without settings is up")
        made = other.create(qrcode=True)
        assert made["qrcode"] == {"count": 0}  # WhatsApp refuses the stale version
        instance = made["instance"]["instanceName"]
        assert other.state(instance) in ("connecting", "close")  # tried again for ever

        def said() -> str:
            done = run(["docker", "logs", name])
            return done.stdout + done.stderr

        until(lambda: "redis disconnected" in said(), "the example's Redis is missed")
    finally:
        docker("rm", "--force", "--volumes", name)


def test_who_has_no_key_is_401_and_an_unknown_name_is_404_before(evolution: Evolution) -> None:
    """Facts 1.3: the name is looked at before the key; a token opens its own instance alone."""
    made = evolution.create()
    name, other = made["instance"]["instanceName"], evolution.create()["instance"]["instanceName"]
    unauthorized = {
        "status": 401,
        "error": "Unauthorized",
        "response": {"message": "Unauthorized"},
    }
    for key in ("", "wrong"):
        answer = evolution.call("GET", f"instance/connectionState/{name}", key=key)
        assert (answer.status_code, answer.json()) == (401, unauthorized)
        assert evolution.call("POST", "verify-creds", {}, key=key).status_code == 401
    answer = evolution.call("GET", f"instance/connectionState/{unique()}", key="")
    assert (answer.status_code, "does not exist" in answer.text) == (404, True)
    token = made["hash"]
    path = "instance/connectionState"
    assert evolution.call("GET", f"{path}/{name}", key=token).status_code == 200
    assert evolution.call("GET", f"{path}/{other}", key=token).status_code == 401
    assert evolution.call("POST", "verify-creds", {}).status_code == 200


# --- Instances ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        pytest.param({}, "Invalid integration", id="no integration"),
        pytest.param({"integration": "WHATSAPP"}, "Invalid integration", id="wrong integration"),
        pytest.param(
            {"integration": "EVOLUTION", "number": "shop-5511"},
            "number does not match",
            id="number",
        ),
        pytest.param(
            {"integration": "WHATSAPP-BAILEYS", "webhook": {"url": "http://n8n:5678/x"}},
            "length",
            id="no events",
        ),
        pytest.param(
            {"integration": "WHATSAPP-BAILEYS", "webhook": {"url": "n8n 5678", "events": []}},
            "url",
            id="no URL",
        ),
    ],
)
def test_a_create_that_is_not_right_is_400_and_leaves_nothing(
    evolution: Evolution, body: Json, complaint: str
) -> None:
    """Facts 1.3: events has to be an array; without it the instance is gone again."""
    name = unique()
    status, message = refusal(
        evolution.call("POST", "instance/create", {"instanceName": name, **body})
    )
    assert (status, complaint in message) == (400, True), message
    assert evolution.call("GET", f"instance/fetchInstances?instanceName={name}").status_code == 404


def test_a_name_in_use_is_403_and_its_hash_is_a_string(evolution: Evolution) -> None:
    """Facts 1.3: create is not idempotent; fetchInstances answers a bare array, or 404."""
    made = evolution.create(qrcode=False)
    assert isinstance(made["hash"], str)
    name = made["instance"]["instanceName"]
    body = {"instanceName": name, "integration": "WHATSAPP-BAILEYS"}
    status, message = refusal(evolution.call("POST", "instance/create", body))
    assert (status, "already in use" in message) == (403, True)
    (found,) = evolution.ask("GET", f"instance/fetchInstances?instanceName={name}")
    assert (found["name"], found["integration"]) == (name, "WHATSAPP-BAILEYS")
    assert name in [one["name"] for one in evolution.ask("GET", "instance/fetchInstances")]
    assert evolution.state(name) == "close"


def test_no_events_are_all_events_and_a_webhook_is_set_again(evolution: Evolution) -> None:
    """Facts 1.3: [] means all; webhook/set is an upsert and wants enabled and url."""
    name = evolution.create(webhook=webhook("http://n8n:5678/x"))["instance"]["instanceName"]
    found = evolution.ask("GET", f"webhook/find/{name}")
    assert {"MESSAGES_UPSERT", "CONNECTION_UPDATE", "SEND_MESSAGE"} <= set(found["events"])
    assert evolution.call("POST", f"webhook/set/{name}", {"webhook": {}}).status_code == 400
    wanted = {"enabled": True, **webhook("http://n8n:5678/y", "MESSAGES_UPSERT")}
    for _ in range(2):
        answer = evolution.call("POST", f"webhook/set/{name}", {"webhook": wanted})
        assert (answer.status_code, answer.json()["url"]) == (201, "http://n8n:5678/y")
    assert evolution.ask("GET", f"webhook/find/{name}")["events"] == ["MESSAGES_UPSERT"]


def test_settings_are_set_whole_and_found(evolution: Evolution) -> None:
    """Facts 1.3: POST settings/set wants every switch."""
    name = evolution.create(groupsIgnore=True)["instance"]["instanceName"]
    found = evolution.ask("GET", f"settings/find/{name}")
    assert (found["groupsIgnore"], found["rejectCall"]) == (True, False)
    partial = {"groupsIgnore": False}
    assert evolution.call("POST", f"settings/set/{name}", partial).status_code == 400
    switches = {key: value for key, value in found.items() if isinstance(value, bool)}
    whole = {**switches, "rejectCall": True}
    assert evolution.call("POST", f"settings/set/{name}", whole).status_code == 201
    assert evolution.ask("GET", f"settings/find/{name}")["rejectCall"] is True


def test_three_names_of_events_are_known_at_create_alone(evolution: Evolution) -> None:
    """Facts 6: webhook/set refuses them, and neither brings one of them."""
    for event in ("INSTANCE_CREATE", "INSTANCE_DELETE", "STATUS_INSTANCE"):
        made = evolution.create(webhook=webhook("http://n8n:5678/x", event))
        name = made["instance"]["instanceName"]
        wanted = {"webhook": {"enabled": True, **webhook("http://n8n:5678/x", event)}}
        assert evolution.call("POST", f"webhook/set/{name}", wanted).status_code == 400


def test_a_restart_of_a_closed_instance_is_an_object_that_says_nothing(
    evolution: Evolution,
) -> None:
    """Facts 6: 200, and an error in it."""
    name = evolution.create()["instance"]["instanceName"]
    answer = evolution.call("POST", f"instance/restart/{name}")
    assert (answer.status_code, answer.json()) == (
        200,
        {"error": True, "message": "[object Object]"},
    )


def test_an_open_instance_is_deleted_in_one_call(evolution: Evolution) -> None:
    """Facts 6. Of the channel without WhatsApp, which is open from the start."""
    made = evolution.create(integration="EVOLUTION", number=f"{time.time_ns()}")
    name = made["instance"]["instanceName"]
    assert evolution.state(name) == "open"
    assert evolution.call("DELETE", f"instance/delete/{name}").status_code == 200
    until(lambda: evolution.state(name) == "404", "it is gone")  # the real one answers before


@needs_own
def test_after_a_start_an_instance_connects_that_was_never_paired(evolution: Evolution) -> None:
    """Facts 6: for good, where WhatsApp cannot be reached."""
    evolution.needs_double()
    name = evolution.create()["instance"]["instanceName"]
    assert evolution.state(name) == "close"
    evolutions.restart(evolution)
    until(lambda: evolution.state(name) == "connecting", "it connects by itself")


@needs_own
def test_keys_and_the_last_code_outlive_a_logout(evolution: Evolution) -> None:
    """Facts 6: a code that was shown before is dead, and the keys stay in Redis for ever."""
    name = evolution.paired()
    asked = ("exec", evolutions.KEYS, "redis-cli", "-n", "6", "keys", "evolution:instance:*")
    (one,) = [e for e in evolution.ask("GET", "instance/fetchInstances") if e["name"] == name]
    evolution.ask("DELETE", f"instance/logout/{name}")
    refused = evolution.call("POST", f"double/scan/{name}", {"number": "5511999990000"})
    assert refused.status_code == 409
    evolution.ask("DELETE", f"instance/delete/{name}")
    assert f"evolution:instance:{one['id']}" in docker(*asked)


def test_a_code_is_shown_until_a_phone_scans_it(evolution: Evolution, receiver: Receiver) -> None:
    """Facts 1.3: connect gives the QR code, with a number a pairing code too."""
    events = ("QRCODE_UPDATED", "CONNECTION_UPDATE")
    hook = receiver.url()
    made = evolution.create(webhook=webhook(hook, *events))
    assert "qrcode" not in made
    evolution.needs_double()
    name = made["instance"]["instanceName"]
    shown = evolution.ask("GET", f"instance/connect/{name}?number=5511999990000")
    assert set(shown) == {"pairingCode", "code", "base64", "count"}
    assert (shown["code"][:2], len(shown["pairingCode"])) == ("2@", 8)
    header, picture = shown["base64"].split(",")
    assert header == "data:image/png;base64"
    assert base64.b64decode(picture)[:4] == b"\x89PNG"
    assert evolution.state(name) == "connecting"
    evolution.double(f"scan/{name}", {"number": "5511999990000"})
    assert evolution.ask("GET", f"instance/connect/{name}")["instance"]["state"] == "open"
    receiver.wait(hook, "qrcode.updated")
    states = [one.body["data"]["state"] for one in receiver.wait(hook, "connection.update", 2)]
    assert sorted(states) == ["connecting", "open"]


def test_a_logout_needs_a_new_code(evolution: Evolution) -> None:
    """Facts 1.3: logout removes the keys; a closed instance cannot log out."""
    name = evolution.paired()
    assert evolution.ask("DELETE", f"instance/logout/{name}")["status"] == "SUCCESS"
    assert evolution.state(name) == "close"
    assert evolution.call("DELETE", f"instance/logout/{name}").status_code == 400
    assert evolution.ask("GET", f"instance/connect/{name}")["code"].startswith("2@")
    assert evolution.call("DELETE", f"instance/delete/{name}").status_code == 200
    assert evolution.call("GET", f"instance/connectionState/{name}").status_code == 404


@needs_own
def test_a_restart_keeps_the_link_as_long_as_redis_keeps_the_keys(evolution: Evolution) -> None:
    """Facts 1.1: creds are in PostgreSQL, the other keys in Redis alone."""
    name = evolution.paired(webhook=webhook("http://n8n:5678/x", "CALL"))
    evolutions.restart(evolution)
    until(lambda: evolution.state(name) == "open", "the instance opens again")
    assert evolution.ask("GET", f"webhook/find/{name}")["events"] == ["CALL"]
    docker("exec", evolutions.KEYS, "redis-cli", "-n", "6", "flushdb")
    evolutions.restart(evolution)
    until(lambda: evolution.state(name) == "close", "the instance stays closed")


@needs_own
def test_an_instance_is_listed_before_it_is_loaded(evolution: Evolution) -> None:
    """Facts 6.2: until then no state, no webhook, and what is set fails."""
    name = evolution.create(webhook=webhook("http://n8n:5678/x", "CALL"))["instance"][
        "instanceName"
    ]
    docker("restart", "--time=5", evolutions.API)
    until(lambda: evolutions.answers(evolution), "it answers")
    early: list[Json] = []
    while evolution.state(name) in ("", "404"):
        early.append(evolution.ask("GET", f"webhook/find/{name}"))
    assert evolution.ask("GET", f"webhook/find/{name}")["events"] == ["CALL"]
    assert all(one is None or one["events"] == ["CALL"] for one in early)
    assert (
        None in early or not evolution.is_double
    )  # the real one is quick with a version that is set


# --- What comes in -----------------------------------------------------------------------------


def test_a_message_comes_with_the_headers_of_its_webhook(
    evolution: Evolution, receiver: Receiver
) -> None:
    """Facts 1.4 and 1.5: `sender` is our own number; the token stays out of the body."""
    hook = receiver.url()
    headers = {"x-bridge-secret": "lab"}
    name = evolution.paired(webhook=webhook(hook, "MESSAGES_UPSERT", headers=headers))
    evolution.double(f"receive/{name}", customer())
    (one,) = receiver.wait(hook, "messages.upsert")
    assert one.headers["x-bridge-secret"] == "lab"
    assert (one.body["instance"], one.body["destination"]) == (name, hook)
    assert (one.body["sender"], one.body["apikey"]) == ("5511999990000@s.whatsapp.net", None)
    data = one.body["data"]
    assert (data["key"]["remoteJid"], data["pushName"]) == (CUSTOMER, "Ana")
    assert (data["messageType"], data["message"]["conversation"]) == ("conversation", "Hello")


KINDS = {
    "extendedTextMessage": ({"text": "long"}, "conversation"),
    "documentWithCaptionMessage": (
        {"message": {"documentMessage": {"fileName": "a.pdf", "caption": "c"}}},
        "documentMessage",
    ),
    "imageMessage": ({"caption": "c", "mimetype": "image/png"}, "imageMessage"),
    "audioMessage": ({"ptt": True, "mimetype": "audio/ogg; codecs=opus"}, "audioMessage"),
    "videoMessage": ({"mimetype": "video/mp4"}, "videoMessage"),
    "stickerMessage": ({"mimetype": "image/webp"}, "stickerMessage"),
    "contactMessage": ({"displayName": "Bea", "vcard": "BEGIN:VCARD"}, "contactMessage"),
    "contactsArrayMessage": ({"contacts": []}, "contactsArrayMessage"),
    "locationMessage": ({"degreesLatitude": 1.5, "degreesLongitude": 2.5}, "locationMessage"),
    "reactionMessage": ({"text": "👍", "key": {"id": "x"}}, "reactionMessage"),
}


def test_every_kind_of_message_arrives_and_two_are_rewritten(
    evolution: Evolution, receiver: Receiver
) -> None:
    """Facts 1.5: extendedTextMessage and documentWithCaptionMessage lose their wrapping."""
    hook = receiver.url()
    name = evolution.paired(webhook=webhook(hook, "MESSAGES_UPSERT"))
    for kind, (content, _) in KINDS.items():
        evolution.double(f"receive/{name}", customer(message={kind: content}))
    came = receiver.wait(hook, "messages.upsert", len(KINDS))
    types = sorted(one.body["data"]["messageType"] for one in came)
    assert types == sorted(kind for _, kind in KINDS.values())
    texts = [one.body["data"]["message"].get("conversation") for one in came]
    assert "long" in texts


def test_what_evolution_drops_makes_no_event(evolution: Evolution) -> None:
    """Facts 1.5: protocol messages, newsletters, status and, by setting, groups; not our own."""
    name = evolution.paired(groupsIgnore=True)

    def event(data: Json) -> bool:
        return bool(evolution.double(f"receive/{name}", data)["event"])

    assert event(customer())
    for jid in ("120363000000000000@g.us", "status@broadcast", "1@newsletter"):
        assert not event(customer(key={"remoteJid": jid})), jid
    assert not event(customer(message={"protocolMessage": {"type": 0}}))
    assert not event(customer(message={}))
    assert event(customer(key={"remoteJid": CUSTOMER, "fromMe": True}))
    assert event(customer(key={"remoteJid": "123456789012345@lid"}))


def test_base64_comes_only_after_the_next_connect(evolution: Evolution, receiver: Receiver) -> None:
    """Facts 1.3 and 1.5: webhook/set changes the URL at once, base64 at the next connect."""
    hook, later = receiver.url(), receiver.url()
    name = evolution.paired(webhook=webhook(hook, "MESSAGES_UPSERT"))
    picture = {"imageMessage": {"mimetype": "image/png"}, "base64": PICTURE}
    evolution.double(f"receive/{name}", customer(message=picture))
    (one,) = receiver.wait(hook, "messages.upsert")
    assert "base64" not in one.body["data"]["message"]
    wanted = {"enabled": True, **webhook(later, "MESSAGES_UPSERT", base64=True)}
    evolution.ask("POST", f"webhook/set/{name}", {"webhook": wanted})
    evolution.double(f"receive/{name}", customer(message=picture))
    (one,) = receiver.wait(later, "messages.upsert")
    assert "base64" not in one.body["data"]["message"]
    asked = {"message": {"key": one.body["data"]["key"]}}
    answer = evolution.call("POST", f"chat/getBase64FromMediaMessage/{name}", asked)
    assert (answer.status_code, answer.json()["base64"]) == (201, PICTURE)
    evolution.ask("POST", f"instance/restart/{name}")
    evolution.double(f"receive/{name}", customer(message=picture))
    last = receiver.wait(later, "messages.upsert", 2)[-1]
    assert last.body["data"]["message"]["base64"] == PICTURE


def test_a_webhook_that_fails_is_tried_again_and_then_dropped(
    evolution: Evolution, receiver: Receiver
) -> None:
    """Facts 1.4: any error is tried again, and nobody waits; 10 times, here 3."""
    hook = receiver.url("broken")
    name = evolution.paired(webhook=webhook(hook, "MESSAGES_UPSERT"))
    evolution.double(f"receive/{name}", customer("first"))
    wanted = {"enabled": True, **webhook(receiver.url(), "MESSAGES_UPSERT")}
    evolution.ask("POST", f"webhook/set/{name}", {"webhook": wanted})
    evolution.double(f"receive/{name}", customer("second"))
    receiver.wait(wanted["url"], "messages.upsert")  # overtakes the first
    assert len(receiver.wait(hook, "messages.upsert", 3)) == 3

    def dropped() -> bool:
        told = evolution.double(f"deliveries/{name}", method="GET")
        return bool(told[0]["dropped"] and told[1]["done"])

    until(dropped, "the first is given up")
    told = evolution.double(f"deliveries/{name}", method="GET")
    assert [one["status"] for one in told[0]["tries"]] == [500, 500, 500]


def test_by_events_appends_the_event(evolution: Evolution, receiver: Receiver) -> None:
    """Facts 1.4: n8n knows no such address."""
    hook = receiver.url()
    name = evolution.paired(webhook=webhook(hook, "MESSAGES_UPSERT", byEvents=True))
    evolution.double(f"receive/{name}", customer())
    receiver.wait(f"{hook}/messages-upsert", "messages.upsert")


@needs_own
def test_a_global_webhook_needs_a_host_with_a_dot(evolution: Evolution) -> None:
    """Facts 1.4: http://n8n:5678 is never called, and nothing says so."""
    evolution.needs_double()
    code = (
        "const {isURL} = require('/evolution/dist/checks.js');"
        "console.log(['http://n8n:5678/x', 'http://localhost/x', 'https://n8n.example.org/x',"
        " 'http://10.89.0.1:1/x'].map((url) => [isURL(url), isURL(url, {bare: true})]).join(' '))"
    )
    said = docker("exec", evolutions.API, "node", "-e", code)
    assert said.split() == ["false,true", "false,true", "true,true", "true,true"]


# --- What goes out -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "jid"),
    [
        ("5511987654321", "5511987654321@s.whatsapp.net"),
        ("+351 912 345 678", "351912345678@s.whatsapp.net"),
        ("5531987654321", "553187654321@s.whatsapp.net"),
        ("5215512345678", "525512345678@s.whatsapp.net"),
        ("120363025246125486", "120363025246125486@g.us"),
        ("5531987654321@s.whatsapp.net", "5531987654321@s.whatsapp.net"),
    ],
)
def test_a_number_becomes_an_address(evolution: Evolution, number: str, jid: str) -> None:
    """Facts 1.6: digits are rewritten, 18 of them are a group, a full JID stays."""
    name = evolution.paired()
    answer = evolution.call("POST", f"message/sendText/{name}", {"number": number, "text": "Hi"})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["key"]["remoteJid"], body["key"]["fromMe"]) == (jid, True)
    assert (body["status"], body["message"]["conversation"]) == ("PENDING", "Hi")
    (sent,) = evolution.double(f"sent/{name}", method="GET")
    assert (sent["to"], sent["text"], sent["id"]) == (jid, "Hi", body["key"]["id"])


def test_a_text_that_cannot_be_sent_is_refused(evolution: Evolution) -> None:
    """Facts 1.6: v1's body, an empty text, a number as a number, a stranger to WhatsApp, @lid."""
    name = evolution.paired()

    def send(**body: object) -> tuple[int, str]:
        return refusal(evolution.call("POST", f"message/sendText/{name}", body))

    assert send(number="5511987654321", text="")[0] == 400
    assert send(number="5511987654321", textMessage={"text": "x"})[0] == 400
    assert send(number=5511987654321, text="x")[0] == 400
    evolution.double("absent", {"numbers": ["5511900000000"]})
    status, message = send(number="5511900000000", text="x")
    assert (status, "'exists': False" in message) == (400, True)
    evolution.double("absent", {"numbers": []})
    assert send(number="123456789012345@lid", text="x")[0] == 400
    evolution.double(f"unlink/{name}")
    assert send(number="5511987654321", text="x") == (500, "Connection Closed")
    assert evolution.double(f"sent/{name}", method="GET") == []


def test_media_is_a_public_address_or_bare_base64(evolution: Evolution) -> None:
    """Facts 1.6: no host without a dot, no data: prefix, a document's base64 needs its name."""
    name = evolution.paired()
    base = {"number": CUSTOMER, "mediatype": "document"}

    def send(**body: object) -> tuple[int, str]:
        answer = evolution.call("POST", f"message/sendMedia/{name}", {**base, **body})
        return answer.status_code, answer.text

    for media in ("http://chatwoot:3000/rails/x", f"data:application/pdf;base64,{PICTURE}"):
        status, said = send(media=media, fileName="a.pdf")
        assert (status, "must be a url or base64" in said) == (400, True), media
    status, said = send(media=PICTURE)
    assert (status, "file name" in said) == (400, True)
    assert send(media=PICTURE, fileName="a.pdf", caption="bill")[0] == 201
    audio = {"number": CUSTOMER, "audio": PICTURE}
    assert evolution.call("POST", f"message/sendWhatsAppAudio/{name}", audio).status_code == 201
    document, voice = evolution.double(f"sent/{name}", method="GET")
    raw = base64.b64decode(PICTURE)
    assert document["media"] == {
        "sha256": hashlib.sha256(raw).hexdigest(),
        "size": len(raw),
        "mimetype": "application/pdf",
        "fileName": "a.pdf",
        "caption": "bill",
    }
    assert (voice["type"], voice["media"]["ptt"]) == ("audioMessage", True)


def test_a_form_carries_a_file_as_it_is(evolution: Evolution) -> None:
    """Its fields are texts, and what is quoted is known by its id."""
    name = evolution.paired()
    question = customer()
    evolution.double(f"receive/{name}", question)
    raw = bytes(range(256))
    base = {"number": CUSTOMER, "mediatype": "document", "fileName": "a b.pdf"}
    fields = {**base, "caption": "Olá", "mimetype": "application/pdf"}
    quote = {"quoted[key][id]": question["key"]["id"]}

    def send(call: str, **form: str) -> int:
        return evolution.form(f"message/{call}/{name}", form, raw).status_code

    assert send("sendMedia", **fields, **quote, unquoted="") == 201
    assert send("sendWhatsAppAudio", number=CUSTOMER, **quote) == 201
    assert send("sendMedia", **fields, delay="0") == 400
    assert send("sendMedia", **fields, **quote, **{"quoted[key][fromMe]": "false"}) == 400
    document, voice = evolution.double(f"sent/{name}", method="GET")
    assert document["media"] == {
        "sha256": hashlib.sha256(raw).hexdigest(),
        "size": len(raw),
        "mimetype": "application/pdf",
        "fileName": "a b.pdf",
        "caption": "Olá",
    }
    assert document["quoted"]["message"] == {"conversation": "Hello"}
    assert "quoted" not in voice  # whatever is asked for


def test_a_text_quotes_what_is_given_or_known(evolution: Evolution) -> None:
    """What is neither is not quoted, and nobody is told."""
    name = evolution.paired()
    question = customer()
    evolution.double(f"receive/{name}", question)
    key = {"id": question["key"]["id"], "remoteJid": CUSTOMER, "fromMe": False}

    def quoted(**quoted: Json) -> Json:
        body = {"number": CUSTOMER, "text": "Yes", "quoted": quoted}
        evolution.ask("POST", f"message/sendText/{name}", body)
        return evolution.double(f"sent/{name}", method="GET")[-1].get("quoted")

    known = {"id": key["id"], "participant": CUSTOMER, "message": {"conversation": "Hello"}}
    assert quoted(key={"id": key["id"]}) == known
    other = {"conversation": "Otherwise"}
    assert quoted(key=key, message=other) == {**known, "message": other}
    assert quoted(key={"id": "3EB0NOBODYKNOWS"}) is None
    body = {"number": CUSTOMER, "text": "Yes", "quoted": {"key": {}}}
    assert evolution.call("POST", f"message/sendText/{name}", body).status_code == 400


@needs_own
def test_while_redis_is_away_a_message_waits_and_is_sent_later(evolution: Evolution) -> None:
    """Facts 6: and while PostgreSQL is, what comes in is lost."""
    name = evolution.paired()
    docker("stop", "--time=1", evolutions.KEYS)
    body = {"number": CUSTOMER, "text": "late"}
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(evolution.call, "POST", f"message/sendText/{name}", body)
        try:
            time.sleep(2)
            assert not answer.done()
        finally:
            docker("start", evolutions.KEYS)
        assert answer.result().status_code == 201
    (sent,) = evolution.double(f"sent/{name}", method="GET")
    assert sent["text"] == "late"


def test_whatsapp_may_refuse_before_or_after_it_has_sent(evolution: Evolution) -> None:
    """Facts 1.6: sending is not idempotent; a 400 is not always for ever."""
    name = evolution.paired()
    body = {"number": CUSTOMER, "text": "Hi"}
    path = f"message/sendText/{name}"
    evolution.double(f"fail/{name}", {"times": 1, "status": 400})
    assert evolution.call("POST", path, body).status_code == 400
    assert evolution.double(f"sent/{name}", method="GET") == []
    evolution.double(f"fail/{name}", {"times": 1, "status": 500, "sent": True})
    assert evolution.call("POST", path, body).status_code == 500
    assert evolution.call("POST", path, body).status_code == 201
    assert len(evolution.double(f"sent/{name}", method="GET")) == 2


# --- The channel without WhatsApp --------------------------------------------------------------


def test_the_channel_without_whatsapp_carries_messages_both_ways(
    evolution: Evolution, receiver: Receiver
) -> None:
    """Integration EVOLUTION: open at once, found by its number, nothing leaves the machine."""
    hook, number = receiver.url(), f"{time.time_ns()}"
    hooks = webhook(hook, "MESSAGES_UPSERT", "SEND_MESSAGE")
    made = evolution.create(integration="EVOLUTION", number=number, webhook=hooks)
    name = made["instance"]["instanceName"]
    assert evolution.state(name) == "open"
    incoming = {"numberId": number, **customer(), "messageType": "conversation"}
    answer = evolution.call("POST", "webhook/evolution", incoming, key="")
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    (came,) = receiver.wait(hook, "messages.upsert")
    assert came.body["data"]["key"] == incoming["key"]
    stranger = evolution.call("POST", "webhook/evolution", {**incoming, "numberId": "0"}, key="")
    assert (stranger.status_code, stranger.text) == (200, "")
    body = {"number": CUSTOMER, "text": "Answer"}
    answer = evolution.call("POST", f"message/sendText/{name}", body)
    assert (answer.status_code, answer.json()["key"]["id"].count("-")) == (201, 4)
    receiver.wait(hook, "send.message")
    base = {"number": CUSTOMER, "mediatype": "document", "fileName": "a.pdf", "media": PICTURE}
    answer = evolution.call("POST", f"message/sendMedia/{name}", base)
    assert (answer.status_code, answer.json()["message"]) == (201, {})  # facts 6, as the next two
    voice = {"number": CUSTOMER, "audio": PICTURE}
    answer = evolution.call("POST", f"message/sendWhatsAppAudio/{name}", voice)
    assert answer.status_code == 500
    where = {"where": {"key": {"remoteJid": CUSTOMER, "fromMe": False}}}

    def kept() -> list[str]:
        found = evolution.ask("POST", f"chat/findMessages/{name}", where)["messages"]
        assert (found["pages"], found["currentPage"]) == (1, 1)
        records = found["records"]  # counted a moment before they are read
        texts = sorted(record["message"].get("conversation", "") for record in records)
        return texts if found["total"] == len(records) else []

    until(lambda: kept() == ["", "Answer", "Hello"], "all are kept")
