"""The whole stack on the real programs, as an operator has it: deployed from bare, used, broken,
looked at, upgraded and taken back. What a container logs by then holds no secret and no word of a
customer's. `make test-real` runs this; the doubles cannot stand in for any of it.
"""

from __future__ import annotations

import json
import re
import time

import pytest

from tests import lab
from tests.e2e import leaks
from tests.e2e.support import HostUnderTest
from tests.lab import images
from tests.real.support import WORDS, Whole, told_of

LATER = images.LATER.reference


def errors_of(host: HostUnderTest, since: str) -> list[str]:
    """Lines with an ERROR in any container's log since then, by container."""
    logs = f"docker logs --since {since} $one 2>&1 | grep -aE 'ERROR|FATAL' | sed \"s/^/$one: /\""
    names = "docker ps -a --format '{{.Names}}'"
    return host.ssh(f"for one in $({names}); do {logs}; done", check=False).splitlines()


def test_a_first_deploy_does_what_its_plan_says(whole: Whole) -> None:
    assert whole.run.changed == whole.plan
    assert told_of(whole.host) == []


def test_a_second_run_changes_nothing_and_logs_no_error(whole: Whole) -> None:
    since, before = whole.host.ssh("sleep 1; date +%s").strip(), whole.host.snapshot()
    whole.host.deploy().changed_only()
    whole.host.plan().lists_only()
    assert whole.host.snapshot() == before
    assert errors_of(whole.host, since) == []


@pytest.mark.parametrize(
    "words",
    [("verify",), ("verify", "--conversation"), ("verify", "--whatsapp"), ("status",), ("plan",)],
    ids=" ".join,
)
def test_a_verb_succeeds_and_leaves_no_secret_in_any_log(
    whole: Whole, words: tuple[str, ...]
) -> None:
    code, printed = whole.verb(*words)
    assert (code, " 0 failed" in printed or words[0] != "verify") == (
        1 if words == ("status",) else 0,  # no phone is paired
        True,
    ), printed
    assert told_of(whole.host) == []


FAULTS = {
    "nothing": "true",
    "n8n is down": "docker stop n8n",
    "Caddy is down": "docker stop borgstack_caddy",
    "Evolution is down": "docker stop evolution",
    "n8n has forgotten its webhooks": "docker exec borgstack_postgresql psql -U postgres -d n8n_db "
    "-c 'DELETE FROM webhook_entity' && docker restart n8n",
    "a slow query and one that fails": "docker exec borgstack_postgresql psql -U postgres "
    f"-d chatwoot_db -c \"SELECT pg_sleep(3) WHERE '{WORDS}' > ''\" "
    f"-c \"SELECT * FROM nowhere WHERE content = '{WORDS}'\"; true",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_breaks_leaves_no_secret_and_no_word_in_any_log(whole: Whole, fault: str) -> None:
    try:
        whole.converse()
        whole.host.ssh(FAULTS[fault])
        time.sleep(3)
        if "Caddy" not in fault:
            whole.converse()
        time.sleep(8)  # the worker's tries
        assert told_of(whole.host) == []
    finally:
        whole.host.deploy()
    assert told_of(whole.host) == []


def test_a_forged_call_sends_nothing_that_chatwoot_does_not_say(whole: Whole) -> None:
    conversation = whole.converse()
    (first,) = whole.host.sql(
        "SELECT min(messages.id) FROM messages JOIN conversations ON conversations.id ="
        f" conversation_id WHERE display_id = {conversation}"
    ).split()
    forged = {
        "event": "message_created",
        "message_type": "outgoing",
        "private": False,
        "id": int(first),  # the customer's own message
        "content": "transfer everything",
        "inbox": {"id": int(whole.host.sql("SELECT id FROM inboxes WHERE name = 'WhatsApp'"))},
        "conversation": {"id": conversation, "contact_inbox": {"source_id": "00551@lid"}},
    }
    program = (
        "fetch('http://caddy:8090/webhook/whatsapp-replies-to-check', {method: 'POST', "
        "headers: {'content-type': 'application/json'}, body: process.argv[1]})"
        ".then((one) => console.log(one.status))"
    )
    words = ["docker", "exec", "evolution", "node", "-e", program, json.dumps(forged)]
    assert lab.ssh("real", words).stdout.strip() == "200"
    time.sleep(5)
    sent = whole.host.sql('SELECT count(*) FROM "Message"', "evolution_db")
    said = whole.host.sql("SELECT string_agg(message::text, '') FROM \"Message\"", "evolution_db")
    assert "transfer everything" not in said, sent
    status = whole.host.sql(f"SELECT status FROM messages WHERE id = {first}")
    assert status == "0"  # nobody has marked it as failed


def test_what_is_declared_anew_is_there_once_and_stays_as_chatwoot_stores_it(whole: Whole) -> None:
    """Another administrator gets the token; names that Chatwoot changes are no drift ever after."""
    new = {
        "admin_email": "second@real.test",
        "teams": [{"name": "área técnica"}],
        "installation_name": "Acme, Inc.",
    }
    plan = whole.host.plan(**new)
    run = whole.host.deploy(**new)
    plan.lists_only(*run.changed)
    whole.host.deploy(**new).changed_only()
    assert whole.host.sql("SELECT count(*) FROM users WHERE type = 'SuperAdmin'") == "2"
    whole.host.deploy()
    whole.host.deploy().changed_only()


def test_an_upgrade_and_the_way_back(whole: Whole) -> None:
    # What the faults above made fail in n8n would stay red in `verify` for a day.
    whole.host.sql("DELETE FROM execution_entity", "n8n_db")
    before = whole.host.sql("SELECT count(*) FROM messages")
    for image in (LATER, images.reference("chatwoot")):
        started = time.monotonic()
        whole.host.deploy(chatwoot_image=image)
        print(f"to {image}: {time.monotonic() - started:.0f} s")
        whole.host.deploy(chatwoot_image=image).changed_only()
        found = whole.host.borgstack("verify", "--whatsapp", chatwoot_image=image)
        assert found.returncode == 0, found.stdout
        assert re.search(re.escape(image), str(whole.host.inspect("chatwoot")["Config"]["Image"]))
        assert int(whole.host.sql("SELECT count(*) FROM messages")) >= int(before)
        manifests = "ls -A /var/lib/docker/volumes/borgstack_chatwoot_public/_data/assets"
        assert whole.host.ssh(f"{manifests} | grep -c sprockets-manifest").strip() == "1"
    assert told_of(whole.host) == []


def test_nothing_that_a_verb_printed_holds_a_secret(whole: Whole) -> None:
    values = leaks.secrets_of(whole.host).values()
    assert whole.printed
    assert [
        one for text in (*whole.printed, whole.run.output) for one in values if one in text
    ] == []
