"""The scripts that look at WhatsApp, pair a phone and have a message flow: run for real, in Node,
with a Chatwoot, an n8n and an Evolution in the place of the live ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from borgstack import evidence, services
from borgstack.bridge import Bridge, Failures, words
from borgstack.facts.whatsapp import Whatsapp
from borgstack.operations import last_object
from borgstack.project import render
from borgstack.remote import state_program, with_inclusions
from borgstack.services.evolution import instance
from borgstack.whatsapp import REPLY_URL
from tests.unit.support import REPOSITORY, Ran, program, run_script, settings_of
from tests.unit.told import values

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="there is no node here")
WORDS = words(settings_of())
INSTANCE = settings_of().whatsapp_instance
SECRETS = ("SecretOfTheBridge", "TokenOfChatwoot", "KeyOfEvolution")
ROWS = ["wired true", "failed 3|borgstackInbound|WhatsApp | to Chatwoot", "executions read"]


class Host:
    """A folder that stands for a host: `.env`, and a `docker` whose containers are fakes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".env").write_text(
            "CHATWOOT_API_TOKEN=TokenOfChatwoot\nWHATSAPP_BRIDGE_SECRET='SecretOfTheBridge'\n"
        )
        (folder / "calls").touch()
        self.database(*ROWS)
        program(folder / "bin", "id", "echo 0")
        program(folder / "bin", "systemctl", "exit 0")

    def database(self, *rows: str) -> None:
        (self.folder / "rows").write_text("".join(f"{row}\n" for row in rows))

    def run(self, script: str, *arguments: str, **fake: object) -> Ran:
        here = self.folder
        (here / "fake.json").write_text(json.dumps(fake))
        program(
            here / "bin",
            "docker",
            f"""echo "$*" >>{here}/argv
case "$*" in
*borgstack_postgresql*inbox=*) cat >{here}/sql; cat {here}/rows; exit ;;
*" n8n node "*) IN=n8n ;;
*" evolution node "*) IN=evolution ;;
ps*) exit 0 ;;
*) exit 1 ;;
esac
while [ "$1" != node ]; do shift; done
shift
CALLS={here}/calls IN=$IN FAKE=$(cat {here}/fake.json) exec node -r {FAKE} "$@" """,
        )
        ran = run_script(script, *arguments, first_on_path=here / "bin")
        argv = (here / "argv").read_text() if (here / "argv").exists() else ""
        assert [secret for secret in SECRETS if secret in argv + ran.said] == []
        return ran

    def calls(self) -> str:
        return (self.folder / "calls").read_text()


FAKE = REPOSITORY / "tests" / "unit" / "fake_whatsapp.js"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


OPEN = {
    "whatsapp": {
        "connectionStatus": "open",
        "ownerJid": "5511987654321:7@s.whatsapp.net",
        "updatedAt": "2026-11-22T10:00:00.000Z",
    }
}


def states(host: Host, **data: object) -> str:
    project = render(settings_of(**data))
    asked = services.shown(project.settings)
    return state_program(asked, project.wanted, str(host.folder), "salt")


def look(host: Host, **fake: object) -> Bridge | str:
    ran = host.run("whatsapp_status", states(host), *WORDS, **fake)
    return Whatsapp().process(ran.out.splitlines())


def phone(host: Host, **fake: object) -> tuple[str | None, str, str | None] | None:
    """The phone as a person is told of it: state, last digits, since when."""
    seen = look(host, **fake)
    assert isinstance(seen, Bridge)
    one = seen.phone
    return None if one is None else (one.status, one.number, one.since)


PAIRED = ("open", "4321", "2026-11-22T10:00:00.000Z")


def test_one_look_tells_of_phone_and_n8n_and_replies_and_failures(host: Host) -> None:
    seen = look(host, instances=OPEN)
    assert isinstance(seen, Bridge)
    assert phone(host, instances=OPEN) == PAIRED
    assert replace(seen, phone=None) == Bridge(
        listens={"inbound": True, "replies": True},
        claimable=False,
        wired=True,
        failures=(Failures("WhatsApp | to Chatwoot", "borgstackInbound", 3),),
    )
    assert f"-v replies={REPLY_URL} " in (host.folder / "argv").read_text()


def test_the_number_of_the_phone_does_not_leave_the_container(host: Host) -> None:
    ran = host.run("whatsapp_status", states(host), *WORDS, instances=OPEN)
    assert "987654321" not in ran.said


@pytest.mark.parametrize(
    ("fake", "field", "expected"),
    [
        ({"deafen": "replies"}, "listens", {"inbound": True, "replies": False}),
        ({"deafen": "inbound"}, "listens", {"inbound": False, "replies": True}),
        ({"down": "caddy"}, "listens", {"inbound": True, "replies": False}),
        ({"down": "n8n"}, "listens", None),
        ({"claimable": True}, "claimable", True),
    ],
)
def test_what_is_not_so_is_seen(
    host: Host, fake: Mapping[str, Any], field: str, expected: object
) -> None:
    seen = look(host, **fake)
    assert isinstance(seen, Bridge)
    assert getattr(seen, field) == expected


def test_a_closed_phone_is_told_with_the_time_of_its_end(host: Host) -> None:
    closed = {"connectionStatus": "close", "disconnectionAt": "2026-11-21T09:00:00.000Z"}
    seen = phone(host, instances={"whatsapp": {**OPEN["whatsapp"], **closed}})
    assert seen == ("close", "4321", "2026-11-21T09:00:00.000Z")


def test_an_instance_that_is_missing_is_told_from_one_that_could_not_be_asked_for(
    host: Host,
) -> None:
    assert phone(host) == (None, "", None)
    assert phone(host, down="127.0.0.1") is None


LOADING = {"whatsapp": {**OPEN["whatsapp"], "states": ["", "", "open"]}}
"""As Evolution has an instance for a moment after its start: listed, and without a state."""
NEVER_LOADED = {"whatsapp": {**OPEN["whatsapp"], "states": [""]}}


def test_an_instance_that_is_being_loaded_is_waited_for_and_not_told_as_missing(host: Host) -> None:
    assert phone(host, instances=LOADING) == PAIRED
    assert phone(host, instances=NEVER_LOADED) is None
    assert pairing(host, instances=LOADING)["state"] == "open"
    error = pairing(host, instances=NEVER_LOADED)["error"]
    assert {"Evolution", "instance", "20"} <= values(str(error))


def instance_state(host: Host, **fake: object) -> str:
    """What the look at the stack prints of Evolution; it hands its program over on stdin."""
    digest = hashlib.sha256(b"saltSecretOfTheBridge").hexdigest()
    done = subprocess.run(
        ["node", "-r", str(FAKE), "-", "whatsapp", "salt", digest],
        input=with_inclusions("evolution_state.js"),
        env={
            **os.environ,
            "IN": "evolution",
            "FAKE": json.dumps(fake),
            "CALLS": f"{host.folder}/calls",
        },
        capture_output=True, text=True, check="unread" not in fake,
    )  # fmt: skip
    return done.stdout


def test_a_webhook_that_could_not_be_read_is_neither_told_as_another_nor_connected_anew(
    host: Host,
) -> None:
    """As while Evolution's own database has gone; a restart would drop the phone's connection."""
    broken = {"created": 500, "error": "Internal Server Error"}
    assert instance_state(host, instances=OPEN, unread=broken) == ""
    ran = converge(host, instances=OPEN, unread=broken)
    assert ran.status == 1
    assert {"200", "/webhook/find/whatsapp", "500"} <= values(ran.err)
    assert calls_of(host) == []


def test_the_look_at_the_stack_says_nothing_of_an_instance_that_is_being_loaded(host: Host) -> None:
    webhook = {"webhook": {"url": "u", "headers": {"x-borgstack-secret": "SecretOfTheBridge"}}}
    late = {"whatsapp": {**LOADING["whatsapp"], **webhook}}
    said = json.loads(instance_state(host, instances=late))
    assert (said["webhook"]["url"], said["secret"]) == ("u", True)
    assert instance_state(host, instances=NEVER_LOADED) == ""
    assert json.loads(instance_state(host))["status"] is None


EVENTS = "MESSAGES_UPSERT,MESSAGES_EDITED,MESSAGES_DELETE"


def converge(host: Host, leaving: tuple[str, ...] = (), **fake: object) -> Ran:
    words = instance.words(settings_of(former_instances=leaving))
    return host.run("evolution_converge", str(host.folder), *words, **fake)


def calls_of(host: Host) -> list[str]:
    """What Evolution was told, without what it was asked."""
    told = [line for line in host.calls().splitlines() if not line.startswith("GET")]
    return [line.replace("POST http://127.0.0.1:8080", "") for line in told]


def test_the_webhook_shows_that_it_has_to_connect_until_it_has(host: Host) -> None:
    ran = converge(host, instances=LOADING)
    assert (ran.status, ran.err) == (0, "")
    assert calls_of(host) == [
        *("/webhook/set/whatsapp", f"  {EVENTS},CALL true"),
        "/settings/set/whatsapp",
        "/instance/restart/whatsapp",
        *("/webhook/set/whatsapp", f"  {EVENTS} true"),
    ]


def test_a_run_that_fails_before_it_has_connected_leaves_that_to_be_seen(host: Host) -> None:
    ran = converge(host, instances=OPEN, unset={"created": 500})
    assert ran.status == 1
    assert {"201", "/settings/set/whatsapp", "500"} <= values(ran.err)
    assert calls_of(host)[1] == f"  {EVENTS},CALL true"
    (host.folder / "calls").write_text("")
    asked = {"webhookBase64": False, "events": [*EVENTS.split(","), "CALL"]}
    left = {**OPEN["whatsapp"], "webhook": asked}
    assert converge(host, instances={"whatsapp": left}).status == 0
    assert "/instance/restart/whatsapp" in calls_of(host)


def test_one_that_is_connected_as_wanted_is_not_connected_anew(host: Host) -> None:
    webhook = {"webhookBase64": False, "events": EVENTS.split(",")}
    assert (
        converge(host, instances={"whatsapp": {**OPEN["whatsapp"], "webhook": webhook}}).status == 0
    )
    assert "/instance/restart/whatsapp" not in calls_of(host)


def test_one_that_has_media_come_along_is_connected_anew(host: Host) -> None:
    webhook = {"webhookBase64": True, "events": EVENTS.split(",")}
    assert (
        converge(host, instances={"whatsapp": {**OPEN["whatsapp"], "webhook": webhook}}).status == 0
    )
    assert "/instance/restart/whatsapp" in calls_of(host)


def webhook_with(secret: str) -> dict[str, object]:
    kept = {"webhookBase64": True, "events": ["MESSAGES_UPSERT"]}
    return {
        "connectionStatus": "open",
        "webhook": kept | {"headers": {"x-borgstack-secret": secret}},
    }


FORMER = {
    "whatsapp": webhook_with("SecretOfTheBridge"),
    "support": webhook_with("SecretOfTheBridge"),
    "whatsapp-verify": webhook_with("SecretOfTheBridge"),
    "somebody": webhook_with("another"),
    "without": {"connectionStatus": "open"},
}


def test_an_instance_of_an_earlier_name_is_seen_and_removed_and_no_other(host: Host) -> None:
    """Its phone would go on bringing messages in, and answers would come from another number."""
    assert json.loads(instance_state(host, instances=FORMER))["former"] == ["support"]
    renamed = {name: one for name, one in FORMER.items() if name != "whatsapp"}
    seen = json.loads(instance_state(host, instances=renamed))
    assert (seen["status"], seen["former"]) == (None, ["support"])
    for there in (FORMER, renamed):
        (host.folder / "calls").write_text("")
        assert converge(host, instances=there).status == 0
        assert "\nDELETE " not in host.calls()  # named, and unlinked only on request
        ran = converge(host, ("support", "somebody"), instances=there)
        assert (ran.status, ran.err) == (0, "")
        assert "unlinked and removed support" in ran.out
        removed = [line for line in host.calls().splitlines() if line.startswith("DELETE")]
        assert [line.rpartition("/instance/")[2] for line in removed] == [
            "logout/support",
            "delete/support",
        ]


def test_an_instance_of_a_name_that_none_of_ours_had_is_not_asked_for(host: Host) -> None:
    """Evolution takes any name; with a slash or a question mark it leads to another path."""
    strange = {**FORMER, "Loja 1/2?": {"connectionStatus": "open"}}
    assert json.loads(instance_state(host, instances=strange))["former"] == ["support"]
    assert converge(host, instances=strange).status == 0
    assert "Loja" not in host.calls()


def test_an_instance_that_does_not_get_loaded_or_a_lost_secret_changes_nothing(host: Host) -> None:
    ran = converge(host, instances=NEVER_LOADED)
    assert ran.status == 1
    assert {"Evolution", "instance", "whatsapp"} <= values(ran.err)
    (host.folder / ".env").write_text("A=1\n")
    ran = converge(host, instances=OPEN)
    assert ran.status == 1
    assert {"secret", "webhook", "stdin"} <= values(ran.err)
    assert calls_of(host) == []


def test_a_database_that_does_not_answer_leaves_its_part_unknown(host: Host) -> None:
    host.database()
    seen = look(host)
    assert isinstance(seen, Bridge)
    assert (seen.wired, seen.failures) == (None, None)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [("id", "echo 1000", "is not root"), ("systemctl", "exit 3", "Docker")],
)
def test_a_look_that_may_not_says_why(host: Host, name: str, text: str, expected: str) -> None:
    program(host.folder / "bin", name, text)
    seen = look(host)
    assert isinstance(seen, str)
    assert expected in seen
    assert host.calls() == ""


def test_verify_sees_the_same_in_its_own_look(host: Host) -> None:
    program(host.folder / "bin", "ss", "exit 0")
    smtp = ("", "0")
    ran = host.run("verify_state", str(host.folder), *smtp, states(host), *WORDS, instances=OPEN)
    assert evidence.parse(ran.out.splitlines()).bridge == look(host, instances=OPEN)
    off = words(settings_of(whatsapp=False))
    ran = host.run("verify_state", str(host.folder), *smtp, "", *off, instances=OPEN)
    assert evidence.parse(ran.out.splitlines()).bridge == Bridge()


CODE = {"code": "2@abc", "pairingCode": None, "count": 1}
NEXT = {"code": "2@def", "pairingCode": None, "count": 2}
WAITING = {"whatsapp": {"connectionStatus": "connecting"}}


def pairing(host: Host, number: str = "", seen: str = "", **fake: object) -> Mapping[str, Any]:
    ran = host.run("evolution_pair", "whatsapp", number, seen, "20", **fake)
    found = last_object("pairing", ran.out.splitlines())
    assert found is not None, ran.said
    return found


def test_a_code_comes_with_its_digest_and_is_not_told_again(host: Host) -> None:
    first = pairing(host, instances=WAITING, codes=[CODE])
    assert (first["state"], first["code"]) == ("connecting", "2@abc")
    again = pairing(host, seen=first["digest"], instances=WAITING, codes=[CODE])
    assert again == {"state": "connecting"}
    new = pairing(host, seen=first["digest"], instances=WAITING, codes=[CODE, CODE, NEXT])
    assert new["code"] == "2@def"


def test_a_phone_that_has_taken_it_is_told_by_its_last_digits(host: Host) -> None:
    opening = {**OPEN["whatsapp"], "states": ["connecting", "connecting", "open"]}
    seen = pairing(host, instances={"whatsapp": opening}, codes=[{"count": 0}])
    assert seen == {"state": "open", "number": "4321"}
    assert pairing(host)["state"] == "missing"


def test_an_instance_at_rest_is_asked_to_connect_and_not_every_second(host: Host) -> None:
    closed = {"whatsapp": {"connectionStatus": "close"}}
    assert pairing(host, instances=closed, codes=[{"count": 0}]) == {"state": "close"}
    assert 3 <= host.calls().count("/instance/connect/") <= 6


def test_a_number_goes_along_and_a_connection_begun_without_it_is_begun_anew(host: Host) -> None:
    typed = {**CODE, "pairingCode": "ABCD1234"}
    seen = pairing(host, "5511987654321", instances=WAITING, codes=[CODE, typed])
    assert seen["pairingCode"] == "ABCD1234"
    assert "DELETE http://127.0.0.1:8080/instance/logout/whatsapp" in host.calls()
    assert "/instance/connect/whatsapp?number=5511987654321" in host.calls()


@pytest.mark.parametrize(
    ("fake", "expected"),
    [
        ({"instances": WAITING, "trouble": {"error": True, "message": "no route"}}, "no route"),
        ({"down": "127.0.0.1"}, "refused"),
    ],
)
def test_what_evolution_says_instead_of_a_code_is_told(
    host: Host, fake: Mapping[str, Any], expected: str
) -> None:
    assert pairing(host, **fake) == {"error": expected}


def test_a_container_that_is_not_there_is_told(host: Host) -> None:
    program(host.folder / "bin", "docker", "exit 1")
    ran = run_script("evolution_pair", "w", "", "", "1", first_on_path=host.folder / "bin")
    found = last_object("pairing", ran.out.splitlines())
    assert found is not None
    assert set(found) == {"error"}
    assert "evolution" in values(found["error"])


def flow(host: Host, **fake: object) -> Mapping[str, Any]:
    ran = host.run("verify_whatsapp", str(host.folder), INSTANCE, *WORDS, **fake)
    found = last_object("whatsapp", ran.out.splitlines())
    assert found is not None, ran.said
    return found


def test_a_message_flows_in_and_a_reply_out_and_all_is_removed(host: Host) -> None:
    said = flow(host)
    assert "error" not in said
    assert (said["taken"], said["told"], said["removed"]) == (True, True, True)
    assert said["in"] >= 0
    assert said["out"] >= 0
    assert "DELETE http://127.0.0.1:8080/instance/delete/whatsapp-verify" in host.calls()
    assert re.search(r"DELETE http://chatwoot:3000/api/v1/accounts/7/contacts/\d+", host.calls())


@pytest.mark.parametrize(
    ("fake", "expected"),
    [
        ({"deaf": True}, {"taken": False}),
        ({"n8n": 403}, {"taken": True, "in": None, "n8n": 403}),
        ({"chatwoot": "silent"}, {"in": None, "n8n": 200}),
        ({"worker": "dead"}, {"out": None}),
        ({"refused": "WhatsApp: no (400)"}, {"out": None, "refused": "WhatsApp: no (400)"}),
        ({"untold": True}, {"told": False}),
    ],
)
def test_the_leg_that_broke_is_told_and_all_is_removed_all_the_same(
    host: Host, fake: Mapping[str, Any], expected: Mapping[str, object]
) -> None:
    said = flow(host, **fake)
    assert {name: said.get(name) for name in expected} == expected
    assert said["removed"] is True
    assert "error" not in said


LEFT = {"id": 5, "conversation": 6, "name": "borgstack verify"}


def test_what_an_interrupted_one_left_is_removed_and_nobody_else(host: Host) -> None:
    left = {"integration": "EVOLUTION", "number": "001"}
    contacts = [
        {**LEFT, "identifier": "0012345@s.whatsapp.net"},
        {**LEFT, "id": 9, "identifier": "5511987654321@s.whatsapp.net"},
    ]
    said = flow(host, instances={"whatsapp-verify": left}, contacts=contacts, deaf=True)
    assert said["removed"] is True
    assert "DELETE http://chatwoot:3000/api/v1/accounts/7/contacts/5\n" in host.calls()
    assert "contacts/9\n" not in host.calls().replace("GET", "")


@pytest.mark.parametrize(
    ("integration", "number"), [("WHATSAPP-BAILEYS", "0012"), ("EVOLUTION", "5511")]
)
def test_an_instance_of_somebody_elses_is_left_alone(
    host: Host, integration: str, number: str
) -> None:
    theirs = {"integration": integration, "number": number}
    said = flow(host, instances={"whatsapp-verify": theirs})
    assert {"whatsapp-verify", "borgstack", "verify"} <= values(said["error"])
    assert "DELETE" not in host.calls()


def test_one_that_counts_as_connected_is_logged_out_first(host: Host) -> None:
    assert flow(host, open=True)["removed"] is True
    assert "/instance/logout/whatsapp-verify" in host.calls()


def test_what_cannot_be_removed_is_told(host: Host) -> None:
    assert flow(host, stuck=True)["removed"] is False


def test_without_the_inbox_or_the_secrets_nothing_is_begun(host: Host) -> None:
    error = flow(host, wired="https://example.com/")["error"]
    assert {"inbox", "WhatsApp"} <= values(error)
    (host.folder / ".env").write_text("CHATWOOT_API_TOKEN=TokenOfChatwoot\n")
    assert "WHATSAPP_BRIDGE_SECRET" in flow(host)["error"]
    assert "/instance/create" not in host.calls()
