"""Settings are the one thing an operator types: every mistake has to be named before anything is
touched, all of them at once, and none may show a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pyinfra.api.exceptions import DeployError

from borgstack import services
from borgstack.entries import entries_for
from borgstack.host_data import read_settings, resolve_reference, settings_of_all
from borgstack.mistakes import Code, Mistake
from borgstack.settings import Settings
from borgstack.settings_reference import reference
from borgstack.sizes import MEGABYTE, SIZES
from tests.unit.support import REPOSITORY, REQUIRED, settings_of
from tests.unit.told import values

SECRET = "hunter2-correct-horse"


def mistakes_of(**data: object) -> list[Mistake]:
    settings, mistakes = read_settings({**REQUIRED, **data})
    assert (settings is None) == bool(mistakes)
    return mistakes


def keys(mistakes: list[Mistake]) -> list[str]:
    """Such as `editors: alone`."""
    return [f"{one.setting}: {one.code}" for one in mistakes]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chatwoot_host", "chatwoot.example.com"),
        ("n8n_host", "n8n.example.com"),
        ("evolution_host", "evolution.example.com"),
        ("admin_email", "ops@example.com"),
        ("mail_sender", "ops@example.com"),
        ("size", "4gb"),
        ("chatwoot_image", "chatwoot/chatwoot:v4.6.0-ce"),
        ("postgresql_image", "pgvector/pgvector:pg18"),
        ("redis_image", "redis:8.2-alpine"),
        ("caddy_image", "caddy:2.10-alpine"),
        ("installation_name", "BorgStack Chatwoot"),
        ("acme_directory", "https://acme-v02.api.letsencrypt.org/directory"),
        ("docker_apt_fingerprint", "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"),
        ("dns_check", "strict"),
        ("smtp_address", None),
    ],
)
def test_domain_and_email_are_enough_and_the_rest_follows(name: str, value: object) -> None:
    assert getattr(settings_of(), name) == value


def test_an_explicit_value_wins_over_the_derived_one() -> None:
    settings = settings_of(chatwoot_host="talk.example.org", admin_email="me@example.org")
    assert services.public_names(settings) == ("talk.example.org",)
    assert settings.admin_email == "me@example.org"
    assert settings.mail_sender == "ops@example.com"


def test_a_fingerprint_may_be_written_as_gpg_shows_it() -> None:
    shown = "9dc8 5822 9fc7 dd38 854a  e2d8 8d81 803c 0ebf cd88"
    assert settings_of(docker_apt_fingerprint=shown).docker_apt_fingerprint == (
        "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"
    )


BAD_VALUES: list[tuple[str, object, str, str, str]] = [
    ("domain", "Example.com", "domain", "value_error", "example.com"),
    ("domain", "localhost", "domain", "value_error", "example.com"),
    ("domain", "example.com\n", "domain", "value_error", "example.com"),
    ("domain", "-x.example.com", "domain", "value_error", "example.com"),
    ("domain", "203.0.113.7", "domain", "value_error", "example.com"),
    ("domain", "a." * 126 + "com", "domain", "value_error", "example.com"),
    ("domain", None, "domain", "string_type", ""),
    ("domain", 5, "domain", "string_type", ""),
    ("caddy_email", "ops", "caddy_email", "value_error", "name@example.com"),
    ("caddy_email", "ops@localhost", "caddy_email", "value_error", "name@example.com"),
    ("caddy_email", "Ops@Example.com", "caddy_email", "value_error", "name@example.com"),
    ("mail_sender", "chat..shop@example.com", "mail_sender", "value_error", "name@example.com"),
    ("mail_sender", ".chat@example.com", "mail_sender", "value_error", "name@example.com"),
    ("chatwoot_host", "", "chatwoot_host", "value_error", "example.com"),
    ("chatwoot_host", "https://chat.example.com", "chatwoot_host", "value_error", "example.com"),
    ("admin_email", "a b@example.com", "admin_email", "value_error", "name@example.com"),
    ("mail_sender", "Chat <a@example.com>", "mail_sender", "value_error", "name@example.com"),
    ("size", "2gb", "size", "literal_error", "4gb 8gb 16gb"),
    ("memory_limits", {"chatwoot": "1 GB"}, "memory_limits.chatwoot", "value_error", "640m"),
    ("memory_limits", {"chatwoot": 640}, "memory_limits.chatwoot", "string_type", ""),
    ("memory_limits", {"chatwot": "1g"}, "memory_limits", "names_nothing", "chatwot"),
    ("memory_limits", "1g", "memory_limits", "dict_type", ""),
    ("installation_name", 'The "Best"', "installation_name", "value_error", "#"),
    ("installation_name", "", "installation_name", "value_error", "#"),
    ("account_name", "two\nlines", "account_name", "value_error", "200"),
    ("account_name", "two\u2028lines", "account_name", "value_error", "200"),
    ("account_name", "\x7f", "account_name", "value_error", "200"),
    ("account_name", "\udcff", "account_name", "value_error", "200"),
    ("installation_name", "two\u2028lines", "installation_name", "value_error", "#"),
    ("installation_name", "\x7f", "installation_name", "value_error", "#"),
    ("installation_name", "\udcff", "installation_name", "value_error", "#"),
    ("admin_name", "x" * 201, "admin_name", "value_error", "200"),
    ("locale", "english", "locale", "value_error", "pt_BR"),
    ("locale", "xx", "locale", "value_error", "pt_BR"),
    ("locale", "hi", "locale", "value_error", "pt_BR"),
    ("locale", "zh", "locale", "value_error", "pt_BR"),
    ("agents", [{"email": "ana@example.com"}], "agents.0.name", "missing", ""),
    (
        "agents",
        [{"email": "ana", "name": "Ana"}],
        "agents.0.email",
        "value_error",
        "name@example.com",
    ),
    (
        "agents",
        [{"email": "a@b.org", "name": "A", "role": "owner"}],
        "agents.0.role",
        "literal_error",
        "agent administrator",
    ),
    (
        "agents",
        [{"email": "a@b.org", "name": "A"}, {"email": "A@b.org", "name": "B"}],
        "agents",
        "twice",
        "a@b.org",
    ),
    ("agents", [{"email": "ops@example.com", "name": "A"}], "agents", "twice", "admin_email"),
    (
        "agents",
        [{"email": "a@b.org", "name": "A", "teams": ["sales"]}],
        "agents",
        "names_nothing",
        "teams sales",
    ),
    (
        "agents",
        [{"email": "a@b.org", "name": "A", "inboxes": ["X"]}],
        "agents",
        "names_nothing",
        "inboxes X",
    ),
    ("former_agents", ["ops@example.com"], "former_agents", "contradicts", "ops@example.com"),
    ("teams", [{"name": "Sales"}], "teams.0.name", "value_error", "sales"),
    ("teams", [{"name": "Área técnica"}], "teams.0.name", "value_error", "área técnica"),
    ("teams", [{"name": "\u01c5"}], "teams.0.name", "value_error", "ǆ"),
    ("chatwoot_image", "chatwoot/chatwoot:v4.14.0-ce", "chatwoot_image", "value_error", "v4.14.1"),
    ("teams", [{"name": "sales"}, {"name": "sales"}], "teams", "twice", "sales"),
    ("labels", [{"title": "very important"}], "labels.0.title", "value_error", "a-z 0-9 _ -"),
    # Chatwoot's own rule (lib/regex_helper.rb): two characters, the first a letter or digit.
    ("labels", [{"title": "x"}], "labels.0.title", "value_error", "a-z 0-9 _ -"),
    ("labels", [{"title": "_vip"}], "labels.0.title", "value_error", "a-z 0-9 _ -"),
    ("labels", [{"title": "-vip"}], "labels.0.title", "value_error", "a-z 0-9 _ -"),
    # What is blank it refuses, or, as a greeting, takes for none.
    ("account_name", " ", "account_name", "value_error", "200"),
    ("admin_name", "\u00a0", "admin_name", "value_error", "200"),
    ("inboxes", [{"name": "WhatsApp"}, {"name": " "}], "inboxes.1.name", "value_error", "200"),
    (
        "inboxes",
        [{"name": "WhatsApp", "greeting": " "}],
        "inboxes.0.greeting",
        "value_error",
        "200",
    ),
    ("teams", [{"name": " "}], "teams.0.name", "value_error", "200"),
    ("teams", [{"name": "two\u2028lines"}], "teams.0.name", "value_error", "200"),
    ("teams", [{"name": "\udcff"}], "teams.0.name", "value_error", "200"),
    ("labels", [{"title": "vip", "color": "red"}], "labels.0.color", "value_error", "#1f93ff"),
    (
        "inboxes",
        [{"name": "WhatsApp"}, {"name": "Shop", "webhook_url": "x:5678"}],
        "inboxes.1.webhook_url",
        "value_error",
        "URL",
    ),
    (
        "webhooks",
        [{"url": "https://a.example/x", "events": []}],
        "webhooks.0.events",
        "too_short",
        "1",
    ),
    (
        "webhooks",
        [{"url": "https://a.example/x", "events": ["inbox_created", "x"]}],
        "webhooks.0.events.1",
        "literal_error",
        "message_created",
    ),
    ("whatsapp", "perhaps", "whatsapp", "bool_parsing", ""),
    ("whatsapp_instance", "My Phone", "whatsapp_instance", "value_error", "a-z 0-9 -"),
    ("whatsapp_instance", "-phone", "whatsapp_instance", "value_error", "a-z 0-9 -"),
    ("whatsapp_instance", "x" * 41, "whatsapp_instance", "value_error", "a-z 0-9 -"),
    ("former_instances", ["No"], "former_instances.0", "value_error", "a-z 0-9 -"),
    ("former_instances", ["whatsapp"], "former_instances", "contradicts", "whatsapp"),
    ("whatsapp_inbox", "Fax", "whatsapp_inbox", "names_nothing", "inboxes Fax"),
    ("own_workflows", ["outbound"], "own_workflows.0", "literal_error", "inbound replies errors"),
    (
        "evolution_phone_version",
        "2.3000",
        "evolution_phone_version",
        "value_error",
        "2.3000.1023223821",
    ),
    ("n8n_image", "n8nio/n8n", "n8n_image", "value_error", "caddy:2.10-alpine"),
    ("evolution_image", "evolution api:2", "evolution_image", "value_error", "caddy:2.10-alpine"),
    ("timezone", "Sao Paulo", "timezone", "value_error", "America/Sao_Paulo"),
    ("timezone", "America/SaoPaulo", "timezone", "value_error", "America/Sao_Paulo"),
    ("timezone", "America/Sao_Paolo", "timezone", "value_error", "America/Sao_Paulo"),
    ("timezone", "Brazil/East", "timezone", "value_error", "America/Sao_Paulo"),
    ("timezone", "US/Eastern", "timezone", "value_error", "America/New_York"),
    ("timezone", "Asia/Calcutta", "timezone", "value_error", "Asia/Kolkata"),
    ("timezone", "Europe/Kiev", "timezone", "value_error", "Europe/Kyiv"),
    (
        "timezone",
        "America/Buenos_Aires",
        "timezone",
        "value_error",
        "America/Argentina/Buenos_Aires",
    ),
    ("timezone", "GMT-3", "timezone", "value_error", "Etc/GMT+3 3 west"),
    ("timezone", "utc+05", "timezone", "value_error", "Etc/GMT-5 5 east"),
    ("timezone", "UTC+5:30", "timezone", "value_error", "America/Sao_Paulo"),
    ("timezone", "GMT-31", "timezone", "value_error", ""),
    ("timezone", "0", "timezone", "value_error", "America/Sao_Paulo"),
    ("chatwoot_image", "chatwoot/chatwoot", "chatwoot_image", "value_error", "caddy:2.10-alpine"),
    (
        "postgresql_image",
        "pgvector/pgvector:pg18@sha256:12",
        "postgresql_image",
        "value_error",
        "caddy:2.10-alpine",
    ),
    ("postgresql_image", "pgvector/pgvector:pg17", "postgresql_image", "value_error", "18"),
    (
        "postgresql_image",
        "pgvector/pgvector:0.8.1-pg16-trixie",
        "postgresql_image",
        "value_error",
        "18",
    ),
    ("postgresql_image", "mirror:5000/postgres:16.4", "postgresql_image", "value_error", "18"),
    ("redis_image", "redis 8", "redis_image", "value_error", "caddy:2.10-alpine"),
    ("caddy_image", "Caddy:2.10", "caddy_image", "value_error", "caddy:2.10-alpine"),
    ("acme_directory", "acme.example.com", "acme_directory", "value_error", "URL"),
    ("acme_directory", "https://ca.example.com/", "acme_directory", "value_error", "URL"),
    ("acme_root", "/nowhere/root.pem", "acme_root", "names_nothing", "/nowhere/root.pem"),
    ("acme_root", "long" * 100, "acme_root", "names_nothing", "long" * 100),
    ("dns_check", "maybe", "dns_check", "literal_error", "strict warn off"),
    ("public_addresses", ["192.0.2.300"], "public_addresses.0", "value_error", "IPv4 IPv6"),
    ("connect_to", "chat.example.com", "connect_to", "value_error", "IPv4 IPv6"),
    ("trusted_proxies", ["10.0.0.1/8"], "trusted_proxies.0", "value_error", "10.0.0.1/8"),
    (
        "trusted_proxies",
        ["private_ranges"],
        "trusted_proxies.0",
        "value_error",
        "IPv4 IPv6 network",
    ),
    ("trusted_proxies", ["0.0.0.0/0"], "trusted_proxies.0", "value_error", "everybody"),
    ("allowed_ports", [0], "allowed_ports.0", "greater_than_equal", "1"),
    ("docker_source", "snap", "docker_source", "literal_error", "docker distribution"),
    ("docker_apt_url", "file:///mirror", "docker_apt_url", "value_error", "URL"),
    ("docker_apt_fingerprint", "9DC8", "docker_apt_fingerprint", "value_error", "40"),
    (
        "docker_address_pools",
        [{"base": "10.0.0.1/8", "size": 24}],
        "docker_address_pools.0.base",
        "value_error",
        "10.0.0.1/8",
    ),
    (
        "docker_address_pools",
        [{"base": "10.0.0.0/8", "size": 31}],
        "docker_address_pools.0.size",
        "less_than_equal",
        "30",
    ),
    (
        "docker_address_pools",
        [{"base": "10.0.0.0/24", "size": 16}],
        "docker_address_pools.0",
        "value_error",
        "10.0.0.0/24 /16",
    ),
    (
        "docker_address_pools",
        [{"base": "10.0.0.0/8"}],
        "docker_address_pools.0.size",
        "missing",
        "",
    ),
    ("docker_mtu", 1200, "docker_mtu", "greater_than_equal", "1280"),
    ("docker_log_max_size", "10MB", "docker_log_max_size", "value_error", "640m"),
    ("docker_log_max_files", 0, "docker_log_max_files", "greater_than_equal", "1"),
    ("registry_mirrors", ["mirror:5000"], "registry_mirrors.0", "value_error", "URL"),
    ("smtp_address", "mail server", "smtp_address", "value_error", "IPv4"),
    ("smtp_port", 0, "smtp_port", "greater_than_equal", "1"),
    ("smtp_port", 65536, "smtp_port", "less_than_equal", "65535"),
    ("smtp_authentication", "ntlm", "smtp_authentication", "literal_error", "plain login cram_md5"),
    ("start_timeout", 5, "start_timeout", "greater_than_equal", "10"),
    ("prepare_timeout", "soon", "prepare_timeout", "int_parsing", ""),
    ("lock_wait", -1, "lock_wait", "greater_than_equal", "0"),
]


@pytest.mark.parametrize(("name", "value", "where", "code", "told"), BAD_VALUES)
def test_a_bad_value_is_named_with_what_is_expected(
    name: str, value: object, where: str, code: str, told: str
) -> None:
    (mistake,) = mistakes_of(**{name: value})
    assert (mistake.setting, mistake.code) == (where, code)
    assert str(mistake).startswith(name)
    assert set(told.split()) <= values(str(mistake))


def test_every_setting_that_can_be_wrong_is_in_the_table() -> None:
    free = {"smtp_username", "smtp_password"}  # the tests of references have these
    free |= {"editors", "editors_user", "editors_password"}  # and those of editors these
    same_type = {"n8n_host", "evolution_host"}  # as chatwoot_host
    tested = {name for name, *_ in BAD_VALUES}
    assert set(Settings.model_fields) - free - same_type == tested


def test_a_mirror_with_a_login_is_refused_and_not_shown() -> None:
    """dockerd does not start with one: "username/password not allowed in URI"."""
    found = mistakes_of(registry_mirrors=[f"https://me:{SECRET}@mirror.example.com"])
    assert keys(found) == ["registry_mirrors.0: value_error"]
    assert SECRET not in str(found)


def test_keys_of_any_type_are_named() -> None:
    found = mistakes_of(memory_limits={7: "1g", "chatwot": "1g"})
    (named,) = [one for one in found if one.code == Code.NAMES_NOTHING]
    assert named.setting == "memory_limits"
    assert {"7", "chatwot"} <= values(str(named))


def test_a_mail_server_may_have_no_name() -> None:
    assert settings_of(smtp_address="10.0.0.5").smtp_address == "10.0.0.5"


@pytest.mark.parametrize("name", ["domain", "caddy_email"])
def test_a_missing_required_value_is_named_once_without_what_follows_from_it(name: str) -> None:
    data = {key: value for key, value in REQUIRED.items() if key != name}
    settings, mistakes = read_settings(data)
    assert settings is None
    assert keys(mistakes) == [f"{name}: missing"]


def test_a_wrong_domain_is_not_repeated_for_the_names_that_follow_from_it() -> None:
    settings, mistakes = read_settings({"domain": "UPPER.CASE", "caddy_email": "no"})
    assert settings is None
    assert [mistake.setting for mistake in mistakes] == ["domain", "caddy_email"]


@pytest.mark.parametrize(
    ("key", "nearest"),
    [("domian", {"domain"}), ("chatwoot_imagee", {"chatwoot_image"}), ("zzzzzz", set())],
)
def test_an_unknown_setting_is_named_with_the_nearest_known_one(
    key: str, nearest: set[str]
) -> None:
    (mistake,) = mistakes_of(**{key: "x"})
    assert (mistake.setting, mistake.code) == (key, Code.UNKNOWN)
    assert key in values(str(mistake))
    assert values(str(mistake)) & set(Settings.model_fields) == nearest


def test_the_value_of_an_unknown_setting_is_not_shown() -> None:
    assert SECRET not in str(mistakes_of(smtp_pasword=SECRET))


@pytest.mark.parametrize(
    "key",
    ["ssh_user", "ssh_port", "ssh_key", "ssh_strict_host_key_checking", "_sudo", "_anything"],
)
def test_pyinfras_own_data_is_no_setting(key: str) -> None:
    assert mistakes_of(**{key: "yes"}) == []


@pytest.mark.parametrize(
    ("data", "key", "told"),
    [
        (
            {"chatwoot_host": "a.example.com", "n8n_host": "a.example.com"},
            "chatwoot_host: same",
            "chatwoot_host n8n_host evolution_host",
        ),
        (
            {"smtp_address": "smtp.example.com", "smtp_username": "chat"},
            "smtp_username: alone",
            "smtp_username smtp_password",
        ),
        ({"editors": ["n8n"]}, "editors: alone", "editors editors_password"),
        (
            {"inboxes": [{"name": "Shop"}]},
            "whatsapp_inbox: names_nothing",
            "whatsapp_inbox inboxes WhatsApp",
        ),
        (
            {"inboxes": [{"name": "WhatsApp", "webhook_url": "https://hooks.example.com/x"}]},
            "inboxes: not_yours",
            "inboxes WhatsApp webhook_url",
        ),
    ],
)
def test_values_that_contradict_each_other_are_named(
    data: dict[str, object], key: str, told: str
) -> None:
    found = mistakes_of(**data)
    assert keys(found) == [key]
    assert set(told.split()) <= values(str(found[0]))


def test_a_name_that_collides_with_a_derived_one_is_named() -> None:
    assert keys(mistakes_of(chatwoot_host="n8n.example.com")) == ["chatwoot_host: same"]


@pytest.mark.parametrize(
    "data",
    [
        {"whatsapp": False, "inboxes": []},
        {"whatsapp": "no", "inboxes": []},  # as --data whatsapp=no gives it
        {
            "whatsapp": False,
            "inboxes": [{"name": "WhatsApp", "webhook_url": "https://a.example/x"}],
        },
        {"whatsapp_inbox": "Shop", "inboxes": [{"name": "Shop"}]},
        {"evolution_phone_version": "2.3000.1023223821"},
        {"own_workflows": ["inbound", "errors"], "whatsapp_instance": "phone-2"},
    ],
)
def test_what_only_looks_like_a_contradiction_is_none(data: dict[str, object]) -> None:
    assert mistakes_of(**data) == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"editors": ["n8n", "evolution"]}, []),
        ({"editors": ["n8n"], "editors_user": "ops@example.com"}, []),
        ({"editors": ["chatwoot"]}, ["editors.0: literal_error"]),
        ({"editors": ["n8n"], "editors_user": "two words"}, ["editors_user: value_error"]),
        ({"editors": ["n8n"], "whatsapp": False}, ["editors: useless"]),
        ({"editors": ["n8n"], "whatsapp": 0}, ["editors: useless"]),
        ({}, ["editors: alone"]),
        ({"editors": []}, ["editors: alone"]),
    ],
)
def test_editors_are_open_only_where_they_run_and_behind_a_password(
    data: dict[str, object], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_EDITORS", SECRET)
    found = mistakes_of(**data, editors_password="env:TEST_EDITORS")
    assert keys(found) == expected
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("password", "seen"), [("x" * 72, None), ("x" * 73, 73), ("ã" * 36, None), ("ã" * 37, 74)]
)
def test_a_password_that_caddy_cannot_check_whole_is_a_mistake_like_any_other(
    password: str, seen: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_EDITORS", password)
    found = mistakes_of(editors=["n8n"], editors_password="env:TEST_EDITORS")
    assert keys(found) == ([] if seen is None else ["editors_password: no_secret"])
    assert all({str(seen), "72"} <= values(str(one)) for one in found)
    if seen is None:
        settings = settings_of(editors=["n8n"], editors_password="env:TEST_EDITORS")
        assert "EDITORS_PASSWORD_HASH" in {entry.name for entry in entries_for(settings)}


def test_the_names_of_open_editors_are_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_EDITORS", SECRET)
    found = settings_of(
        editors=["evolution"], editors_password="env:TEST_EDITORS", evolution_host="wa.example.com"
    )
    assert services.public_names(found) == ("chatwoot.example.com", "wa.example.com")
    assert SECRET not in f"{found} {found!r}"


def test_a_login_without_a_mail_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SMTP", SECRET)
    (mistake,) = mistakes_of(smtp_username="chat", smtp_password="env:TEST_SMTP")
    assert (mistake.setting, mistake.code) == ("smtp_username", Code.USELESS)
    assert "smtp_address" in values(str(mistake))


def test_smtp_password_alone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SMTP", SECRET)
    assert keys(mistakes_of(smtp_password="env:TEST_SMTP")) == ["smtp_username: alone"]


def test_a_secret_is_read_from_the_environment_or_a_file_and_hides_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEST_SMTP", SECRET)
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    for where in ("env:TEST_SMTP", f"file:{file}"):
        settings = settings_of(
            smtp_address="smtp.example.com", smtp_username="chat", smtp_password=where
        )
        assert settings.smtp_password is not None
        assert settings.smtp_password.get_secret_value() == SECRET
        assert SECRET not in f"{settings} {settings!r}"


REFERENCES: list[tuple[str, str]] = [
    (SECRET, "env:NAME"),
    (f"vault:{SECRET}", "env:NAME"),
    ("env:", "env:NAME"),
    ("file:", "file:PATH"),
    ("env:TEST_UNSET", "TEST_UNSET"),
    ("env:TEST_EMPTY", "TEST_EMPTY"),
    ("file:/nowhere/password", "/nowhere/password"),
    ("env:TEST_QUOTE", "env"),
    ("env:TEST_LINES", "env"),
    ("env:TEST_BYTES", "env"),
    ("env:TEST_BELL", "env"),
    ("env:TEST_BACKSLASH", "\\"),
]
"""With what the mistake names; `.env` where that is what cannot hold the secret."""


@pytest.mark.parametrize(("reference", "expected"), REFERENCES)
def test_a_reference_that_leads_nowhere_is_named_without_the_secret(
    reference: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_EMPTY", "")
    monkeypatch.setenv("TEST_QUOTE", f"{SECRET}'")
    monkeypatch.setenv("TEST_LINES", f"{SECRET}\nmore")
    monkeypatch.setenv("TEST_BYTES", f"{SECRET}\udcff")  # a byte that is no UTF-8
    monkeypatch.setenv("TEST_BELL", f"{SECRET}\a")
    monkeypatch.setenv("TEST_BACKSLASH", f"{SECRET}\\")
    with pytest.raises(ValueError, match=r".") as raised:
        resolve_reference(reference)
    assert expected in values(str(raised.value))
    (mistake,) = mistakes_of(smtp_username="chat", smtp_password=reference)
    assert (mistake.setting, mistake.code) == ("smtp_password", Code.NO_SECRET)
    assert expected in values(str(mistake))
    assert SECRET not in str(mistake)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("~no-such-user-here/password", "RuntimeError"),
        ("{folder}/binary", "UnicodeDecodeError"),
        ("{folder}", "IsADirectoryError"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_like_any_other_mistake(
    path: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (mistake,) = mistakes_of(
        smtp_username="c", smtp_password=f"file:{path}".format(folder=tmp_path)
    )
    assert (mistake.setting, mistake.code) == ("smtp_password", Code.NO_SECRET)
    assert {path.format(folder=tmp_path), why} <= values(str(mistake))


def test_all_mistakes_of_all_hosts_stand_in_one_message_without_a_secret() -> None:
    hosts = [
        ("one", {"domain": "ONE", "caddy_email": "x", "colour": "red"}),
        ("two", {**REQUIRED, "smtp_username": "chat", "smtp_password": SECRET}),
        ("three", {**REQUIRED, "size": "1gb", "smtp_port": -1}),
        ("four", dict(REQUIRED)),
    ]
    with pytest.raises(DeployError) as raised:
        settings_of_all(hosts)
    lines = str(raised.value).splitlines()
    assert [line.split(":")[0:2] for line in lines[1:-1]] == [
        ["  one", " colour"],
        ["  one", " domain"],
        ["  one", " caddy_email"],
        ["  two", " smtp_password"],
        ["  three", " size"],
        ["  three", " smtp_port"],
    ]
    assert "group_data/*.py" in lines[-1]
    assert SECRET not in str(raised.value)


def test_settings_of_several_hosts_are_kept_apart() -> None:
    settings = settings_of_all(
        [("one", {**REQUIRED, "size": "8gb"}), ("two", {**REQUIRED, "domain": "two.example"})]
    )
    assert {name: (one.size, one.domain) for name, one in settings.items()} == {
        "one": ("8gb", "example.com"),
        "two": ("4gb", "two.example"),
    }


def test_the_reference_for_operators_is_generated_from_the_settings() -> None:
    assert (REPOSITORY / "docs" / "settings.md").read_text() == reference()


def test_the_reference_describes_every_setting_with_its_default() -> None:
    table = reference().split("\n## ")[0]
    rows = table.splitlines()[-len(Settings.model_fields) :]
    assert [row.split("`")[1] for row in rows] == list(Settings.model_fields)
    for row in rows:
        _, _, default, description, _ = row.split("|")
        assert default.strip() not in {"", "``"}, row
        assert len(description.strip()) > 4, row


def in_bytes(notation: str) -> int:
    return int(notation[:-1]) * {"k": 1024, "m": MEGABYTE, "g": 1024 * MEGABYTE}[notation[-1]]


ONE_SHOTS = {"chatwoot-prepare", "n8n-prepare"}


def most_at_once(limits: Mapping[str, str]) -> int:
    """All services and the largest of the one-shots, which never run at once."""
    sizes = {name: in_bytes(limit) for name, limit in limits.items()}
    largest = max(sizes[name] for name in ONE_SHOTS)
    return sum(size for name, size in sizes.items() if name not in ONE_SHOTS) + largest


def test_the_limits_of_4gb_leave_room_on_such_a_server_with_every_service_on() -> None:
    limits = services.memory("4gb")
    assert set(limits) >= {"n8n", "evolution", *ONE_SHOTS}
    assert most_at_once(limits) <= 3.4e9


@pytest.mark.parametrize("size", SIZES)
def test_every_size_limits_every_service_within_the_hosts_memory(size: str) -> None:
    limits = services.memory(size)
    assert set(limits) == set(services.containers())
    assert most_at_once(limits) < SIZES[size].host_memory


def test_a_single_limit_can_be_overridden() -> None:
    settings = settings_of(memory_limits={"chatwoot": "900m"})
    assert services.memory_limits(settings)["chatwoot"] == "900m"
    assert services.memory_limits(settings)["redis"] == services.memory("4gb")["redis"]
