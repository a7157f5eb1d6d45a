"""What people find in Chatwoot is as declared: made once, put right when it drifts, and nothing
that people made themselves is touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.support import HostUnderTest

PREPARE = "Chatwoot | Prepare schema, account and assets"
PUT = "Configuration | Put the project's files in place"
DECLARED: dict[str, object] = {
    "account_name": "O'Brien & Söhne",
    "locale": "pt_BR",
    "timezone": "America/Sao_Paulo",
    "teams": [{"name": "sales", "description": "They sell"}],
    "labels": [{"title": "vip", "color": "#ff0000", "description": "Very important"}],
    "inboxes": [{"name": "WhatsApp", "greeting": "Olá!", "webhook_url": "http://hooks.test/in"}],
    "webhooks": [{"url": "http://hooks.test/all", "events": ["message_created"]}],
    "agents": [
        {"email": "ana@e2e.test", "name": "Ana", "inboxes": ["WhatsApp"], "teams": ["sales"]},
        {"email": "bo@e2e.test", "name": "Bo", "role": "administrator"},
    ],
}
FOLDER = "/opt/borgstack/first-passwords"


@pytest.fixture(scope="module")
def declared(fresh: tuple[HostUnderTest, object, float]) -> Iterator[HostUnderTest]:
    """The host with people, teams and the rest declared; plain again afterwards."""
    plain = fresh[0]
    host = HostUnderTest(plain.name, data={**plain.data, **DECLARED})
    host.deploy()
    yield host
    plain.sql(
        "DELETE FROM webhooks; DELETE FROM labels; DELETE FROM team_members; DELETE FROM teams; "
        "DELETE FROM inbox_members; DELETE FROM account_users USING users "
        "WHERE users.id = user_id AND email ~ '^(ana|bo)@'; "
        "DELETE FROM users WHERE email ~ '^(ana|bo)@'"
    )
    plain.ssh(f"rm -f {FOLDER}/*")
    plain.deploy()


def sign_in(host: HostUnderTest, email: str, password: str) -> int:
    body = json.dumps({"email": email, "password": password})
    headers = {"Content-Type": "application/json"}
    return host.request("/auth/sign_in", method="POST", headers=headers, body=body)[0]


def test_what_is_declared_is_there_and_a_second_run_changes_nothing(
    declared: HostUnderTest,
) -> None:
    declared.plan().lists_only()
    declared.deploy().changed_only()
    assert declared.sql("SELECT name || '|' || locale FROM accounts") == "O'Brien & Söhne|16"
    assert declared.sql(
        "SELECT email, role FROM account_users JOIN users ON users.id = user_id ORDER BY 1"
    ).splitlines() == ["ana@e2e.test|0", "bo@e2e.test|1", "ops@lab.test|1"]
    assert (
        declared.sql(
            "SELECT inboxes.name, webhook_url, lock_to_single_conversation, greeting_message "
            "FROM inboxes JOIN channel_api ON channel_api.id = channel_id"
        )
        == "WhatsApp|http://hooks.test/in|t|Olá!"
    )


def test_an_agent_logs_in_with_a_password_that_only_the_operator_can_read(
    declared: HostUnderTest,
) -> None:
    listing = declared.ssh(f"stat -c '%n %a %U' {FOLDER} {FOLDER}/*").splitlines()
    people = [f"{FOLDER}/{name}@e2e.test 600 root" for name in ("ana", "bo")]
    assert listing == [f"{FOLDER} 700 root", *people]
    password = declared.ssh(f"cat {FOLDER}/ana@e2e.test").strip()
    assert sign_in(declared, "ana@e2e.test", f"{password}x") == 401
    assert sign_in(declared, "ana@e2e.test", password) == 200
    assert password not in declared.ssh("docker logs chatwoot-prepare 2>&1; journalctl --no-pager")


USER = "(SELECT id FROM users WHERE email = 'ana@e2e.test')"
DRIFT = (
    ("account renamed", "UPDATE accounts SET name = 'x'", "account: name differs"),
    ("account's language", "UPDATE accounts SET locale = 0", "account: language differs"),
    (
        "agent taken out",
        f"DELETE FROM account_users WHERE user_id = {USER}",
        "agent ana@e2e.test: missing",
    ),
    (
        "agent made administrator",
        f"UPDATE account_users SET role = 1 WHERE user_id = {USER}",
        "agent ana@e2e.test: role differs",
    ),
    (
        "agent out of the inbox",
        f"DELETE FROM inbox_members WHERE user_id = {USER}",
        "agent ana@e2e.test: inbox WhatsApp missing",
    ),
    (
        "agent out of the team",
        f"DELETE FROM team_members WHERE user_id = {USER}",
        "agent ana@e2e.test: team sales missing",
    ),
    ("label's colour", "UPDATE labels SET color = '#000000'", "label vip: color differs"),
    ("label gone", "DELETE FROM labels", "label vip: missing"),
    (
        "inbox's rules",
        "UPDATE inboxes SET lock_to_single_conversation = false",
        "inbox WhatsApp: one_conversation differs",
    ),
    (
        "inbox's webhook",
        "UPDATE channel_api SET webhook_url = NULL",
        "inbox WhatsApp: webhook address differs",
    ),
    (
        "webhook's events",
        "UPDATE webhooks SET subscriptions = '[]'",
        "webhook at hooks.test: events differs",
    ),
    (
        "token reset in the user interface",
        "UPDATE access_tokens SET token = md5(token)",
        "API token: differs",
    ),
    (
        "sign-up opened",
        "UPDATE installation_configs SET serialized_value = to_jsonb(replace("
        "serialized_value #>> '{}', '''false''', 'true')) WHERE name = 'ENABLE_ACCOUNT_SIGNUP'",
        "installation: sign-up switch differs",
    ),
    (
        "installation renamed",
        "DELETE FROM installation_configs WHERE name = 'INSTALLATION_NAME'",
        "installation: name missing",
    ),
)


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [pytest.param(*case, id=name, marks=pytest.mark.family("drift")) for name, *case in DRIFT],
)
def test_a_difference_is_named_and_put_right_beside_the_running_chatwoot(
    declared: HostUnderTest, tamper: str, reason: str
) -> None:
    before = declared.containers()
    declared.sql(tamper)
    plan = declared.plan()
    plan.lists_only(PREPARE)
    assert reason in plan.differences
    declared.deploy().changed_only(PREPARE)
    after = declared.containers()
    assert {name for name in before if after[name] != before[name]} == {"chatwoot-prepare"}
    declared.plan().lists_only()


OWN = (
    "INSERT INTO labels (account_id, title, color, created_at, updated_at) "
    "SELECT id, 'own', '#123456', now(), now() FROM accounts",
    "INSERT INTO teams (account_id, name, created_at, updated_at) "
    "SELECT id, 'own', now(), now() FROM accounts",
    "UPDATE users SET name = 'Ana Maria' WHERE email = 'ana@e2e.test'",
)


def test_what_people_made_stays_and_an_agent_leaves_only_when_asked_to(
    declared: HostUnderTest,
) -> None:
    for statement in OWN:
        declared.sql(statement)
    agents = DECLARED["agents"]
    assert isinstance(agents, list)
    shorter = {"agents": agents[1:]}
    run = declared.deploy(**shorter)
    run.changed_only(PUT, PREPARE)  # application.json differs, the people do not
    assert declared.sql("SELECT count(*) FROM account_users") == "3"
    gone = {**shorter, "former_agents": ["ana@e2e.test"]}
    declared.deploy(**gone).changed_only(PUT, PREPARE)
    assert declared.sql("SELECT count(*) FROM account_users") == "2"
    assert declared.sql("SELECT name FROM users WHERE email = 'ana@e2e.test'") == "Ana Maria"
    assert declared.sql("SELECT string_agg(title, ',' ORDER BY title) FROM labels") == "own,vip"
    declared.deploy(**gone).changed_only()
    declared.deploy()  # and back, with the first password's file still there
    assert declared.sql("SELECT count(*) FROM account_users") == "3"


def test_a_first_password_is_thrown_away_once_its_owner_has_another(
    declared: HostUnderTest,
) -> None:
    declared.sql(
        "UPDATE users SET encrypted_password = (SELECT encrypted_password FROM users "
        "WHERE type = 'SuperAdmin') WHERE email = 'bo@e2e.test'"
    )
    declared.sql("UPDATE accounts SET name = 'x'")
    declared.deploy().changed_only(PREPARE)
    assert declared.ssh(f"ls {FOLDER}").split() == ["ana@e2e.test"]
