"""The compose checks: the rendered docker-compose.yml against the story, tasks 1-3 and 10.

`pytest tests/unit/test_compose.py` alone is what CI runs as the story's validation of Chatwoot's
service: pins, names, networks, volumes, variables, dependencies, health, and no port but Caddy's.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
import yaml

from borgstack import entries, services
from borgstack.entries import ENTRIES
from borgstack.project import Project, render
from borgstack.sizes import SIZES
from tests.unit.support import default_project, settings_of

SMTP: dict[str, object] = {
    "smtp_address": "smtp.example.com",
    "smtp_username": "chat",
}
SERVICES = (
    "postgresql",
    "redis",
    "chatwoot-prepare",
    "chatwoot",
    "chatwoot-worker",
    "evolution",
    "n8n-prepare",
    "n8n",
    "caddy",
)
ONE_SHOTS = ("chatwoot-prepare", "n8n-prepare")
LONG_RUNNING = tuple(name for name in SERVICES if name not in ONE_SHOTS)
N8N = ("n8n-prepare", "n8n")
RAILS = ("chatwoot-prepare", "chatwoot", "chatwoot-worker")
HEALTHY = {"condition": "service_healthy"}
PREPARED = {"condition": "service_completed_successfully"}


def compose_of(project: Project) -> dict[str, Any]:
    (file,) = (file for file in project.files if file.path == "docker-compose.yml")
    parsed: dict[str, Any] = yaml.safe_load(file.content or b"")
    return parsed


@cache
def default_compose() -> dict[str, Any]:
    return compose_of(default_project())


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = default_compose()["services"][name]
    return found


@pytest.fixture(scope="module")
def full_compose(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The compose file of a Chatwoot that sends mail, beside editors that are open."""
    password = tmp_path_factory.mktemp("full") / "password"
    password.write_text("supplied-secret-42")
    reference = f"file:{password}"
    editors = {"editors": ["n8n", "evolution"], "editors_password": reference}
    return compose_of(render(settings_of(**SMTP, **editors, smtp_password=reference)))


def names_in(value: object) -> set[str]:
    """The `.env` entries that a part of the compose file interpolates."""
    return set(re.findall(r"\$\{([A-Z0-9_]+)", json.dumps(value)))


def mount(name: str, target: str) -> str:
    """The source of a service's mount at `target`."""
    for volume in service(name).get("volumes", []):
        if isinstance(volume, dict):
            source, where = volume["source"], volume["target"]
        else:
            source, where = volume.split(":")[:2]
        if where == target:
            return str(source)
    return f"{name} mounts nothing at {target}"


def test_the_services_are_those_of_the_story() -> None:
    assert tuple(default_compose()["services"]) == SERVICES


@pytest.mark.parametrize(
    ("name", "key", "expected"),
    [
        ("chatwoot", "image", "chatwoot/chatwoot:v4.6.0-ce"),
        ("chatwoot-worker", "image", "chatwoot/chatwoot:v4.6.0-ce"),
        ("chatwoot-prepare", "image", "chatwoot/chatwoot:v4.6.0-ce"),
        ("postgresql", "image", "pgvector/pgvector:pg18"),
        ("redis", "image", "redis:8.2-alpine"),
        ("redis", "user", "999:1000"),
        ("chatwoot-prepare", "init", True),
        ("n8n", "image", "n8nio/n8n:1.112.6"),
        ("n8n-prepare", "image", "n8nio/n8n:1.112.6"),
        ("evolution", "image", "atendai/evolution-api:v2.2.3"),
        ("caddy", "image", "caddy:2.10-alpine"),
        ("chatwoot", "container_name", "chatwoot"),
        ("chatwoot-worker", "container_name", "chatwoot-worker"),
        ("chatwoot-prepare", "container_name", "chatwoot-prepare"),
        ("postgresql", "container_name", "borgstack_postgresql"),
        ("redis", "container_name", "borgstack_redis"),
        ("caddy", "container_name", "borgstack_caddy"),
        ("n8n", "container_name", "n8n"),
        ("n8n-prepare", "container_name", "n8n-prepare"),
        ("evolution", "container_name", "evolution"),
        ("chatwoot-prepare", "restart", "no"),
        ("n8n-prepare", "restart", "no"),
        ("n8n-prepare", "entrypoint", ["tini", "--", "node", "/etc/borgstack/prepare.js"]),
        ("n8n-prepare", "tmpfs", ["/tmp:mode=1777"]),
        ("chatwoot", "networks", ["borgstack_internal", "borgstack_external"]),
        ("chatwoot-worker", "networks", ["borgstack_internal", "borgstack_external"]),
        ("chatwoot-prepare", "networks", ["borgstack_internal", "borgstack_external"]),
        *(
            (name, "networks", ["borgstack_internal", "borgstack_external"])
            for name in ("evolution", "n8n-prepare", "n8n")
        ),
        ("postgresql", "networks", ["borgstack_internal"]),
        ("redis", "networks", ["borgstack_internal"]),
        ("caddy", "networks", ["borgstack_external"]),
        ("postgresql", "stop_grace_period", "90s"),
        ("redis", "stop_grace_period", "30s"),
        ("chatwoot", "stop_grace_period", "30s"),
        ("chatwoot-worker", "stop_grace_period", "40s"),
        ("evolution", "stop_grace_period", "30s"),
        ("n8n", "stop_grace_period", "40s"),
        ("caddy", "ports", [f"0.0.0.0:{port}" for port in ("80:80", "443:443", "443:443/udp")]),
        ("postgresql", "shm_size", "128m"),
    ],
)
def test_a_service_is_as_the_story_and_the_design_say(
    name: str, key: str, expected: object
) -> None:
    assert service(name)[key] == expected


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_every_long_running_service_restarts_unless_stopped(name: str) -> None:
    assert service(name)["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "caddy"])
def test_no_service_but_caddy_is_reachable_through_a_port_of_the_host(name: str) -> None:
    assert "ports" not in service(name)
    assert service(name).get("network_mode") is None


@pytest.mark.parametrize(
    ("name", "target", "source"),
    [
        ("chatwoot", "/app/storage", "borgstack_chatwoot_storage"),
        ("chatwoot", "/app/public", "borgstack_chatwoot_public"),
        ("chatwoot-worker", "/app/storage", "borgstack_chatwoot_storage"),
        ("chatwoot-prepare", "/mnt/public", "borgstack_chatwoot_public"),
        ("postgresql", "/var/lib/postgresql", "borgstack_postgresql_data"),
        ("redis", "/data", "borgstack_redis_data"),
        ("n8n", "/home/node/.n8n", "borgstack_n8n_data"),
        ("evolution", "/evolution/instances", "borgstack_evolution_instances"),
        ("n8n-prepare", "/etc/borgstack", "./config/n8n"),
        ("caddy", "/data", "borgstack_caddy_data"),
        ("caddy", "/config", "borgstack_caddy_config"),
        ("caddy", "/srv/chatwoot", "borgstack_chatwoot_public"),
        ("caddy", "/etc/caddy", "./config/caddy"),
    ],
)
def test_data_lies_in_named_volumes(name: str, target: str, source: str) -> None:
    assert mount(name, target) == source


def test_every_volume_carries_the_prefix_and_is_a_local_one() -> None:
    volumes = default_compose()["volumes"]
    assert volumes == {
        name: {"name": name, "driver": "local"} for name in services.volumes(settings_of())
    }
    assert all(name.startswith("borgstack_") for name in volumes)


def test_every_volume_that_a_service_mounts_is_declared() -> None:
    text = json.dumps(default_compose()["services"])
    used = set(re.findall(r'"(borgstack_[a-z0-9_]+):/|"source": "(borgstack_[a-z0-9_]+)"', text))
    assert {first or second for first, second in used} == set(default_compose()["volumes"])


def test_the_internal_network_leads_nowhere_and_both_carry_the_prefix() -> None:
    assert default_compose()["networks"] == {
        "borgstack_internal": {"name": "borgstack_internal", "internal": True},
        "borgstack_external": {"name": "borgstack_external"},
    }


@pytest.mark.parametrize(
    ("name", "variable", "expected"),
    [
        *((name, "DB_TYPE", "postgresdb") for name in N8N),
        *((name, "DB_POSTGRESDB_DATABASE", "n8n_db") for name in N8N),
        *((name, "DB_POSTGRESDB_USER", "n8n_user") for name in N8N),
        *((name, "N8N_ENCRYPTION_KEY", "${N8N_ENCRYPTION_KEY:?}") for name in N8N),
        *((name, "N8N_BLOCK_ENV_ACCESS_IN_NODE", "true") for name in N8N),
        ("n8n-prepare", "N8N_USER_FOLDER", "/tmp"),
        ("n8n", "WEBHOOK_URL", "https://${N8N_HOST:?}/"),
        ("n8n", "N8N_CONCURRENCY_PRODUCTION_LIMIT", "1"),
        ("n8n", "EXECUTIONS_DATA_SAVE_ON_SUCCESS", "none"),
        ("evolution", "AUTHENTICATION_API_KEY", "${EVOLUTION_API_KEY:?}"),
        ("evolution", "AUTHENTICATION_EXPOSE_IN_FETCH_INSTANCES", "false"),
        (
            "evolution",
            "DATABASE_CONNECTION_URI",
            "postgresql://evolution_user:${EVOLUTION_DB_PASSWORD:?}@postgresql:5432/evolution_db"
            "?schema=public",
        ),
        ("evolution", "CACHE_REDIS_URI", "redis://:${REDIS_PASSWORD:?}@redis:6379/1"),
        ("evolution", "CHATWOOT_ENABLED", "false"),
        ("evolution", "DEL_INSTANCE", "false"),
        ("evolution", "CONFIG_SESSION_PHONE_VERSION", ""),
    ],
)
def test_n8n_and_evolution_have_the_variables_that_matter(
    name: str, variable: str, expected: str
) -> None:
    assert service(name)["environment"][variable] == expected


def test_evolution_is_spared_the_variable_that_its_image_prints() -> None:
    assert "DATABASE_URL" not in service("evolution")["environment"]


@pytest.mark.parametrize("name", RAILS)
@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (
            "DATABASE_URL",
            "postgresql://chatwoot_user:${CHATWOOT_DB_PASSWORD:?}@postgresql:5432/chatwoot_db",
        ),
        ("REDIS_URL", "redis://:${REDIS_PASSWORD:?}@redis:6379"),
        ("SECRET_KEY_BASE", "${CHATWOOT_SECRET_KEY_BASE:?}"),
        ("FRONTEND_URL", "https://${CHATWOOT_HOST:?}"),
        ("FORCE_SSL", "true"),
        ("RAILS_ENV", "production"),
        ("RAILS_LOG_TO_STDOUT", "true"),
        ("SAFE_FETCH_ALLOW_PRIVATE_NETWORK", "true"),
    ],
)
def test_every_rails_process_has_the_storys_variables(
    name: str, variable: str, expected: str
) -> None:
    assert service(name)["environment"][variable] == expected


def test_what_has_to_be_in_chatwoot_reaches_the_process_that_writes_it_down() -> None:
    declared = json.loads(default_project().content("config/chatwoot/application.json"))
    assert declared["installation_name"] == "BorgStack Chatwoot"
    assert "./config/chatwoot:/etc/borgstack:ro" in service("chatwoot-prepare")["volumes"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chatwoot-prepare", {"postgresql": HEALTHY, "redis": HEALTHY}),
        (
            "chatwoot",
            {"postgresql": HEALTHY, "redis": HEALTHY, "chatwoot-prepare": PREPARED},
        ),
        (
            "chatwoot-worker",
            {"postgresql": HEALTHY, "redis": HEALTHY, "chatwoot-prepare": PREPARED},
        ),
        ("evolution", {"postgresql": HEALTHY, "redis": HEALTHY}),
        ("n8n-prepare", {"postgresql": HEALTHY}),
        ("n8n", {"postgresql": HEALTHY, "n8n-prepare": PREPARED}),
        ("caddy", {"chatwoot": HEALTHY}),
        ("postgresql", {}),
        ("redis", {}),
    ],
)
def test_a_service_waits_for_what_it_needs(name: str, expected: dict[str, Any]) -> None:
    assert service(name).get("depends_on", {}) == expected


@pytest.mark.parametrize("name", ["chatwoot", "chatwoot-worker"])
@pytest.mark.parametrize(
    ("key", "expected"),
    [("interval", "30s"), ("timeout", "10s"), ("retries", 5), ("start_period", "90s")],
)
def test_chatwoots_health_check_has_the_storys_times(name: str, key: str, expected: object) -> None:
    assert service(name)["healthcheck"][key] == expected


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("chatwoot", "wget --no-verbose --tries=1 --spider"),
        ("chatwoot", "--header='X-Forwarded-Proto: https' http://127.0.0.1:3000/api || exit 1"),
        ("chatwoot-worker", "http://127.0.0.1:7433/"),
        ("postgresql", "pg_isready -q -h 127.0.0.1"),
        ("redis", "redis-cli ping | grep -qx PONG"),
        ("evolution", "http://127.0.0.1:8080/ | grep -q '\"status\":200'"),
        ("n8n", "http://127.0.0.1:5678/webhook/whatsapp-inbound"),
        ("caddy", "http://127.0.0.1:2019/config/"),
    ],
)
def test_every_long_running_service_asks_itself_how_it_is(name: str, fragment: str) -> None:
    assert fragment in " ".join(service(name)["healthcheck"]["test"])


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_every_health_check_is_complete_and_in_the_table_above(name: str) -> None:
    check = service(name)["healthcheck"]
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(check)


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_can_gain_rights(name: str) -> None:
    assert service(name)["security_opt"] == ["no-new-privileges:true"]
    assert service(name)["cap_drop"] == ["ALL"]
    assert "privileged" not in service(name)


@pytest.mark.parametrize(
    ("name", "rights"),
    [
        ("postgresql", {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"}),
        ("redis", set()),
        ("caddy", {"NET_BIND_SERVICE"}),
        ("chatwoot", set()),
        ("chatwoot-worker", set()),
        ("chatwoot-prepare", set()),
        ("evolution", set()),
        ("n8n-prepare", set()),
        ("n8n", set()),
    ],
)
def test_a_service_keeps_only_the_capabilities_that_its_image_needs(
    name: str, rights: set[str]
) -> None:
    assert set(service(name).get("cap_add", [])) == rights


@pytest.mark.parametrize("name", SERVICES)
def test_no_log_grows_without_end(name: str) -> None:
    assert service(name)["logging"] == {
        "driver": "json-file",
        "options": {"max-size": "10m", "max-file": "3"},
    }


@pytest.mark.parametrize("size", SIZES)
def test_every_service_has_the_memory_limit_of_its_size(size: str) -> None:
    found = compose_of(render(settings_of(size=size)))["services"]
    limits = {name: one["mem_limit"] for name, one in found.items()}
    assert limits == {name: services.memory(size)[name] for name in SERVICES}


def test_an_evolution_that_connects_for_ever_leaves_the_other_half_of_a_core() -> None:
    """Facts 6.3: 67 tries a second where WhatsApp cannot be reached."""
    assert 0.25 <= service("evolution")["cpus"] <= 0.75


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_sees_only_the_secrets_that_are_meant_for_it(
    name: str, full_compose: dict[str, Any]
) -> None:
    meant = {entry.name for entry in ENTRIES if name in entry.readers}
    assert names_in(full_compose["services"][name]) == meant


def test_every_interpolated_name_is_an_entry_of_the_env_file(full_compose: dict[str, Any]) -> None:
    assert names_in(full_compose) <= {entry.name for entry in ENTRIES}


def test_without_a_mail_server_no_service_asks_for_its_password() -> None:
    names = {entry.name for entry in entries.entries_for(settings_of())}
    assert names_in(default_compose()) <= names
    assert "SMTP_ADDRESS" not in service("chatwoot")["environment"]


@pytest.mark.parametrize("name", RAILS)
def test_every_rails_process_can_send_mail_when_there_is_a_server(
    name: str, full_compose: dict[str, Any]
) -> None:
    environment = full_compose["services"][name]["environment"]
    mail = {key: value for key, value in environment.items() if key.startswith("SMTP_")}
    assert mail == {
        "SMTP_ADDRESS": "smtp.example.com",
        "SMTP_PORT": "587",
        "SMTP_DOMAIN": "example.com",
        "SMTP_ENABLE_STARTTLS_AUTO": "true",
        "SMTP_AUTHENTICATION": "plain",
        "SMTP_USERNAME": "chat",
        "SMTP_PASSWORD": "${SMTP_PASSWORD:?}",
    }


def test_at_port_465_mail_goes_over_tls_from_the_start_and_asks_for_no_starttls() -> None:
    given = settings_of(smtp_address="smtp.example.com", smtp_port=465)
    environment = compose_of(render(given))["services"]["chatwoot-worker"]["environment"]
    assert {key: value for key, value in environment.items() if "TLS" in key} == {
        "SMTP_TLS": "true",
        "SMTP_ENABLE_STARTTLS_AUTO": "false",
    }


def test_a_mail_server_without_a_login_gets_none() -> None:
    compose = compose_of(render(settings_of(smtp_address="smtp.example.com")))
    environment = compose["services"]["chatwoot"]["environment"]
    assert environment["SMTP_ADDRESS"] == "smtp.example.com"
    assert not {"SMTP_AUTHENTICATION", "SMTP_USERNAME", "SMTP_PASSWORD"} & set(environment)


@pytest.mark.parametrize("name", SERVICES)
def test_no_variable_that_sounds_secret_has_a_literal_value(
    name: str, full_compose: dict[str, Any]
) -> None:
    for key, value in full_compose["services"][name].get("environment", {}).items():
        sounds = re.search(r"PASSWORD|SECRET|TOKEN|AUTH$|_KEY$|_UR[IL]$", key)
        if sounds and key not in {"FRONTEND_URL", "CACHE_REDIS_PREFIX_KEY"}:
            assert re.search(r"\$\{[A-Z0-9_]+:\?\}", value), key


def test_a_secret_that_is_missing_stops_compose_instead_of_being_empty(
    full_compose: dict[str, Any],
) -> None:
    text = json.dumps(full_compose)
    assert len(re.findall(r"\$\{[A-Z0-9_]+:\?\}", text)) == len(re.findall(r"(?<!\$)\$\{", text))


@pytest.mark.parametrize("name", ["postgresql", "redis", "chatwoot-prepare", "n8n-prepare"])
def test_a_change_of_mounted_files_changes_the_services_configuration(name: str) -> None:
    changed = compose_of(render(settings_of(size="8gb")))["services"]
    before = service(name)["labels"]["borgstack.files"]
    assert re.fullmatch(r"[0-9a-f]{16}", before)
    same = name in ONE_SHOTS  # their files do not depend on the size
    assert (changed[name]["labels"]["borgstack.files"] == before) is same


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("chatwoot-prepare", {"account_name": "Other"}),
        ("n8n-prepare", {"own_workflows": ["replies"]}),
        ("n8n-prepare", {"whatsapp_instance": "other"}),
    ],
)
def test_what_a_one_shot_is_told_otherwise_makes_it_run_again(
    name: str, data: dict[str, object]
) -> None:
    changed = compose_of(render(settings_of(**data)))["services"][name]
    assert changed["labels"] != service(name)["labels"]


def test_threads_follow_the_size() -> None:
    services = compose_of(render(settings_of(size="16gb")))["services"]
    assert services["chatwoot"]["environment"]["RAILS_MAX_THREADS"] == "10"
    assert services["chatwoot-worker"]["environment"]["SIDEKIQ_CONCURRENCY"] == "20"
