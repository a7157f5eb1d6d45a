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
from borgstack.settings import Settings
from borgstack.settings_reference import reference
from borgstack.sizes import MEGABYTE, SIZES
from tests.unit.support import REPOSITORY, REQUIRED, settings_of

SECRET = "hunter2-correct-horse"


def mistakes_of(**data: object) -> list[str]:
    settings, mistakes = read_settings({**REQUIRED, **data})
    assert (settings is None) == bool(mistakes)
    return mistakes


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


BAD_VALUES: list[tuple[str, object, str]] = [
    ("domain", "Example.com", "domain name in lower case"),
    ("domain", "localhost", "domain name in lower case"),
    ("domain", "example.com\n", "domain name in lower case"),
    ("domain", "-x.example.com", "domain name in lower case"),
    ("domain", "203.0.113.7", "domain name in lower case"),
    ("domain", "a." * 126 + "com", "domain name in lower case"),
    ("domain", None, "valid string"),
    ("domain", 5, "valid string"),
    ("caddy_email", "ops", "e-mail address"),
    ("caddy_email", "ops@localhost", "e-mail address"),
    ("caddy_email", "Ops@Example.com", "in lower case behind the @"),
    ("mail_sender", "chat..shop@example.com", "e-mail address"),
    ("mail_sender", ".chat@example.com", "e-mail address"),
    ("chatwoot_host", "", "domain name"),
    ("chatwoot_host", "https://chat.example.com", "domain name"),
    ("admin_email", "a b@example.com", "e-mail address"),
    ("mail_sender", "Chat <a@example.com>", "e-mail address"),
    ("size", "2gb", "'4gb', '8gb' or '16gb'"),
    ("memory_limits", {"chatwoot": "1 GB"}, "a size such as 640m"),
    ("memory_limits", {"chatwoot": 640}, "valid string"),
    ("memory_limits", {"chatwot": "1g"}, "no service of the stack: ['chatwot']"),
    ("memory_limits", "1g", "valid dictionary"),
    ("installation_name", 'The "Best"', "one line without quotes"),
    ("installation_name", "", "one line without quotes"),
    ("account_name", "two\nlines", "one line of at most 200"),
    ("account_name", "two\u2028lines", "one line of at most 200"),
    ("account_name", "\x7f", "one line of at most 200"),
    ("account_name", "\udcff", "one line of at most 200"),
    ("installation_name", "two\u2028lines", "one line without quotes"),
    ("installation_name", "\x7f", "one line without quotes"),
    ("installation_name", "\udcff", "one line without quotes"),
    ("admin_name", "x" * 201, "one line of at most 200"),
    ("locale", "english", "a locale"),
    ("locale", "xx", "a locale"),
    ("locale", "hi", "a locale"),
    ("locale", "zh", "a locale"),
    ("agents", [{"email": "ana@example.com"}], "is required"),
    ("agents", [{"email": "ana", "name": "Ana"}], "e-mail address"),
    ("agents", [{"email": "a@b.org", "name": "A", "role": "owner"}], "'agent' or 'administrator'"),
    ("agents", [{"email": "a@b.org", "name": "A"}, {"email": "A@b.org", "name": "B"}], "more than"),
    ("agents", [{"email": "ops@example.com", "name": "A"}], "the administrator"),
    ("agents", [{"email": "a@b.org", "name": "A", "teams": ["sales"]}], "teams has no 'sales'"),
    ("agents", [{"email": "a@b.org", "name": "A", "inboxes": ["X"]}], "inboxes has no 'X'"),
    ("former_agents", ["ops@example.com"], "is an agent or the administrator"),
    ("teams", [{"name": "Sales"}], "in lower case"),
    ("teams", [{"name": "Área técnica"}], "'área técnica' is"),
    ("teams", [{"name": "\u01c5"}], "in lower case"),
    ("chatwoot_image", "chatwoot/chatwoot:v4.14.0-ce", "take v4.14.1 or a later one"),
    ("teams", [{"name": "sales"}, {"name": "sales"}], "more than once"),
    ("labels", [{"title": "very important"}], "a label of a-z"),
    # Chatwoot's own rule (lib/regex_helper.rb): two characters, the first a letter or digit.
    ("labels", [{"title": "x"}], "a label of a-z"),
    ("labels", [{"title": "_vip"}], "a label of a-z"),
    ("labels", [{"title": "-vip"}], "a label of a-z"),
    # What is blank it refuses, or, as a greeting, takes for none.
    ("account_name", " ", "one line of at most 200"),
    ("admin_name", "\u00a0", "one line of at most 200"),
    ("inboxes", [{"name": "WhatsApp"}, {"name": " "}], "one line of at most 200"),
    ("inboxes", [{"name": "WhatsApp", "greeting": " "}], "one line of at most 200"),
    ("teams", [{"name": " "}], "a team's name"),
    ("teams", [{"name": "two\u2028lines"}], "a team's name"),
    ("teams", [{"name": "\udcff"}], "a team's name"),
    ("labels", [{"title": "vip", "color": "red"}], "a colour such as"),
    (
        "inboxes",
        [{"name": "WhatsApp"}, {"name": "Shop", "webhook_url": "x:5678"}],
        "a URL without a final",
    ),
    ("webhooks", [{"url": "https://a.example/x", "events": []}], "at least 1 item"),
    (
        "webhooks",
        [{"url": "https://a.example/x", "events": ["inbox_created", "x"]}],
        "'message_created'",
    ),
    ("whatsapp", "perhaps", "valid boolean"),
    ("whatsapp_instance", "My Phone", "a name of a-z, 0-9 and -"),
    ("whatsapp_instance", "-phone", "a name of a-z, 0-9 and -"),
    ("whatsapp_instance", "x" * 41, "a name of a-z, 0-9 and -"),
    ("whatsapp_inbox", "Fax", "inboxes has no 'Fax'; add it there, or set whatsapp to False"),
    ("own_workflows", ["outbound"], "'inbound', 'replies' or 'errors'"),
    ("evolution_phone_version", "2.3000", "a version such as 2.3000."),
    ("n8n_image", "n8nio/n8n", "an image with a tag"),
    ("evolution_image", "evolution api:2", "an image with a tag"),
    ("timezone", "Sao Paulo", "a time zone"),
    ("timezone", "America/SaoPaulo", "did you mean America/Sao_Paulo?"),
    ("timezone", "America/Sao_Paolo", "did you mean America/Sao_Paulo?"),
    ("timezone", "Brazil/East", "did you mean America/Sao_Paulo?"),
    ("timezone", "US/Eastern", "did you mean America/New_York?"),
    ("timezone", "Asia/Calcutta", "did you mean Asia/Kolkata?"),
    ("timezone", "Europe/Kiev", "did you mean Europe/Kyiv?"),
    ("timezone", "America/Buenos_Aires", "did you mean America/Argentina/Buenos_Aires?"),
    ("timezone", "GMT-3", "did you mean Etc/GMT+3, 3 hours west of Greenwich?"),
    ("timezone", "utc+05", "did you mean Etc/GMT-5, 5 hours east of Greenwich?"),
    ("timezone", "UTC+5:30", "a time zone"),
    ("timezone", "GMT-31", "a time zone"),
    ("timezone", "0", "such as America/Sao_Paulo"),
    ("chatwoot_image", "chatwoot/chatwoot", "an image with a tag"),
    ("postgresql_image", "pgvector/pgvector:pg18@sha256:12", "an image with a tag"),
    ("postgresql_image", "pgvector/pgvector:pg17", "take PostgreSQL 18"),
    ("postgresql_image", "pgvector/pgvector:0.8.1-pg16-trixie", "take PostgreSQL 18"),
    ("postgresql_image", "mirror:5000/postgres:16.4", "take PostgreSQL 18"),
    ("redis_image", "redis 8", "an image with a tag"),
    ("caddy_image", "Caddy:2.10", "an image with a tag"),
    ("acme_directory", "acme.example.com", "a URL without a final /"),
    ("acme_directory", "https://ca.example.com/", "a URL without a final /"),
    ("acme_root", "/nowhere/root.pem", "there is no file /nowhere/root.pem"),
    ("acme_root", "long" * 100, "there is no file longlong"),
    ("dns_check", "maybe", "'strict', 'warn' or 'off'"),
    ("public_addresses", ["192.0.2.300"], "IPv4 or IPv6"),
    ("connect_to", "chat.example.com", "IPv4 or IPv6"),
    ("trusted_proxies", ["10.0.0.1/8"], "host bits set"),
    ("trusted_proxies", ["private_ranges"], "IPv4 or IPv6 network"),
    ("trusted_proxies", ["0.0.0.0/0"], "is everybody"),
    ("allowed_ports", [0], "greater than or equal to 1"),
    ("docker_source", "snap", "'docker' or 'distribution'"),
    ("docker_apt_url", "file:///mirror", "a URL without a final /"),
    ("docker_apt_fingerprint", "9DC8", "40 hexadecimal digits"),
    ("docker_address_pools", [{"base": "10.0.0.1/8", "size": 24}], "host bits set"),
    ("docker_address_pools", [{"base": "10.0.0.0/8", "size": 31}], "less than or equal to 30"),
    ("docker_address_pools", [{"base": "10.0.0.0/24", "size": 16}], "no room for one of /16"),
    ("docker_address_pools", [{"base": "10.0.0.0/8"}], "is required"),
    ("docker_mtu", 1200, "greater than or equal to 1280"),
    ("docker_log_max_size", "10MB", "a size such as 640m"),
    ("docker_log_max_files", 0, "greater than or equal to 1"),
    ("registry_mirrors", ["mirror:5000"], "a URL without a final /"),
    ("smtp_address", "mail server", "domain name"),
    ("smtp_port", 0, "greater than or equal to 1"),
    ("smtp_port", 65536, "less than or equal to 65535"),
    ("smtp_authentication", "ntlm", "'plain', 'login' or 'cram_md5'"),
    ("start_timeout", 5, "greater than or equal to 10"),
    ("prepare_timeout", "soon", "valid integer"),
    ("lock_wait", -1, "greater than or equal to 0"),
]


@pytest.mark.parametrize(("name", "value", "fragment"), BAD_VALUES)
def test_a_bad_value_is_named_with_what_is_expected(
    name: str, value: object, fragment: str
) -> None:
    mistakes = mistakes_of(**{name: value})
    assert len(mistakes) == 1
    assert mistakes[0].startswith(name)
    assert fragment in mistakes[0]


def test_every_setting_that_can_be_wrong_is_in_the_table() -> None:
    free = {"smtp_username", "smtp_password"}  # the tests of references have these
    free |= {"editors", "editors_user", "editors_password"}  # and those of editors these
    same_type = {"n8n_host", "evolution_host"}  # as chatwoot_host
    tested = {name for name, _, _ in BAD_VALUES}
    assert set(Settings.model_fields) - free - same_type == tested


def test_a_mirror_with_a_login_is_refused_and_not_shown() -> None:
    """dockerd does not start with one: "username/password not allowed in URI"."""
    found = mistakes_of(registry_mirrors=[f"https://me:{SECRET}@mirror.example.com"])
    assert found == ["registry_mirrors.0: a mirror with a login keeps dockerd from starting"]


def test_keys_of_any_type_are_named() -> None:
    found = mistakes_of(memory_limits={7: "1g", "chatwot": "1g"})
    assert "memory_limits names no service of the stack: ['7', 'chatwot']" in found


def test_a_mail_server_may_have_no_name() -> None:
    assert settings_of(smtp_address="10.0.0.5").smtp_address == "10.0.0.5"


@pytest.mark.parametrize("name", ["domain", "caddy_email"])
def test_a_missing_required_value_is_named_once_without_what_follows_from_it(name: str) -> None:
    data = {key: value for key, value in REQUIRED.items() if key != name}
    assert read_settings(data) == (
        None,
        [f"{name}: is required; set it in group_data/ or in inventory.py"],
    )


def test_a_wrong_domain_is_not_repeated_for_the_names_that_follow_from_it() -> None:
    settings, mistakes = read_settings({"domain": "UPPER.CASE", "caddy_email": "no"})
    assert settings is None
    assert [mistake.split(":")[0] for mistake in mistakes] == ["domain", "caddy_email"]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("domian", "domian: no such setting (did you mean domain?)"),
        ("chatwoot_imagee", "chatwoot_imagee: no such setting (did you mean chatwoot_image?)"),
        ("zzzzzz", "zzzzzz: no such setting"),
    ],
)
def test_an_unknown_setting_is_named_with_the_nearest_known_one(key: str, expected: str) -> None:
    assert mistakes_of(**{key: "x"}) == [expected]


def test_the_value_of_an_unknown_setting_is_not_shown() -> None:
    assert SECRET not in "".join(mistakes_of(smtp_pasword=SECRET))


@pytest.mark.parametrize(
    "key",
    ["ssh_user", "ssh_port", "ssh_key", "ssh_strict_host_key_checking", "_sudo", "_anything"],
)
def test_pyinfras_own_data_is_no_setting(key: str) -> None:
    assert mistakes_of(**{key: "yes"}) == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"chatwoot_host": "a.example.com", "n8n_host": "a.example.com"},
            "chatwoot_host, n8n_host and evolution_host must differ",
        ),
        (
            {"smtp_address": "smtp.example.com", "smtp_username": "chat"},
            "smtp_username and smtp_password go together",
        ),
        ({"editors": ["n8n"]}, "editors and editors_password go together"),
        (
            {"inboxes": [{"name": "Shop"}]},
            "whatsapp_inbox: inboxes has no 'WhatsApp'; add it there, or set whatsapp to False",
        ),
        (
            {"inboxes": [{"name": "WhatsApp", "webhook_url": "https://hooks.example.com/x"}]},
            "inboxes: WhatsApp: webhook_url is the deploy's to set while whatsapp is True",
        ),
    ],
)
def test_values_that_contradict_each_other_are_named(
    data: dict[str, object], expected: str
) -> None:
    assert mistakes_of(**data) == [expected]


def test_a_name_that_collides_with_a_derived_one_is_named() -> None:
    assert mistakes_of(chatwoot_host="n8n.example.com") == [
        "chatwoot_host, n8n_host and evolution_host must differ"
    ]


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
        ({"editors": ["n8n", "evolution"]}, None),
        ({"editors": ["n8n"], "editors_user": "ops@example.com"}, None),
        ({"editors": ["chatwoot"]}, "editors.0: Input should be 'n8n' or 'evolution'"),
        ({"editors": ["n8n"], "editors_user": "two words"}, "editors_user: 'two words' is not"),
        ({"editors": ["n8n"], "whatsapp": False}, "editors is of no use while whatsapp is False"),
        ({"editors": ["n8n"], "whatsapp": 0}, "editors is of no use while whatsapp is False"),
        ({}, "editors and editors_password go together"),
        ({"editors": []}, "editors and editors_password go together"),
    ],
)
def test_editors_are_open_only_where_they_run_and_behind_a_password(
    data: dict[str, object], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_EDITORS", SECRET)
    found = mistakes_of(**data, editors_password="env:TEST_EDITORS")
    assert len(found) == (0 if expected is None else 1)
    assert (expected or "") in "".join(found)
    assert SECRET not in "".join(found)


@pytest.mark.parametrize(
    ("password", "seen"), [("x" * 72, None), ("x" * 73, 73), ("ã" * 36, None), ("ã" * 37, 74)]
)
def test_a_password_that_caddy_cannot_check_whole_is_a_mistake_like_any_other(
    password: str, seen: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_EDITORS", password)
    found = mistakes_of(editors=["n8n"], editors_password="env:TEST_EDITORS")
    told = f"editors_password: the secret has {seen} bytes; 72 is the most that can be checked"
    assert found == ([] if seen is None else [told])
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
    assert mistakes_of(smtp_username="chat", smtp_password="env:TEST_SMTP") == [
        "smtp_username is of no use without smtp_address"
    ]


def test_smtp_password_alone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SMTP", SECRET)
    assert mistakes_of(smtp_password="env:TEST_SMTP") == [
        "smtp_username and smtp_password go together"
    ]


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
    (SECRET, "write a reference, 'env:NAME' or 'file:PATH', not the secret itself"),
    (f"vault:{SECRET}", "write a reference, 'env:NAME' or 'file:PATH', not the secret itself"),
    ("env:", "write a reference"),
    ("file:", "write a reference"),
    ("env:TEST_UNSET", "the environment variable TEST_UNSET is not set"),
    ("env:TEST_EMPTY", "the environment variable TEST_EMPTY is not set"),
    ("file:/nowhere/password", "there is no file /nowhere/password"),
    ("env:TEST_QUOTE", "has a ', a line break or another control character"),
    ("env:TEST_LINES", "has a ', a line break or another control character"),
    ("env:TEST_BYTES", "has a ', a line break or another control character"),
    ("env:TEST_BELL", "has a ', a line break or another control character"),
    ("env:TEST_BACKSLASH", "ends with a \\"),
]


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
    assert expected in str(raised.value)
    mistakes = mistakes_of(smtp_username="chat", smtp_password=reference)
    assert len(mistakes) == 1
    assert expected in mistakes[0]
    assert SECRET not in mistakes[0]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("~no-such-user-here/password", "cannot be read: RuntimeError"),
        ("{folder}/binary", "cannot be read: UnicodeDecodeError"),
        ("{folder}", "cannot be read: IsADirectoryError"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_like_any_other_mistake(
    path: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (mistake,) = mistakes_of(
        smtp_username="c", smtp_password=f"file:{path}".format(folder=tmp_path)
    )
    assert mistake.startswith("smtp_password: the file ")
    assert mistake.endswith(why)


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
    assert lines[0] == "These settings cannot be used; nothing was touched on any host."
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
