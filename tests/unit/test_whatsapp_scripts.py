"""The scripts that look at n8n and Evolution and put them right, run for real with a small `docker`
on PATH and the real openssl. Every program that they call notes its words: no secret is among them.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from borgstack import entries, live_stack, services
from borgstack.project import render
from borgstack.remote import script_text, state_program
from borgstack.services.evolution.instance import InstanceState
from borgstack.services.n8n import workflows
from tests.unit.support import Ran, of_this_host, program, run_script, run_text, settings_of
from tests.unit.told import values

VALUES = {
    "CHATWOOT_API_TOKEN": "TokenOfChatwoot0123456789",
    "EVOLUTION_API_KEY": "KeyOfEvolution0123456789",
    "WHATSAPP_BRIDGE_SECRET": "SecretOfTheBridge0123456789",
    "N8N_ENCRYPTION_KEY": "KeyOfTheCredentials0123456789",
    "N8N_OWNER_PASSWORD": "PasswordOfTheOwner-Aa1",
}
CREDENTIALS = {
    "borgstackChatwoot": "CHATWOOT_API_TOKEN",
    "borgstackEvolution": "EVOLUTION_API_KEY",
    "borgstackBridge": "WHATSAPP_BRIDGE_SECRET",
}
NOTED = ("awk", "base64", "cut", "gzip", "openssl", "sed", "sha256sum", "timeout", "env", "cat")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A project folder with an `.env`, and programs that note their words in `words`."""
    lines = (f"{name}={value}\n" for name, value in VALUES.items())
    (tmp_path / ".env").write_text("DOMAIN=example.com\n" + "".join(lines))
    (tmp_path / "words").touch()
    for name in NOTED:
        real = shutil.which(name)
        assert real is not None
        program(tmp_path / "bin", name, f'echo "{name} $*" >>{tmp_path}/words\nexec {real} "$@"')
    program(tmp_path / "bin", "systemctl", "exit 0")
    docker(tmp_path, "")
    return tmp_path


def docker(host: Path, cases: str) -> None:
    program(
        host / "bin",
        "docker",
        f'echo "docker $*" >>{host}/words\ncase "$*" in\n{cases}\n*) exit 0 ;;\nesac',
    )


def run(host: Path, name: str, *arguments: str) -> Ran:
    return run_script(name, *arguments, first_on_path=host / "bin")


def words(host: Path) -> str:
    return (host / "words").read_text()


def asked_of_docker(host: Path) -> list[str]:
    return [line for line in words(host).splitlines() if line.startswith("docker ")]


def secrets_in(text: str) -> list[str]:
    return [name for name, value in VALUES.items() if value in text]


def encrypted(data: dict[str, str], key: str = VALUES["N8N_ENCRYPTION_KEY"]) -> str:
    """A credential as n8n keeps it."""
    done = subprocess.run(
        ["openssl", "enc", "-aes-256-cbc", "-md", "md5", "-a", "-A", "-pass", "env:KEY"],
        input=json.dumps(data, separators=(",", ":")),
        env={**os.environ, "KEY": key},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def credential(identity: str) -> str:
    return encrypted({"name": "x", "value": VALUES[CREDENTIALS[identity]]})


def postgresql(host: Path, *rows: str) -> None:
    """A database that notes the SQL it gets and answers these rows."""
    (host / "rows").write_text("".join(f"{row}\n" for row in rows))
    docker(host, f'"exec -i borgstack_postgresql psql"*) cat >{host}/sql; cat {host}/rows ;;')


PACKED = base64.b64encode(gzip.compress(b'[{"id":"borgstackInbound"}]')).decode()


def look(host: Path) -> list[str]:
    ran = run(host, "n8n_state", str(host), "salt", "ops@example.com", "Whats App", PACKED)
    assert (ran.status, ran.err) == (0, "")
    assert secrets_in(ran.out) == []
    return ran.out.splitlines()


def test_the_database_is_asked_once_with_the_wanted_workflows(host: Path) -> None:
    postgresql(host, "workflow borgstackInbound|nodes|true|", "owner true", "read yes")
    assert look(host) == [
        "workflow borgstackInbound|nodes|true|",
        "owner true",
        "read yes",
    ]
    sql = (host / "sql").read_text()
    assert '$wanted$[{"id":"borgstackInbound"}]$wanted$' in sql
    assert sql.endswith((script_text("n8n_state").partition("<<'SQL'\n")[2]).partition("SQL\n}")[0])
    (asked,) = asked_of_docker(host)
    assert "-v ON_ERROR_STOP=1 -v admin=ops@example.com -v inbox=Whats App " in asked


@pytest.mark.parametrize("identity", workflows.CREDENTIALS)
def test_a_credential_is_opened_and_nothing_but_a_verdict_leaves_the_host(
    host: Path, identity: str
) -> None:
    postgresql(host, f"secret {identity} {credential(identity)}")
    assert look(host) == [f"credential {identity} ok"]
    assert "openssl enc -d -aes-256-cbc -md md5 -a -A -pass fd:3" in words(host)
    assert secrets_in(words(host)) == []


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("TokenOfSomebodyElse0123456789", VALUES["N8N_ENCRYPTION_KEY"]),
        (VALUES["EVOLUTION_API_KEY"], VALUES["N8N_ENCRYPTION_KEY"]),
        (VALUES["CHATWOOT_API_TOKEN"] + "9", VALUES["N8N_ENCRYPTION_KEY"]),
        (VALUES["CHATWOOT_API_TOKEN"], "another key"),
    ],
)
def test_a_credential_that_holds_another_secret_differs(host: Path, value: str, key: str) -> None:
    data = encrypted({"name": "x", "value": value}, key)
    postgresql(host, f"secret borgstackChatwoot {data}", "read yes")
    assert look(host) == ["credential borgstackChatwoot differs", "read yes"]
    assert secrets_in(words(host)) == []


@pytest.mark.parametrize("data", ["not/base64", ""])
def test_a_credential_that_cannot_be_opened_differs(host: Path, data: str) -> None:
    postgresql(host, f"secret borgstackChatwoot {data}", "read yes")
    assert look(host) == ["credential borgstackChatwoot differs", "read yes"]


def test_without_openssl_nothing_can_be_said_of_a_credential(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = credential("borgstackBridge")
    (host / "bin" / "openssl").unlink()
    (host / "bin" / "sh").symlink_to(shutil.which("sh") or "")
    monkeypatch.setenv("PATH", str(host / "bin"))
    postgresql(host, f"secret borgstackBridge {data}")
    assert look(host) == ["credential borgstackBridge unknown"]


def test_an_n8n_whose_database_fails_is_not_read(host: Path) -> None:
    docker(host, "exec*) cat >/dev/null; echo 'ERROR: relation' >&2; exit 3 ;;")
    ran = run(host, "n8n_state", str(host), "salt", "ops@example.com", "WhatsApp", PACKED)
    assert "read" not in ran.out
    assert secrets_in(ran.said) == []


INSTANCE = {"status": "open", "webhook": {"url": "u"}, "settings": {}, "secret": True}
REPLY_URL = "http://caddy:8090/webhook/whatsapp-replies-to-check"


def gather_facts(host: Path, **data: object) -> live_stack.StackState:
    """Run the look at the whole stack, with all that the settings want in it."""
    project = render(settings_of(**data))
    asked = services.enabled(project.settings)
    states = state_program(asked, project.wanted, str(host), "salt")
    (host / "rows").write_text("owner true\nread yes\n")
    docker(
        host,
        f"""ps*) ;;
"exec -i borgstack_postgresql sh -s"*) cat >/dev/null; echo read ;;
"exec -i borgstack_postgresql psql"*) cat >{host}/sql; cat {host}/rows ;;
"exec -i evolution"*) cat >{host}/program; echo '{json.dumps(INSTANCE)}' ;;""",
    )
    program(host / "bin", "docker-compose", "exit 0")
    arguments = (str(host), "DOMAIN=example.com", "", states, "n8n:1")
    ran = run_text(of_this_host(host), *arguments, first_on_path=host / "bin")
    assert (ran.status, ran.err) == (0, "")
    assert secrets_in(ran.out) == []
    return live_stack.parse(ran.out.splitlines())


def test_the_look_at_the_stack_asks_n8n_and_evolution_beside_the_rest(host: Path) -> None:
    found = gather_facts(host).states
    assert found["n8n"] == workflows.N8nState(owned=True, workflows={}, credentials={})
    assert found["evolution"] == InstanceState("open", {"url": "u"}, {}, secret=True)
    assert found["postgresql"] is not None
    sent = (host / "program").read_text()
    assert "fetchInstances" in sent  # its own file, with that of the API in it
    assert "createHash" in sent
    assert not re.search(r"(?m)^@", sent)


def test_the_look_gets_digests_of_what_it_compares_and_never_a_secret(host: Path) -> None:
    gather_facts(host, whatsapp_instance="phone")
    said = words(host)
    token = entries.digest("salt", VALUES["CHATWOOT_API_TOKEN"])
    bridge = entries.digest("salt", VALUES["WHATSAPP_BRIDGE_SECRET"])
    assert f"-v salt=salt -v token={token} " in said
    assert f"docker exec -i evolution node - phone salt {bridge}\n" in said
    assert secrets_in(said) == []


def test_where_whatsapp_is_switched_off_nobody_is_asked_for_it(host: Path) -> None:
    found = gather_facts(host, whatsapp=False)
    assert {"n8n", "evolution"} & found.states.keys() == set()
    assert "evolution" not in words(host)
    assert "n8n" not in words(host).replace("n8n:1", "")


@pytest.mark.parametrize(
    ("name", "arguments", "container", "entry"),
    [
        ("n8n_claim", ("ops@example.com", "60"), "n8n", "N8N_OWNER_PASSWORD"),
        ("evolution_converge", ("phone", '{"a": 1}'), "evolution", "WHATSAPP_BRIDGE_SECRET"),
    ],
)
def test_a_program_in_a_container_gets_its_words_as_words_and_its_secret_on_stdin(
    host: Path, name: str, arguments: tuple[str, str], container: str, entry: str
) -> None:
    docker(
        host, f'exec*) shift 5; printf "%s\\n" "$@" >{host}/given; cat >{host}/stdin; echo ok ;;'
    )
    ran = run(host, name, str(host), *arguments)
    assert (ran.status, ran.out, ran.err) == (0, "ok\n", "")
    assert (host / "stdin").read_text() == VALUES[entry]
    *sent, first, second = (host / "given").read_text().splitlines()
    assert (first, second) == arguments
    assert 'require("node:fs").readFileSync(0' in "\n".join(sent)
    assert f"docker exec -i {container} node -e " in words(host)
    assert secrets_in(words(host)) == []


@pytest.mark.parametrize("name", ["n8n_claim", "evolution_converge"])
def test_a_program_in_a_container_that_fails_fails_the_step(host: Path, name: str) -> None:
    docker(host, "exec*) cat >/dev/null; echo 'n8n answered 500' >&2; exit 1 ;;")
    ran = run(host, name, str(host), "a", "b")
    assert (ran.status, ran.out, ran.err) == (1, "", "n8n answered 500\n")


def test_containers_that_are_not_declared_are_stopped_before_they_go(host: Path) -> None:
    ran = run(host, "containers_remove", "n8n", "evolution")
    assert (ran.status, ran.err) == (0, "")
    assert [line.split()[-1] for line in ran.out.splitlines()] == ["n8n", "evolution"]
    assert asked_of_docker(host) == [
        f"docker {verb} {name}" for name in ("n8n", "evolution") for verb in ("stop", "rm")
    ]


def test_a_container_that_does_not_go_stops_the_step(host: Path) -> None:
    docker(host, "rm*) echo 'no way' >&2; exit 1 ;;")
    ran = run(host, "containers_remove", "n8n", "evolution")
    assert (ran.status, ran.out, ran.err) == (1, "", "no way\n")
    assert "evolution" not in words(host)


@pytest.fixture
def numbers(host: Path) -> Path:
    """Where the numbers of account and inbox are written down."""
    path = host / "config/n8n/numbers.json"
    path.parent.mkdir(parents=True)
    return path


def test_the_numbers_of_chatwoot_are_written_down_for_n8ns_one_shot(
    host: Path, numbers: Path
) -> None:
    left = numbers.with_name("numbers.json.Ab12Cd")
    left.write_text("of a run that was killed")
    docker(host, f"""exec*) cat >{host}/stdin; echo '{{"account": 7, "inbox": 5}}' ;;""")
    ran = run(host, "n8n_numbers", str(host), "o'ps@example.com", "The shop's")
    assert (ran.status, ran.err) == (0, "")
    assert json.loads(numbers.read_text()) == {"account": 7, "inbox": 5}
    assert numbers.stat().st_mode & 0o777 == 0o644
    assert not left.exists()
    assert "-v admin=o'ps@example.com -v inbox=The shop's" in words(host)
    assert "inbox_number" in (host / "stdin").read_text()


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("cat >/dev/null; echo 'unreachable' >&2; exit 2", {"unreachable", "PostgreSQL"}),
        ("""cat >/dev/null; echo '{"account": 0, "inbox": 0}'""", {"inbox", "Shop", "Chatwoot"}),
        ("exit 0", {"PostgreSQL", "borgstack_postgresql"}),  # the exec has lost its stdin
    ],
)
def test_numbers_that_cannot_be_had_stop_the_step_and_keep_the_old_ones(
    host: Path, numbers: Path, answer: str, named: set[str]
) -> None:
    numbers.write_text("old")
    docker(host, f"exec*) {answer} ;;")
    ran = run(host, "n8n_numbers", str(host), "ops@example.com", "Shop")
    assert (ran.status, ran.out) == (1, "")
    assert named <= values(ran.err)
    assert numbers.read_text() == "old"


def test_the_numbers_are_those_of_the_inbox_with_the_address_of_replies() -> None:
    """SQL that is put together from settings would have to be quoted: the address stands in it."""
    assert f"webhook_url = '{REPLY_URL}'" in script_text("n8n_numbers")
