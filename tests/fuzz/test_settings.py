"""Whatever a host's data holds: settings or a list of mistakes, and files that say just that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from borgstack import docker_daemon, docker_packages, entries
from borgstack.docker_daemon import DAEMON_JSON
from borgstack.docker_packages import SOURCES
from borgstack.host_data import read_settings
from borgstack.live_docker import DockerState
from borgstack.project import Project, render
from borgstack.settings import Settings
from tests.unit.support import REQUIRED, default_project

texts = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=12),
    st.sampled_from(["no", "null", "~", "-", "1", "1e3", "0x1", "1:30", "yes", "a: b", "#", "[a]"]),
    st.sampled_from(["{{1}}", "{% x %}", "${X}", "$$", "*a", "&a", "!x", "|", ">", "@", "%", ","]),
    st.sampled_from(["\u2028", "\x85", "\x7f", "\ufeff", "\ud800", "\uffff", " a", "a ", "a: b"]),
)
numbers = st.one_of(st.integers(), st.floats(), st.booleans(), st.none())
plain = st.one_of(texts, numbers)
anything = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
domains = st.one_of(
    st.tuples(labels, labels).map(".".join), st.sampled_from(["1.5", "0.0", "1e3.7", "no.no"])
)
emails = st.tuples(
    st.from_regex(r"[A-Za-z0-9._%+-]{1,8}", fullmatch=True), st.just("@"), domains
).map("".join)
images = st.one_of(
    st.from_regex(r"[a-z0-9][a-z0-9._/:-]{0,9}:[A-Za-z0-9_][A-Za-z0-9_.-]{0,5}", fullmatch=True),
    st.sampled_from(["1:30", "0:0", "1.5:2", "y:n"]),
)
lines = st.text(st.characters(exclude_characters="\"'\\$`{}#"), min_size=1, max_size=12)
LIKELY: Mapping[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("domain", "chatwoot_host", "n8n_host", "smtp_address"), domains),
    **dict.fromkeys(("caddy_email", "admin_email", "mail_sender"), emails),
    **dict.fromkeys(
        ("installation_name", "account_name", "admin_name", "smtp_username"),
        st.one_of(lines, texts),
    ),
    **dict.fromkeys(("chatwoot_image", "redis_image", "caddy_image", "postgresql_image"), images),
    "locale": st.from_regex(r"[a-z]{2,3}(_[A-Z]{2})?", fullmatch=True) | st.just("no"),
    "timezone": st.from_regex(r"[A-Za-z0-9_+/-]{1,9}", fullmatch=True)
    | st.sampled_from(["-", "1", "null", "no", "1e3", "0x1F", "UTC", "America/Sao_Paulo"]),
    "size": st.sampled_from(["4gb", "8gb", "16gb"]),
    "memory_limits": st.dictionaries(
        st.sampled_from(["redis", "chatwoot", "caddy"]), st.sampled_from(["1g", "640m"])
    ),
    "docker_log_max_size": st.from_regex(r"[1-9][0-9]{0,3}[kmg]", fullmatch=True),
    "acme_directory": st.from_regex(r"https?://[^\s\"'{}$#]{1,9}[^\s\"'{}$#/]", fullmatch=True),
    "docker_source": st.sampled_from(["docker", "distribution"]),
    "registry_mirrors": st.lists(st.just("http://mirror.example.com"), max_size=2),
    "docker_address_pools": st.lists(
        st.fixed_dictionaries({"base": st.just("10.1.0.0/16"), "size": st.just(24)}), max_size=1
    ),
}
likely = st.fixed_dictionaries({}, optional=dict(LIKELY)).map(lambda data: {**REQUIRED, **data})
disturbed = st.tuples(
    likely,
    st.dictionaries(
        st.one_of(st.sampled_from(sorted(Settings.model_fields)), texts), anything, max_size=3
    ),
).map(lambda pair: {**pair[0], **pair[1]})


def accepted(data: Mapping[str, Any]) -> Settings | None:
    """The settings; None when the data was refused, with a reason."""
    settings, mistakes = read_settings(data)
    assert (settings is None) is bool(mistakes)
    for mistake in mistakes:
        assert str(mistake).strip()
        assert mistake.code
    return settings


def parsed(project: Project) -> dict[str, Any]:
    """The rendered compose file."""
    loaded: dict[str, Any] = yaml.safe_load(project.content("docker-compose.yml"))
    return loaded


def shape(value: object) -> object:
    """Keys and types of nested data."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else type(value)


SHAPE = shape({**parsed(default_project()), "x-chatwoot-environment": None})


@given(st.one_of(disturbed, st.dictionaries(texts, anything, max_size=4)))
def test_any_data_gives_settings_or_mistakes(data: dict[str, Any]) -> None:
    settings = accepted(data)
    if settings is not None:
        render(settings)


@given(likely)
def test_accepted_values_stay_in_their_places(data: dict[str, Any]) -> None:
    data.pop("smtp_username", None)
    settings = accepted(data)
    if settings is None:
        return
    compose = parsed(project := render(settings))
    if settings.smtp_address is None:
        assert shape({**compose, "x-chatwoot-environment": None}) == SHAPE
    prepare = compose["services"]["chatwoot-prepare"]
    rails = prepare["environment"]
    declared = json.loads(project.content("config/chatwoot/application.json"))
    assert declared["administrator"]["name"] == settings.admin_name
    assert declared["account"]["name"] == settings.account_name
    assert declared["installation_name"] == settings.installation_name
    assert rails["MAILER_SENDER_EMAIL"] == (
        f'"{settings.installation_name}" <{settings.mail_sender}>'
    )
    assert (rails["DEFAULT_LOCALE"], rails["TZ"]) == (settings.locale, settings.timezone)
    if settings.smtp_address:
        assert (rails["SMTP_ADDRESS"], rails["SMTP_DOMAIN"]) == (
            settings.smtp_address,
            settings.domain,
        )
    for service, image in {
        "chatwoot": settings.chatwoot_image,
        "redis": settings.redis_image,
        "caddy": settings.caddy_image,
        "postgresql": settings.postgresql_image,
    }.items():
        assert compose["services"][service]["image"] == image
        assert project.services[service].image == image


@given(likely)
def test_what_is_as_the_settings_want_it_needs_no_change(data: dict[str, Any]) -> None:
    settings = accepted({key: data[key] for key in data if key != "smtp_username"})
    if settings is None:
        return
    content = json.dumps(docker_daemon.daemon_settings(settings)).encode()
    goal = docker_packages.wanted(settings, "debian", "trixie", "x86_64")
    unit = {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"}
    files = {DAEMON_JSON: ("644|0|0", content)}
    if goal.sources:
        files[SOURCES] = ("644|0|0", goal.sources.encode())
    packages = dict.fromkeys(goal.packages, "5:29.1")
    key = ("644|0|0", (goal.fingerprint,))
    state = DockerState(packages, key=key, files=files, unit=unit, loaded=True)
    assert docker_daemon.daemon_changes(settings, state) is None
    assert docker_packages.install_changes(goal, state) == []
    verdicts = dict.fromkeys((entry.name for entry in entries.entries_for(settings)), "ok")
    env = entries.EnvState(entries.FIT_OWNER, (), verdicts, {})
    assert entries.changes(settings, env, "salt") == []
