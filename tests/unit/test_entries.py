"""Secrets are generated once and never seen again, so what is generated has to be right the first
time: fit for its own rule, safe where it is read, and documented in .env.example.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from passlib.hash import bcrypt

from borgstack import entries
from borgstack.change import Change, Code
from borgstack.entries import (
    ENTRIES,
    FIT_OWNER,
    FLAWS,
    EnvChange,
    EnvMistake,
    EnvState,
    Flaw,
    Kind,
)
from borgstack.project import ENV_PATH
from borgstack.services import caddy
from tests.unit.support import REPOSITORY, run_script, settings_of
from tests.unit.told import values

BY_NAME = {entry.name: entry for entry in ENTRIES}
GENERATED = [entry for entry in ENTRIES if entry.value is None]


@pytest.fixture
def with_smtp(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setenv("TEST_SMTP", "mail-secret-42")
    return {
        "smtp_address": "smtp.example.com",
        "smtp_username": "chat",
        "smtp_password": "env:TEST_SMTP",
    }


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("POSTGRES_PASSWORD", r"[A-Za-z][A-Za-z0-9]{31}"),
        ("REDIS_PASSWORD", r"[A-Za-z][A-Za-z0-9]{31}"),
        ("CHATWOOT_DB_PASSWORD", r"[A-Za-z][A-Za-z0-9]{31}"),
        ("CHATWOOT_SECRET_KEY_BASE", r"(?=.*[a-f])[0-9a-f]{128}"),
        ("CHATWOOT_API_TOKEN", r"[A-Za-z][A-Za-z0-9]{23}"),
        (
            "CHATWOOT_ADMIN_PASSWORD",
            r"(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])(?=.*[_+=-])[A-Za-z0-9_+=-]{24}",
        ),
        ("N8N_DB_PASSWORD", r"[A-Za-z][A-Za-z0-9]{31}"),
        ("N8N_ENCRYPTION_KEY", r"[A-Za-z][A-Za-z0-9]{47}"),
        ("N8N_OWNER_PASSWORD", r"(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9])[A-Za-z0-9-]{24}"),
        ("EVOLUTION_DB_PASSWORD", r"[A-Za-z][A-Za-z0-9]{31}"),
        ("EVOLUTION_API_KEY", r"[A-Za-z][A-Za-z0-9]{39}"),
        ("WHATSAPP_BRIDGE_SECRET", r"[A-Za-z][A-Za-z0-9]{39}"),
    ],
)
def test_a_generated_value_has_the_form_that_its_readers_need(name: str, pattern: str) -> None:
    for _ in range(50):
        assert re.fullmatch(pattern, entries.generate(BY_NAME[name]))


def test_every_generated_value_is_accepted_by_the_rules_on_the_host(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    rules = [entries.rule(entry, settings_of()) for entry in GENERATED]
    for _ in range(5):
        path.write_text("".join(f"{e.name}={entries.generate(e)}\n" for e in GENERATED))
        path.chmod(0o600)
        looked = run_script("env_state", str(path), "salt", *rules)
        assert looked.out.splitlines()[1:] == [f"entry {entry.name} ok" for entry in GENERATED]


def test_no_value_is_generated_twice() -> None:
    for entry in GENERATED:
        assert len({entries.generate(entry) for _ in range(20)}) == 20


def test_a_key_of_digits_alone_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["1" * 128, "2" * 128, "a" * 128])
    monkeypatch.setattr(entries.pwd, "genword", lambda **_: next(drawn))
    assert entries.generate(BY_NAME["CHATWOOT_SECRET_KEY_BASE"]) == "a" * 128


def test_the_example_file_is_generated_from_the_list() -> None:
    assert (REPOSITORY / ".env.example").read_text() == entries.example()


@pytest.mark.parametrize(
    "text",
    [
        "CHATWOOT_HOST=chatwoot.${DOMAIN}\n",
        "CHATWOOT_DB_PASSWORD=<generate-strong-password>\n",
        "CHATWOOT_SECRET_KEY_BASE=<generate-secret-key>\n",
        "CHATWOOT_API_TOKEN=<",
        "POSTGRES_PASSWORD=<generate-strong-password>\n",
        "REDIS_PASSWORD=<generate-strong-password>\n",
        "\nDOMAIN=",
        "\nCADDY_EMAIL=",
        "# Chatwoot customer service platform credentials\n",
        "Profile Settings, Access Token",
    ],
)
def test_the_example_file_has_the_storys_names_and_comments(text: str) -> None:
    assert text in entries.example()


def test_the_entries_that_give_power_over_all_are_marked() -> None:
    marked = {entry.name for entry in ENTRIES if "SECURITY WARNING: " in entry.comment}
    assert {"CHATWOOT_SECRET_KEY_BASE", "CHATWOOT_API_TOKEN"} <= marked


def test_no_value_of_the_example_file_would_be_taken_for_a_secret() -> None:
    for entry in ENTRIES:
        if entry.kind is not Kind.PLAIN:
            assert re.fullmatch(r"<[^>]*>", entry.placeholder)


def test_the_entries_of_the_mail_server_exist_only_with_one(with_smtp: dict[str, object]) -> None:
    def names(**data: object) -> set[str]:
        return {entry.name for entry in entries.entries_for(settings_of(**data))}

    assert names(**with_smtp) - names() == {"SMTP_PASSWORD"}


@pytest.fixture
def with_editors(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setenv("TEST_EDITORS", "editors-secret-42")
    return {"editors": ["n8n"], "editors_password": "env:TEST_EDITORS"}


def test_the_entries_of_whatsapp_and_of_editors_exist_only_with_them(
    with_editors: dict[str, object],
) -> None:
    def names(**data: object) -> set[str]:
        return {entry.name for entry in entries.entries_for(settings_of(**data))}

    assert names() - names(whatsapp=False) == {
        "N8N_HOST",
        "N8N_DB_PASSWORD",
        "N8N_ENCRYPTION_KEY",
        "N8N_OWNER_PASSWORD",
        "EVOLUTION_HOST",
        "EVOLUTION_DB_PASSWORD",
        "EVOLUTION_API_KEY",
        "WHATSAPP_BRIDGE_SECRET",
    }
    assert names(**with_editors) - names() == {"EDITORS_PASSWORD_HASH"}


def editors_hash(**data: object) -> str:
    entry = BY_NAME["EDITORS_PASSWORD_HASH"]
    assert entry.value is not None
    caddy._hashed.cache_clear()  # a run of tomorrow has to find the same
    return entry.value(settings_of(**data)) or ""


def test_the_editors_password_has_one_hash_for_each_server_that_caddy_can_check(
    with_editors: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = editors_hash(**with_editors)
    assert re.fullmatch(r"\$2b\$10\$[./A-Za-z0-9]{53}", found)
    assert found == editors_hash(**with_editors)
    assert bcrypt.verify("editors-secret-42", found)
    assert not bcrypt.verify("editors-secret-43", found)
    elsewhere = editors_hash(**with_editors, domain="other.example")
    assert elsewhere.split("$")[3][:22] != found.split("$")[3][:22]
    assert bcrypt.verify("editors-secret-42", elsewhere)
    monkeypatch.setenv("TEST_EDITORS", "editors-secret-43")
    assert editors_hash(**with_editors) != found


def test_the_hash_is_written_where_it_differs_and_the_password_nowhere(
    with_editors: dict[str, object],
) -> None:
    settings = settings_of(**with_editors)
    verdicts = fit_state(EDITORS_PASSWORD_HASH="ok").verdicts
    digests = {"EDITORS_PASSWORD_HASH": entries.digest("salt", "old")}
    changes = entries.changes(settings, EnvState(FIT_OWNER, (), verdicts, digests), "salt")
    assert changes == [EnvChange.of("EDITORS_PASSWORD_HASH", Code.DIFFERS, "set")]
    payload = entries.payload(settings, changes)
    assert f"set EDITORS_PASSWORD_HASH {editors_hash(**with_editors)}" in payload
    assert "editors-secret" not in payload


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_rule_is_four_words_and_tells_no_secret(
    entry: entries.Entry, with_smtp: dict[str, object], with_editors: dict[str, object]
) -> None:
    settings = settings_of(**with_smtp, **with_editors)
    name, kind, least, expected = entries.rule(entry, settings).split("\t")
    assert (name, kind, int(least)) == (entry.name, entry.kind, entry.least or entry.length)
    assert bool(expected) == (entry.kind is Kind.PLAIN)


def owned(code: Code, actual: str | None) -> Change:
    return Change(".env", code, "type, mode and owner", FIT_OWNER, actual)


def fit_state(**verdicts: str) -> EnvState:
    names = (entry.name for entry in entries.entries_for(settings_of()))
    return EnvState(FIT_OWNER, (), {**dict.fromkeys(names, "ok"), **verdicts}, {})


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (fit_state(), []),
        (
            fit_state(REDIS_PASSWORD="missing"),
            [EnvChange.of("REDIS_PASSWORD", Code.MISSING, "fill")],
        ),
        (fit_state(REDIS_PASSWORD="empty"), [EnvChange.of("REDIS_PASSWORD", Code.EMPTY, "fill")]),
        (fit_state(DOMAIN="differs"), [EnvChange.of("DOMAIN", Code.DIFFERS, "set")]),
        (
            EnvState("regular file|644|0|0", (), fit_state().verdicts, {}),
            [EnvChange("", owned(Code.DIFFERS, "regular file|644|0|0"), "own")],
        ),
        (
            EnvState(None, (), fit_state().verdicts, {}),
            [EnvChange("", owned(Code.MISSING, None), "own")],
        ),
    ],
)
def test_each_difference_becomes_one_change(state: EnvState, expected: list[EnvChange]) -> None:
    assert entries.changes(settings_of(), state, "salt") == expected


def test_a_host_without_the_file_gets_every_entry() -> None:
    found = entries.changes(settings_of(), EnvState(None, (), {}, {}), "salt")
    names = [entry.name for entry in entries.entries_for(settings_of())]
    assert [change.name for change in found] == ["", *names]


@pytest.mark.parametrize(("value", "differs"), [("mail-secret-42", False), ("old", True)])
def test_a_supplied_value_is_compared_by_its_digest_alone(
    value: str, *, differs: bool, with_smtp: dict[str, object]
) -> None:
    verdicts = fit_state(SMTP_PASSWORD="ok").verdicts
    digests = {"SMTP_PASSWORD": entries.digest("salt", value)}
    found = entries.changes(
        settings_of(**with_smtp), EnvState(FIT_OWNER, (), verdicts, digests), "salt"
    )
    assert found == ([EnvChange.of("SMTP_PASSWORD", Code.DIFFERS, "set")] if differs else [])
    assert "mail-secret-42" not in json.dumps([str(change.change) for change in found])


def test_a_digest_depends_on_the_salt() -> None:
    assert entries.digest("one", "value") != entries.digest("two", "value")


@pytest.mark.parametrize(
    ("mistake", "told", "remedy"),
    [
        (EnvMistake(Flaw.SHORT, "CHATWOOT_SECRET_KEY_BASE"), {"30"}, {"key", "existing"}),
        (EnvMistake(Flaw.DIGITS, "N8N_ENCRYPTION_KEY"), {"digits"}, {"key", "existing"}),
        (EnvMistake(Flaw.SHORT, "REDIS_PASSWORD"), {"32"}, {"empty", "generated"}),
        (EnvMistake(Flaw.OPEN_QUOTE, line=3), {"line", "3"}, {"host"}),
    ],
)
def test_nobody_is_told_to_give_up_the_key_of_his_data(
    mistake: EnvMistake, told: set[str], remedy: set[str]
) -> None:
    assert told | {mistake.name or "line"} <= values(str(mistake))
    assert remedy <= values(mistake.remedy)
    assert ("generated" in values(mistake.remedy)) == (mistake.name == "REDIS_PASSWORD")


def test_each_flaw_is_told_in_its_own_words() -> None:
    lines = "\n".join(str(EnvMistake(flaw, "REDIS_PASSWORD")) for flaw in Flaw)
    assert lines == (
        "REDIS_PASSWORD is neither NAME=value nor a comment\n"
        "REDIS_PASSWORD opens a quote and does not close it\n"
        "REDIS_PASSWORD goes on after the closing quote\n"
        "REDIS_PASSWORD is a symbolic link that leads nowhere\n"
        "REDIS_PASSWORD is not a file\n"
        "REDIS_PASSWORD holds a NUL byte\n"
        "REDIS_PASSWORD stands more than once\n"
        "REDIS_PASSWORD is shorter than 32 characters\n"
        "REDIS_PASSWORD must begin with a letter and have only letters and digits\n"
        "REDIS_PASSWORD must not be digits alone\n"
        "REDIS_PASSWORD must stand in single quotes: others read it otherwise\n"
        "REDIS_PASSWORD must have upper and lower case letters, digits and one of _ + = -"
    )
    assert str(EnvMistake(Flaw.NO_FILE)) == FLAWS[Flaw.NO_FILE]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (fit_state(), []),
        (fit_state(DOMAIN="differs", REDIS_PASSWORD="empty"), []),
        (
            EnvState(FIT_OWNER, ((3, Flaw.OPEN_QUOTE), (0, Flaw.NO_FILE)), {}, {}),
            [EnvMistake(Flaw.OPEN_QUOTE, line=3), EnvMistake(Flaw.NO_FILE)],
        ),
        (
            fit_state(REDIS_PASSWORD="refused short"),
            [EnvMistake(Flaw.SHORT, "REDIS_PASSWORD")],
        ),
    ],
)
def test_only_what_no_run_can_put_right_is_a_mistake(
    state: EnvState, expected: list[EnvMistake]
) -> None:
    assert entries.mistakes(state) == expected


def test_the_payload_carries_comment_and_value_of_what_changes_and_of_nothing_else() -> None:
    payload = entries.payload(
        settings_of(),
        [
            EnvChange("", owned(Code.MISSING, None), "own"),
            EnvChange.of("DOMAIN", Code.MISSING, "set"),
        ],
    )
    comment = BY_NAME["DOMAIN"].comment
    assert payload == f"note DOMAIN \nnote DOMAIN {comment}\nset DOMAIN example.com"


CHATWOOT = ("chatwoot-prepare", "chatwoot", "chatwoot-worker")
N8N = ("n8n-prepare", "n8n")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DOMAIN", ()),
        ("CADDY_EMAIL", ()),
        ("POSTGRES_PASSWORD", ("postgresql",)),
        ("REDIS_PASSWORD", ("redis", *CHATWOOT, "evolution")),
        ("CHATWOOT_HOST", CHATWOOT),
        ("CHATWOOT_DB_PASSWORD", ("postgresql", *CHATWOOT)),
        ("CHATWOOT_SECRET_KEY_BASE", CHATWOOT),
        ("CHATWOOT_API_TOKEN", ("chatwoot-prepare", "n8n-prepare")),
        ("CHATWOOT_ADMIN_PASSWORD", ("chatwoot-prepare",)),
        ("SMTP_PASSWORD", CHATWOOT),
        ("N8N_HOST", ("n8n",)),
        ("N8N_DB_PASSWORD", ("postgresql", *N8N)),
        ("N8N_ENCRYPTION_KEY", N8N),
        ("N8N_OWNER_PASSWORD", ()),
        ("EVOLUTION_HOST", ("evolution",)),
        ("EVOLUTION_DB_PASSWORD", ("postgresql", "evolution")),
        ("EVOLUTION_API_KEY", ("evolution", "n8n-prepare")),
        ("WHATSAPP_BRIDGE_SECRET", ("n8n-prepare",)),
        ("EDITORS_PASSWORD_HASH", ("caddy",)),
        ("", ()),
        ("OF_SOMEBODY_ELSE", ()),
    ],
)
def test_the_readers_of_an_entry_are_had_by_its_name(name: str, expected: tuple[str, ...]) -> None:
    assert entries.readers(name) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {},
            {
                "DOMAIN": "example.com",
                "CADDY_EMAIL": "ops@example.com",
                "CHATWOOT_HOST": "chatwoot.example.com",
                "N8N_HOST": "n8n.example.com",
                "EVOLUTION_HOST": "evolution.example.com",
            },
        ),
        (
            {"domain": "other.test", "chatwoot_host": "help.other.test"},
            {
                "DOMAIN": "other.test",
                "CADDY_EMAIL": "ops@example.com",
                "CHATWOOT_HOST": "help.other.test",
                "N8N_HOST": "n8n.other.test",
                "EVOLUTION_HOST": "evolution.other.test",
            },
        ),
        (
            {"whatsapp": False},
            {
                "DOMAIN": "example.com",
                "CADDY_EMAIL": "ops@example.com",
                "CHATWOOT_HOST": "chatwoot.example.com",
            },
        ),
    ],
)
@pytest.mark.parametrize("mail", [False, True])
def test_the_plain_values_are_those_of_the_settings_and_hold_no_secret(
    data: dict[str, object], expected: dict[str, str], with_smtp: dict[str, object], *, mail: bool
) -> None:
    found = entries.plain_values(settings_of(**data, **(with_smtp if mail else {})))
    assert found == expected
    # Each is a word of a command on the host that is not quoted there.
    assert all(re.fullmatch(r"[A-Za-z0-9.@_+-]+", value) for value in found.values())


def test_the_env_file_lies_where_the_story_says() -> None:
    assert ENV_PATH == "/opt/borgstack/.env"
