"""The judges of `borgstack verify`: each passes on a host where all is well, fails on what it is
there for, and is skipped, never passed, where it cannot know.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from borgstack import services
from borgstack.checks import CHECKS, CONVERSATION, DELIVERY, FLOW, Check, Verdict, judge
from borgstack.checks.conversation import STEPS
from borgstack.checks.whatsapp import LEGS, SWITCHED_OFF, Leg
from borgstack.evidence import (
    Answer,
    Certificate,
    Evidence,
    ExternalObservation,
    HostObservation,
    parse,
)
from borgstack.project import render
from borgstack.verdict import Result
from tests.unit.support import default_project, settings_of
from tests.unit.told import values

NOW = 1_800_000_000
DAY = 24 * 3600
WEB: dict[str, Any] = {
    "api": {
        "status": 200,
        "version": "4.6.0",
        "queue_services": "ok",
        "data_services": "ok",
    },
    "token": True,
    "profile": {
        "status": 200,
        "email": "ops@example.com",
        "accounts": [{"id": 1, "role": "administrator"}],
    },
    "agents": {"status": 200, "array": True, "count": 3, "role": "administrator"},
    "wrong_token": 401,
    "signup": {"/api/v1/accounts": 404, "/api/v2/accounts": 404},
    "widget": {"x-frame-options": None, "content-security-policy": None},
    "migrations": ["20230101000000", "20250916024703"],
}
SERVICES = (
    "postgresql",
    "redis",
    "chatwoot",
    "chatwoot-worker",
    "evolution",
    "n8n",
    "caddy",
)
CONTAINERS = {
    "postgresql": "borgstack_postgresql",
    "redis": "borgstack_redis",
    "caddy": "borgstack_caddy",
}


def fit_lines() -> list[str]:
    """What `verify_state.sh` prints where all is well, with a container and a disk of another's."""
    lines = [
        f"clock {NOW}.5",
        "disk /|20000000000|40000000000|1000000|2000000",
        "env regular file|600|0|0",
        "ssh 2222",
        "listen 0.0.0.0:22 sshd",
        "listen *:2222 systemd",
        "listen 127.0.0.53%lo:53 systemd-resolve",
        "listen [::1]:25 master",
        "listen *:443 docker-proxy",
        "engine running",
        "container /mine|||running|0||0|2026-11-22T11:54:58.476876752Z|9|mine",
        "container /prepare|borgstack|chatwoot-prepare|exited|0||0|2026-11-22T11:54:46Z|0|",
        "container /n8n-prepare|borgstack|n8n-prepare|exited|0||0|2026-11-22T11:54:47Z|0|",
        "published /borgstack_caddy|443/udp|0.0.0.0|443",
        "published /mine|80/tcp|127.0.0.1|8080",
        "migrated 20230101000000 20250916024703",
        "redis ping PONG",
        "redis policy noeviction",
        "redis info used_memory 30000000",
        "redis info maxmemory 67108864",
        "redis info rdb_last_bgsave_status ok",
        "redis info aof_enabled 1",
        "redis info aof_last_bgrewrite_status ok",
        "redis info aof_last_write_status ok",
        f"redis now {NOW}",
        "redis onboarding 0",
        f"redis renewed {NOW - 100}",
        f"redis next {NOW + 200}.5",
        f"redis process worker:1:abc {NOW - 5}.25 false",
        f"redis queue default 2 {NOW - 3}",
        f"redis queue sidekiq-alive-killed 1 {NOW - 9000}",
        f"web {json.dumps(WEB)}",
        "alive yes",
        "smtp ok",
        'state evolution {"status": "open", "number": "4321", "secret": true, '
        '"since": "2026-11-22T10:00:00.000Z"}',
        'n8n {"listens": {"inbound": true, "replies": true}, "claimable": false}',
        "wired true",
        "executions read",
        "disk /var/lib/docker|20000000000|40000000000|0|0",
    ]
    for number, service in enumerate(SERVICES):
        name = CONTAINERS.get(service, service)
        lines += [
            f"container /{name}|borgstack|{service}|running|0|healthy|0|2026-11-22T11:54:58Z|9|h",
            f"memory {name}|100000000|400000000|0",
        ]
        lines += [
            f"volume {service}|{volume}|{path}|1:{number}|1:{number}"
            for owner, path, volume in MOUNTS
            if owner == service
        ]
    return lines


MOUNTS = [(one.container, one.path, one.volume) for one in services.mounts(settings_of())]
UNKNOWN_TOKEN = '{"error":"web widget does not exist"}'
PAGE = Answer(
    200,
    {
        "x-frame-options": "SAMEORIGIN",
        "x-content-type-options": "nosniff",
        "referrer-policy": "strict-origin-when-cross-origin",
        "strict-transport-security": "max-age=63072000; includeSubDomains",
    },
    "<title>Chatwoot</title>",
)
OUTSIDE = ExternalObservation(
    address="192.0.2.10",
    answers={
        "page": PAGE,
        "plain": Answer(308, {"location": "https://chatwoot.example.com/app"}),
        "api": Answer(200, {}, json.dumps(WEB["api"])),
        "agents": Answer(401),
        "script": Answer(200, {"content-type": "text/javascript"}),
        "widget": Answer(404, {}, UNKNOWN_TOKEN),
        "onboarding": Answer(404),
        "super_admin": Answer(
            302, {"location": "https://chatwoot.example.com/super_admin/sign_in"}
        ),
        "signup v1": Answer(404),
        "signup v2": Answer(404),
        "signup auth": Answer(404),
    },
    certificate=Certificate(("chatwoot.example.com",), NOW - 30 * DAY, NOW + 60 * DAY),
    websocket="101 welcome",
    ports={443: True, 5432: False, 6379: False},
)
HERE = (NOW - 1, NOW + 2)


def inside(*changes: tuple[str, str], drop: str = "no such line") -> HostObservation:
    """The inside of a host where `changes` replace one text by another, and lines are gone."""
    text = "\n".join(line for line in fit_lines() if not line.startswith(drop))
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return replace(parse(text.splitlines()), asked=HERE)


def web(**changes: object) -> HostObservation:
    return replace(inside(), web={**WEB, **changes})


def answers(**changes: Answer | str) -> ExternalObservation:
    named = {name.replace("__", " "): value for name, value in changes.items()}
    return replace(OUTSIDE, answers={**OUTSIDE.answers, **named})


def page(**headers: str) -> ExternalObservation:
    own = {name.replace("_", "-"): value for name, value in headers.items()}
    return answers(page=replace(PAGE, headers={**PAGE.headers, **own}))


def verdict(
    name: str,
    seen_inside: HostObservation,
    seen_outside: ExternalObservation = OUTSIDE,
    **settings: object,
) -> Verdict:
    (check,) = (check for check in CHECKS if check.name == name)
    project = render(settings_of(**settings)) if settings else default_project()
    return judge(check, project, Evidence(seen_inside, seen_outside, NOW))


@pytest.mark.parametrize("name", [check.name for check in CHECKS])
def test_all_is_well_where_all_is_well(name: str) -> None:
    settings = {"smtp_address": "mail.example.com"} if name == "mail" else {}
    assert verdict(name, inside(), **settings).result is Result.PASSED


JUST_NOW = "2027-01-15T07:59:00"
INSIDE: list[tuple[str, HostObservation, str]] = [
    ("running", inside(("engine running", "engine stopped")), "stopped"),
    ("running", inside(("engine running", "engine missing")), "missing"),
    ("running", inside(drop="container /chatwoot-worker"), "chatwoot-worker"),
    ("running", inside(("redis|running", "redis|paused")), "borgstack_redis paused"),
    ("running", inside(("exited|0", "exited|1")), "chatwoot-prepare exited 1"),
    ("healthy", inside(("caddy|running|0|healthy", "caddy|running|0|unhealthy")), "borgstack_caddy unhealthy"),  # noqa: E501
    ("healthy", inside(("caddy|running|0|healthy", "caddy|running|0|starting")), "borgstack_caddy starting"),  # noqa: E501
    ("healthy", inside(("caddy|running|0|healthy", "caddy|running|0|")), "borgstack_caddy health check"),  # noqa: E501
    ("schema", inside(("migrated 20230101000000 ", "migrated ")), "20230101000000"),
    ("schema", inside(("migrated 20230101000000 20250916024703", "migrated ")), "nothing 2"),
    ("schema", web(migrations=[]), "neither"),
    ("schema", web(api={"data_services": "failing"}), "failing"),
    ("schema", inside(drop="migrated"), "none"),
    ("jobs", inside(("PONG", "NOAUTH Authentication required.")), "NOAUTH"),
    ("jobs", inside(("noeviction", "allkeys-lru")), "allkeys-lru"),
    ("jobs", inside(("bgsave_status ok", "bgsave_status err")), "rdb_last_bgsave_status:err"),
    ("jobs", inside(("write_status ok", "write_status err")), "aof_last_write_status:err"),
    ("jobs", inside(("rewrite_status ok", "rewrite_status err")), "aof_last_bgrewrite_status:err"),
    ("jobs", inside(("used_memory 30000000", "used_memory 60397978")), "90% 64 MB"),
    ("jobs", inside(("alive yes", "alive no")), "7433"),
    ("jobs", inside((f"{NOW - 5}.25 false", f"{NOW - 61} false")), "60"),
    ("jobs", inside((f"{NOW - 5}.25 false", f"{NOW - 5}.25 true")), "quiet"),
    ("jobs", inside(drop="redis renewed"), "trace"),
    ("jobs", inside((f"renewed {NOW - 100}", f"renewed {NOW - 421}")), "421"),
    (
        "jobs",
        inside(
            ("chatwoot-worker|running|0|healthy|0|2026-11-22T11:54:58", f"chatwoot-worker|running|0|healthy|0|{JUST_NOW}"),  # noqa: E501
            (f"renewed {NOW - 100}", f"renewed {NOW - 55}"),
            drop="redis next",
        ),
        "start",
    ),
    ("jobs", inside((f"default 2 {NOW - 3}", f"default 2 {NOW - 301}")), "default 301"),
    ("jobs", inside(drop="redis "), "none"),
    ("jobs", inside(drop="alive"), "none"),
    ("volumes", inside(("volume redis|borgstack_redis_data", "volume redis|0a1b2c")), "redis:/data 0a1b2c"),  # noqa: E501
    ("volumes", inside(drop="volume redis|"), "redis:/data no"),
    ("volumes", inside(drop="volume n8n|"), "n8n:/home/node/.n8n no"),
    ("volumes", inside(("/app/public|1:2|1:2", "/app/public|1:2|7:9")), "borgstack_chatwoot_public another"),  # noqa: E501
    ("volumes", inside(("/app/public|1:2|1:2", "/app/public|-|-")), "borgstack_chatwoot_public another"),  # noqa: E501
    ("agents", web(agents={"status": 401, "array": False}), "inside 401"),
    ("agents", web(agents={"status": 200, "array": False}), "inside array"),
    ("agents", web(agents=None), "inside no answer"),
    ("agents", web(agents={"status": 200, "array": True, "count": 0, "role": None}), "missing"),
    ("agents", inside(drop="web"), "none"),
    ("agents", web(error="Errno::ECONNREFUSED"), "none"),
    ("token", web(token=False), "CHATWOOT_API_TOKEN"),
    ("token", web(profile={"status": 401}), "401"),
    ("token", web(profile={**WEB["profile"], "email": "eve@example.com"}), "eve@example.com"),
    ("token", web(profile={**WEB["profile"], "accounts": []}), "administrator no"),
    ("token", web(wrong_token=200), "wrong 200"),
    ("exposed", inside(("*:443 docker-proxy", "0.0.0.0:5432 docker-proxy")), "5432 0.0.0.0"),
    ("exposed", inside(("80/tcp|127.0.0.1|8080", "80/tcp|0.0.0.0|8080")), "mine tcp"),
    ("exposed", inside(("80/tcp|127.0.0.1|8080", "80/udp|::|53")), "53 mine udp"),
    ("clock", replace(inside(), asked=(NOW - 20, NOW - 18)), "18 ahead"),
    ("clock", replace(inside(), asked=(NOW + 18, NOW + 20)), "18 behind"),
    ("disk", inside(("disk /|20000000000", "disk /|2000000000")), "/ 1.9 GB"),
    ("disk", inside(("|1000000|2000000", "|90000|2000000")), "90000 2000000"),
    ("disk", inside(drop="disk"), "df"),
    ("env", inside(("file|600|0|0", "file|640|0|0")), "file|640|0|0"),
    ("env", inside(("env regular file|600|0|0", "env missing")), "missing"),
    ("memory", inside(("borgstack_redis|100000000|", "borgstack_redis|390000000|")), "98% 381"),
    ("memory", inside(("memory chatwoot|100000000|400000000|0", "memory chatwoot|1|2|3")), "lost"),
    ("memory", inside(("redis|running", "redis|restarting")), "borgstack_redis restarted"),
    ("memory", inside(drop="memory chatwoot|"), "chatwoot"),
    ("whatsapp", inside(('"inbound": true', '"inbound": false')), "inbound"),
    ("whatsapp", inside(('"replies": true', '"replies": false')), "replies"),
    ("whatsapp", inside(('"status": "open", "number": "4321"', '"status": null')), "whatsapp"),
    ("whatsapp", inside(('"secret": true', '"secret": true, "former": ["sales"]')), "sales"),
    ("whatsapp", inside(('"open"', '"close"')), "close 2026-11-22T10:00:00.000Z 4321"),
    ("whatsapp", inside(drop="n8n"), "none"),
    ("whatsapp", inside(drop="state evolution"), "none"),
    ("n8n_owner", inside(('"claimable": false', '"claimable": true')), "owner"),
    ("executions", inside(("executions", "failed 3|x|WhatsApp to Chatwoot\nexecutions")), "3 WhatsApp Chatwoot"),  # noqa: E501
    ("executions", inside(drop="executions"), "none"),
    (
        "memory",
        inside(("caddy|running|0|healthy|0|2026-11-22T11:54:58", f"caddy|running|0|healthy|4|{JUST_NOW}")),  # noqa: E501
        "borgstack_caddy 4",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen", "named"), INSIDE)
def test_a_fault_inside_is_told_with_what_to_do(
    name: str, seen: HostObservation, named: str
) -> None:
    found = verdict(name, seen)
    assert found.result is Result.FAILED
    assert set(named.split()) <= values(found.seen), found.seen
    assert found.expected
    assert found.next


LOADING = "LOADING Redis is loading the dataset in memory"
REFUSED = replace(inside(), jobs=parse([f"redis ping {LOADING}", f"redis {LOADING}"]).jobs)
"""A Redis that answers nothing of what it was asked."""


def test_a_redis_that_cannot_be_asked_is_all_that_is_told() -> None:
    """Not that the onboarding is open, nor that the worker is dead."""
    jobs = verdict("jobs", REFUSED)
    assert (jobs.result, jobs.seen.count(";")) == (Result.FAILED, 0)
    assert {*LOADING.split(), "PONG"} <= values(jobs.seen)
    flag = verdict("onboarding", REFUSED)
    assert (flag.result, flag.seen.count(";")) == (Result.FAILED, 0)
    assert {"inside", "Redis"} <= values(flag.seen)
    silent = verdict("jobs", inside(drop="redis now"))
    assert (silent.result, silent.seen.count(";")) == (Result.FAILED, 0)
    assert {"Redis", "Sidekiq's"} <= values(silent.seen)


def certified(**changes: Any) -> ExternalObservation:  # noqa: ANN401 - fields of a certificate
    assert isinstance(OUTSIDE.certificate, Certificate)
    return replace(OUTSIDE, certificate=replace(OUTSIDE.certificate, **changes))


OUTSIDES: list[tuple[str, ExternalObservation, str]] = [
    ("ui", replace(OUTSIDE, silent="Connection refused"), "Connection refused"),
    ("ui", answers(page=Answer(502)), "502"),
    (
        "ui",
        answers(page=Answer(302, {"location": "/installation/onboarding"})),
        "302 /installation/onboarding",
    ),
    ("ui", answers(page=Answer(200, {}, "It works")), "Chatwoot's"),
    ("api", answers(api=Answer(503)), "503"),
    ("api", answers(api="timed out"), "timed out"),
    ("api", answers(api=Answer(200, {}, "[]")), "queue_services missing"),
    ("api", answers(api=Answer(200, {}, "<html>")), "data_services missing"),
    (
        "api",
        answers(api=Answer(200, {}, '{"queue_services":"failing","data_services":"ok"}')),
        "queue_services failing",
    ),
    ("agents", answers(agents=Answer(200)), "without 200"),
    ("redirect", answers(plain="Connection refused"), "Connection refused"),
    ("redirect", answers(plain=Answer(200)), "200"),
    (
        "redirect",
        answers(plain=Answer(302, {"location": "https://chatwoot.example.com/app"})),
        "302",
    ),
    (
        "redirect",
        answers(plain=Answer(308, {"location": "https://example.net/app"})),
        "308 https://example.net/app",
    ),
    ("certificate", replace(OUTSIDE, certificate="certificate has expired"), "expired"),
    ("certificate", replace(OUTSIDE, certificate=""), "no answer"),
    ("certificate", certified(names=("example.com",)), "example.com"),
    ("certificate", certified(names=("*.com",)), "*.com"),
    ("certificate", certified(names=("*.chatwoot.example.com",)), "*.chatwoot.example.com"),
    (
        "certificate",
        certified(not_before=NOW - 77 * DAY, not_after=NOW + 13 * DAY),
        "13.0",
    ),
    ("certificate", certified(not_before=NOW - DAY / 2, not_after=NOW + DAY / 24), "0.0"),
    ("headers", page(x_frame_options="ALLOWALL"), "x-frame-options ALLOWALL"),
    ("headers", page(referrer_policy=""), "referrer-policy"),
    ("headers", page(strict_transport_security="max-age=300"), "max-age=300"),
    ("headers", page(strict_transport_security=""), "strict-transport-security"),
    ("widget", answers(script=Answer(404)), "/packs/js/sdk.js 404"),
    ("widget", answers(script=Answer(200, {"content-type": "text/html"})), "text/html"),
    ("widget", answers(widget="timed out"), "/widget timed"),
    ("widget", answers(widget=Answer(502)), "/widget 502"),
    ("widget", answers(widget=Answer(429, {}, "Retry later")), "/widget 429 limited"),
    ("widget", answers(widget=Answer(404, {}, "Not Found")), "/widget 404"),
    ("widget", answers(widget=Answer(403, {}, UNKNOWN_TOKEN)), "/widget 403"),
    ("widget", answers(widget=Answer(302, {"location": "/app"})), "/widget 302"),
    ("widget", answers(widget=Answer(200, {"x-frame-options": "DENY"})), "x-frame-options DENY"),
    (
        "widget",
        answers(widget=Answer(200, {"content-security-policy": "frame-ancestors 'self'"})),
        "frame-ancestors",
    ),
    ("websocket", replace(OUTSIDE, websocket="HTTP/1.1 404 Not Found"), "404"),
    ("websocket", replace(OUTSIDE, websocket=""), "no answer"),
    ("onboarding", answers(onboarding=Answer(200)), "/installation/onboarding 200"),
    ("onboarding", answers(onboarding=Answer(502)), "502"),
    (
        "onboarding",
        answers(page=Answer(302, {"location": "/installation/onboarding"})),
        "/ /installation/onboarding",
    ),
    ("signup", answers(signup__v1=Answer(422)), "POST /api/v1/accounts 422"),
    ("signup", answers(signup__v2=Answer(200)), "POST /api/v2/accounts 200"),
    ("signup", answers(signup__auth=Answer(429)), "POST /auth 429"),
    ("super_admin", answers(super_admin=Answer(200)), "200"),
    ("super_admin", answers(super_admin=Answer(302, {"location": "/app"})), "302 /app"),
    ("ports", replace(OUTSIDE, ports={443: True, 6379: True}), "6379"),
]


def test_a_wildcard_certificate_is_for_the_names_one_label_below() -> None:
    seen = certified(names=("example.com", "*.example.com"))
    assert verdict("certificate", inside(), seen).result is Result.PASSED


@pytest.mark.parametrize(("name", "seen", "named"), OUTSIDES)
def test_a_fault_seen_from_outside_is_told_with_what_to_do(
    name: str, seen: ExternalObservation, named: str
) -> None:
    found = verdict(name, inside(), seen)
    assert found.result is Result.FAILED
    assert set(named.split()) <= values(found.seen), found.seen
    assert found.expected
    assert found.next


def test_chatwoots_own_switches_count_beside_caddys() -> None:
    flagged = verdict("onboarding", inside(("onboarding 0", "onboarding 1")))
    assert "flag stands" in flagged.seen
    open_inside = web(signup={"/api/v1/accounts": 422, "/api/v2/accounts": 404})
    assert "inside: POST /api/v1/accounts: 422" in verdict("signup", open_inside).seen


def test_a_page_that_chatwoot_itself_forbids_to_frame_is_no_fault_of_the_way() -> None:
    own = {"x-frame-options": "SAMEORIGIN", "content-security-policy": None}
    seen = answers(widget=Answer(404, {"x-frame-options": "SAMEORIGIN"}, UNKNOWN_TOKEN))
    assert verdict("widget", web(widget=own), seen).result is Result.PASSED


@pytest.mark.parametrize(("header", "result"), [("SAMEORIGIN", "passed"), ("DENY", "failed")])
def test_without_a_look_inside_a_refusals_own_header_is_no_fault(header: str, result: str) -> None:
    """Seen on the real one by a login without root: Rails gives its default to every refusal."""
    seen = answers(widget=Answer(404, {"x-frame-options": header}, UNKNOWN_TOKEN))
    assert verdict("widget", replace(inside(), web=None), seen).result.value == result


def test_a_certificate_that_lives_for_hours_has_to_last_a_sixth_of_them() -> None:
    twelve_hours = certified(not_before=NOW - 9 * 3600, not_after=NOW + 3 * 3600)
    assert verdict("certificate", inside(), twelve_hours).result is Result.PASSED


def test_a_job_of_the_first_minute_is_proven_by_the_next_one() -> None:
    young = (
        "worker|running|0|healthy|0|2026-11-22T11:54:58",
        f"worker|running|0|healthy|0|{JUST_NOW}",
    )
    assert verdict("jobs", inside(young)).result is Result.PASSED


def test_a_redis_without_a_limit_or_an_append_only_file_of_its_own_is_not_full_or_broken() -> None:
    off = (("aof_enabled 1", "aof_enabled 0"), ("last_write_status ok", "last_write_status err"))
    assert verdict("jobs", inside(*off)).result is Result.PASSED
    assert verdict("jobs", inside(("maxmemory 67108864", "maxmemory 0"))).result is Result.PASSED
    full = inside(("used_memory 30000000", "used_memory 60397977"))
    assert verdict("jobs", full).result is Result.PASSED


def test_what_to_do_is_told_of_the_one_that_is_ill() -> None:
    redis = inside(("bgsave_status ok", "bgsave_status err"), ("alive yes", "alive no"))
    assert "borgstack_redis" in verdict("jobs", redis).next
    assert "borgstack_redis" not in verdict("jobs", inside(("alive yes", "alive no"))).next


def test_what_fails_at_the_mail_server_is_told() -> None:
    found = verdict(
        "mail", inside(("smtp ok", "smtp Errno::ECONNREFUSED")), smtp_address="mail.example.com"
    )
    assert (found.result, found.seen) == (Result.FAILED, "Errno::ECONNREFUSED")
    assert "mail.example.com:587" in found.expected


def test_of_a_mail_server_that_speaks_tls_at_once_that_is_expected() -> None:
    seen = inside(("smtp ok", "smtp OpenSSL::SSL::SSLError: certificate verify failed"))
    found = verdict("mail", seen, smtp_address="mail.example.com", smtp_port=465)
    assert {"mail.example.com:465", "TLS"} <= values(found.expected)
    assert "certificate" in found.next


@pytest.mark.parametrize("name", ["exposed", "ports"])
def test_ports_of_ones_own_are_allowed_by_a_setting(name: str) -> None:
    seen = replace(OUTSIDE, ports={443: True, 6379: True})
    mine = inside(("*:443 docker-proxy", "0.0.0.0:6379 docker-proxy"))
    assert verdict(name, mine, seen).result is Result.FAILED
    assert verdict(name, mine, seen, allowed_ports=[6379]).result is Result.PASSED


BLIND = replace(
    HostObservation(blind="the login user joe is not root"), clock=NOW + 0.5, asked=HERE
)
NO_ENGINE = inside(("engine running", "engine stopped"))
NO_CHATWOOT = replace(inside(("|chatwoot|running", "|chatwoot|exited")), web=None)
NO_REDIS = replace(inside(("redis|running", "redis|exited")), jobs=None)
NO_N8N = inside(("|n8n|running", "|n8n|exited"), drop="n8n")
NO_EVOLUTION = inside(("|evolution|running", "|evolution|exited"), drop="state evolution")
DARK = ExternalObservation(silent="Connection refused")
SKIPS: list[tuple[str, HostObservation, ExternalObservation, str]] = [
    *((name, BLIND, OUTSIDE, "joe root") for name in ("running", "env", "exposed", "jobs", "schema", "mail")),  # noqa: E501
    *((name, NO_ENGINE, OUTSIDE, "`running`") for name in ("healthy", "volumes", "memory", "jobs", "schema")),  # noqa: E501
    *((name, NO_CHATWOOT, OUTSIDE, "`running`") for name in ("schema", "agents", "token")),
    ("jobs", NO_REDIS, OUTSIDE, "`running`"),
    *((name, inside(), DARK, "`ui`") for name in ("api", "headers", "widget", "websocket", "onboarding", "signup", "super_admin")),  # noqa: E501
    ("ports", inside(), DARK, "closed"),
    ("healthy", replace(inside(), containers={}), OUTSIDE, "`running`"),
    ("agents", web(token=False), OUTSIDE, "CHATWOOT_API_TOKEN"),
    ("clock", replace(inside(), clock=None), OUTSIDE, "host"),
    ("mail", inside(), OUTSIDE, "smtp_address"),
    ("whatsapp", inside(('"open", "number": "4321"', '"close", "number": ""')), OUTSIDE, "paired pair"),  # noqa: E501
    ("whatsapp", NO_N8N, OUTSIDE, "n8n `running`"),
    ("whatsapp", NO_EVOLUTION, OUTSIDE, "evolution `running`"),
    ("n8n_owner", NO_N8N, OUTSIDE, "`running`"),
    *((name, NO_ENGINE, OUTSIDE, "`running`") for name in ("whatsapp", "n8n_owner", "executions")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "seen_inside", "seen_outside", "named"), SKIPS)
def test_what_cannot_be_known_is_skipped_with_the_reason(
    name: str, seen_inside: HostObservation, seen_outside: ExternalObservation, named: str
) -> None:
    found = verdict(name, seen_inside, seen_outside)
    assert found.result is Result.SKIPPED
    assert set(named.split()) <= values(found.reason), found.reason


@pytest.mark.parametrize("check", [check for check in (*CHECKS, FLOW) if check.whatsapp])
def test_where_whatsapp_is_switched_off_nothing_is_judged_of_it(check: Check) -> None:
    found = judge(
        check,
        render(settings_of(whatsapp=False)),
        Evidence(HostObservation(), ExternalObservation(), NOW),
    )
    assert (found.result, found.reason) == (Result.SKIPPED, SWITCHED_OFF)


def test_nothing_passes_where_nothing_was_seen() -> None:
    seen = Evidence(HostObservation(), ExternalObservation(), NOW)
    passed = [
        check.name
        for check in CHECKS
        if judge(check, default_project(), seen).result is Result.PASSED
    ]
    assert passed == []


def test_every_check_is_seen_red_here() -> None:
    red = {name for name, _, _ in (*INSIDE, *OUTSIDES)} | {"mail"}
    assert red == {check.name for check in CHECKS}


def test_the_volumes_are_those_of_the_compose_file() -> None:
    compose = yaml.safe_load(default_project().content("docker-compose.yml"))
    mounts = {}
    for service, one in compose["services"].items():
        for mount in one.get("volumes", ()):
            if isinstance(mount, dict):
                mounts[service, mount["target"]] = mount["source"]
            elif not mount.startswith("./"):
                source, path = mount.split(":")[:2]
                mounts[service, path] = source
    without_prepare = {key: name for key, name in mounts.items() if key[0] != "chatwoot-prepare"}
    assert {(owner, path, volume) for (owner, path), volume in without_prepare.items()} == {*MOUNTS}


def test_the_storys_tests_are_the_first_eight_in_order() -> None:
    assert [check.story for check in CHECKS] == [*range(1, 9), *[None] * (len(CHECKS) - 8)]


FLOWED = {"token": True, "in": True, "out": True, "seen": True, "arrived": True, "removed": True}
CONVERSATIONS: list[tuple[dict[str, object], str]] = [
    *(({step: False}, words) for step, words in STEPS.items()),
    ({"error": "Post /api answers 500"}, "Post /api answers 500"),
    (dict.fromkeys(STEPS, False), STEPS["in"]),
]


def conversation(said: dict[str, object] | None) -> Verdict:
    return judge(CONVERSATION, default_project(), Evidence(inside(), OUTSIDE, NOW, said))


@pytest.mark.parametrize(("change", "seen"), CONVERSATIONS)
def test_a_conversation_that_does_not_flow_says_where_it_ended(
    change: dict[str, object], seen: str
) -> None:
    assert conversation({**FLOWED}).result is Result.PASSED
    found = conversation({**FLOWED, **change})
    assert (found.result, found.seen) == (Result.FAILED, seen)
    assert found.expected
    assert found.next


def test_each_step_of_a_conversation_has_words_of_its_own() -> None:
    assert set(STEPS) == {"in", "out", "seen", "arrived"} < set(FLOWED)
    assert len(set(STEPS.values())) == len(STEPS)


def test_what_a_conversation_leaves_behind_is_told() -> None:
    found = conversation({**FLOWED, "removed": False})
    assert found.result is Result.FAILED
    assert "borgstack-verify" in values(found.seen)
    assert "borgstack verify --conversation" in found.next


def test_a_conversation_is_had_only_when_asked_for() -> None:
    assert "--conversation" in conversation(None).reason
    assert CONVERSATION not in CHECKS


SERVER = {"server": "mail.example.com:587"}
MAILS: list[tuple[dict[str, object], str, str]] = [
    ({"step": "settings", "error": "no SMTP_ADDRESS"}, "no SMTP_ADDRESS", "deploy"),
    (
        {"step": "connection", "error": "Errno::EPIPE"},
        "mail.example.com:587 Errno::EPIPE",
        "smtp_port",
    ),
    (
        {"step": "connection", "refused": "554 no"},
        "mail.example.com:587 connection 554",
        "smtp_port",
    ),
    ({"step": "login", "refused": "535 no"}, "mail.example.com:587 login 535", "smtp_password"),
    ({"step": "sender", "refused": "553 no"}, "mail.example.com:587 sender 553", "mail_sender"),
    (
        {"step": "recipient", "refused": "550 no"},
        "mail.example.com:587 recipient 550",
        "the address",
    ),
    ({"step": "text", "refused": "552 no"}, "mail.example.com:587 text 552", "answer says why"),
    ({"error": "unsent"}, "unsent", "docker logs"),
    ({}, "chatwoot-worker", "docker logs"),
]


def mailed(said: dict[str, object] | None, **settings: object) -> Verdict:
    project = render(settings_of(**settings))
    return judge(DELIVERY, project, Evidence(inside(), OUTSIDE, NOW, delivery=said))


@pytest.mark.parametrize(("said", "named", "next_step"), MAILS)
def test_a_mail_that_is_not_taken_says_why_and_what_to_do(
    said: dict[str, object], named: str, next_step: str
) -> None:
    found = mailed({**SERVER, **said}, smtp_address="mail.example.com")
    assert found.result is Result.FAILED
    assert set(named.split()) <= values(found.seen), found.seen
    assert next_step in found.next
    assert "mail.example.com:587" in values(found.expected)


def test_a_mail_that_is_taken_passes_with_the_servers_answer() -> None:
    said: dict[str, object] = {**SERVER, "step": "text", "accepted": "250 ok"}
    found = mailed(said, smtp_address="mail.example.com")
    assert found == Verdict(Result.PASSED, note="mail.example.com:587 says 250 ok")


def test_a_mail_is_sent_only_when_asked_for_and_where_there_is_a_server() -> None:
    assert mailed(None).result is Result.SKIPPED
    assert "smtp_address" in values(mailed(None).reason)
    assert DELIVERY not in CHECKS


WENT = {"taken": True, "in": 412, "out": 903, "told": True, "removed": True}
FLOWS: list[tuple[dict[str, object], Leg, str, str]] = [
    ({"taken": False}, Leg.TAKEN, "", "logs --tail 50 evolution"),
    ({"taken": False, "error": "no inbox"}, Leg.TAKEN, "no inbox", "logs --tail 50 evolution"),
    ({"in": None, "n8n": 403}, Leg.DELIVERED, "403", "403: "),
    ({"in": None, "n8n": 0}, Leg.DELIVERED, "", "logs --tail 50 n8n"),
    ({"in": None, "n8n": 200}, Leg.IN, "", "logs --tail 50 n8n"),
    ({"in": None, "error": "GET /x answers 500"}, Leg.IN, "GET /x 500", "logs --tail 50 n8n"),
    ({"out": None}, Leg.OUT, "", "logs --tail 50 chatwoot-worker"),
    ({"out": None, "refused": "WhatsApp: no (400)"}, Leg.OUT, "WhatsApp 400", "chatwoot-worker"),
    ({"told": False}, Leg.TOLD, "", "logs --tail 50 n8n"),
    ({"removed": False}, Leg.REMOVED, "", "--whatsapp again"),
    ({"error": "Delete /x answers 500"}, Leg.REMOVED, "Delete /x 500", "logs --tail 50 evolution"),
]


def flow(said: dict[str, object] | None) -> Verdict:
    return judge(FLOW, default_project(), Evidence(inside(), OUTSIDE, NOW, flow=said))


@pytest.mark.parametrize(("change", "leg", "named", "next"), FLOWS)
def test_a_message_that_does_not_flow_says_on_which_leg(
    change: dict[str, object], leg: Leg, named: str, next: str
) -> None:
    found = flow({**WENT, **change})
    assert (found.result, found.expected) == (Result.FAILED, LEGS[leg])
    assert set(named.split()) <= values(found.seen), found.seen
    assert found.seen
    assert next in found.next


def test_a_message_that_flows_says_how_long_it_took() -> None:
    assert flow({**WENT}).result is Result.PASSED
    assert {"412", "903"} <= values(flow({**WENT}).note)


def test_each_leg_has_words_of_its_own() -> None:
    assert set(LEGS) == set(Leg) == {leg for _, leg, _, _ in FLOWS}
    assert len(set(LEGS.values())) == len(LEGS)


def test_a_message_flows_only_when_asked_for() -> None:
    assert "--whatsapp" in flow(None).reason
    assert FLOW not in CHECKS
