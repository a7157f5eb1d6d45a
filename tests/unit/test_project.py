"""What the settings render to: every file of /opt/borgstack except docker-compose.yml, which has
test_compose.py to itself. The same settings must give the same bytes, and no secret among them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from email.utils import getaddresses
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import pytest
import yaml
from pyinfra.api.exceptions import DeployError

from borgstack import project as project_module
from borgstack.project import DIRECTORY, Project, file_changes, render
from borgstack.services import public_names
from borgstack.services.base import ProjectFile
from borgstack.services.caddy import CADDYFILE
from borgstack.services.chatwoot import DATABASE as CHATWOOT
from borgstack.sizes import SIZES
from tests.unit.changes import keys
from tests.unit.support import REPOSITORY, default_project, settings_of
from tests.unit.told import values

SECRET = "mail-secret-42"
FILES = {
    "docker-compose.yml": "640|0|0",
    "config/caddy/Caddyfile": "644|0|0",
    "config/postgresql/init-databases.sql": "644|0|0",
    "config/postgresql/postgresql.conf": "644|0|0",
    "config/redis/redis.conf": "600|999|1000",
    "config/chatwoot/application.json": "600|0|0",
    "config/chatwoot/prepare.rake": "644|0|0",
    "config/chatwoot/provision.rb": "644|0|0",
    "config/chatwoot/README.md": "644|0|0",
    "config/n8n/prepare.js": "644|0|0",
    "config/n8n/credentials.json": "644|0|0",
    "config/n8n/preparation.json": "644|0|0",
    "config/n8n/workflows/04-whatsapp-chatwoot-integration.json": "644|0|0",
    "config/n8n/workflows/05-chatwoot-whatsapp-replies.json": "644|0|0",
    "config/n8n/workflows/06-whatsapp-errors.json": "644|0|0",
    "verify-chatwoot.sh": "750|0|0",
}


def text_of(project: Project, path: str) -> str:
    (file,) = (file for file in project.files if file.path == path)
    assert file.content is not None
    return file.content.decode()


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """The project in the variants that turn a branch of a template on."""
    folder = tmp_path_factory.mktemp("variants")
    (folder / "root.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (folder / "password").write_text(SECRET)
    data: dict[str, dict[str, object]] = {
        "default": {},
        "smtp": {
            "smtp_address": "smtp.example.com",
            "smtp_username": "chat",
            "smtp_password": f"file:{folder}/password",
        },
        "acme_root": {"acme_root": f"{folder}/root.pem"},
        "no_whatsapp": {"whatsapp": False},
        "editors": {
            "editors": ["evolution", "n8n"],
            "editors_user": "team",
            "editors_password": f"file:{folder}/password",
        },
        "proxies": {
            "trusted_proxies": ["192.0.2.7", "2001:db8::/32"],
            "editors": ["n8n"],
            "editors_password": f"file:{folder}/password",
        },
        **{size: {"size": size} for size in SIZES},
    }
    return {name: render(settings_of(**one)) for name, one in data.items()}


def test_the_files_are_those_of_the_story_with_mode_and_owner() -> None:
    found = {
        file.path: f"{file.mode}|{file.uid}|{file.gid}"
        for file in default_project().files
        if file.content is not None
    }
    assert found == FILES


def test_every_folder_of_a_file_is_declared_before_it(variants: dict[str, Project]) -> None:
    for project in variants.values():
        declared: set[str] = set()
        for file in project.files:
            parent = str(PurePosixPath(file.path).parent)
            assert file.path == "" or parent.replace(".", "") in declared
            if file.content is None:
                declared.add(file.path)


def test_the_project_folder_is_closed_to_others() -> None:
    (root,) = (file for file in default_project().files if file.path == "")
    assert root.expected == "directory|750|0|0|-"


def test_rendering_again_gives_the_same_bytes() -> None:
    assert render(settings_of()).files == default_project().files


def test_no_rendered_file_holds_a_secret(variants: dict[str, Project]) -> None:
    for project in variants.values():
        assert SECRET not in "".join(str(file.content) for file in project.files)


def test_no_rendered_file_has_a_mark_of_the_template_language(
    variants: dict[str, Project],
) -> None:
    for project in variants.values():
        for file in project.files:
            if file.path != "config/chatwoot/provision.rb":
                # Of a customer's words, which the inbound workflow keeps Liquid away from.
                text = (
                    (file.content or b"").replace(b"{% raw %}", b"").replace(b"{% endraw %}", b"")
                )
                assert b"{%" not in text.replace(b"[{%]", b"")
                assert b"None" not in (file.content or b"")


def test_images_are_named_once_each() -> None:
    assert default_project().images == (
        "pgvector/pgvector:pg18",
        "redis:8.2-alpine",
        "chatwoot/chatwoot:v4.6.0-ce",
        "atendai/evolution-api:v2.2.3",
        "n8nio/n8n:1.112.6",
        "caddy:2.10-alpine",
    )


def test_only_what_prepares_is_a_one_shot() -> None:
    services = default_project().services
    one_shots = [name for name, one in services.items() if one.one_shot]
    assert one_shots == ["chatwoot-prepare", "n8n-prepare"]
    assert services["chatwoot"].networks == {"borgstack_internal", "borgstack_external"}


@pytest.mark.parametrize(
    ("path", "fragment"),
    [
        ("config/caddy/Caddyfile", "\temail ops@example.com\n"),
        ("config/caddy/Caddyfile", "\tacme_ca https://acme-v02.api.letsencrypt.org/directory\n"),
        ("config/caddy/Caddyfile", "\nchatwoot.example.com {\n"),
        ("config/caddy/Caddyfile", "reverse_proxy chatwoot:3000 {\n"),
        ("config/caddy/Caddyfile", "\theader ?X-Content-Type-Options nosniff\n"),
        ("config/caddy/Caddyfile", "?Referrer-Policy strict-origin-when-cross-origin\n"),
        ("config/caddy/Caddyfile", "\theader ?Strict-Transport-Security "),
        ("config/caddy/Caddyfile", "@page not path /widget /widget/*\n"),
        ("config/caddy/Caddyfile", "header @page ?X-Frame-Options SAMEORIGIN\n"),
        ("config/caddy/Caddyfile", "@onboarding path /installation /installation/*\n"),
        ("config/caddy/Caddyfile", "import /etc/caddy/conf.d/*.caddy\n"),
        ("config/postgresql/init-databases.sql", "\\set ON_ERROR_STOP on\n"),
        ("config/postgresql/init-databases.sql", "\\getenv password CHATWOOT_DB_PASSWORD\n"),
        ("config/postgresql/init-databases.sql", "\\getenv password N8N_DB_PASSWORD\n"),
        ("config/postgresql/init-databases.sql", "\\getenv password EVOLUTION_DB_PASSWORD\n"),
        (
            "config/postgresql/init-databases.sql",
            "REVOKE CONNECT, TEMPORARY ON DATABASE n8n_db FROM PUBLIC;\n",
        ),
        (
            "config/postgresql/init-databases.sql",
            "ALTER DATABASE evolution_db OWNER TO evolution_user;\n",
        ),
        ("config/postgresql/init-databases.sql", "SET log_statement = 'none';\n"),
        ("config/postgresql/init-databases.sql", "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE"),
        (
            "config/postgresql/init-databases.sql",
            "GRANT ALL PRIVILEGES ON DATABASE chatwoot_db TO chatwoot_user;\n",
        ),
        (
            "config/postgresql/init-databases.sql",
            "ALTER DATABASE chatwoot_db OWNER TO chatwoot_user;\n",
        ),
        (
            "config/postgresql/init-databases.sql",
            "REVOKE CONNECT, TEMPORARY ON DATABASE chatwoot_db FROM PUBLIC;\n",
        ),
        ("config/postgresql/postgresql.conf", "password_encryption = scram-sha-256\n"),
        ("config/postgresql/postgresql.conf", "listen_addresses = '*'\n"),
        ("config/redis/redis.conf", "\nmaxmemory-policy noeviction\n"),
        ("config/redis/redis.conf", "\nappendonly yes\n"),
        ("config/redis/redis.conf", "\nprotected-mode yes\n"),
        ("config/chatwoot/README.md", "https://chatwoot.example.com/app\n"),
        ("config/chatwoot/README.md", "First login: ops@example.com."),
        ("config/chatwoot/README.md", "Profile Settings, Access\n  Token."),
        ("config/chatwoot/README.md", "(`smtp_address`)"),
    ],
)
def test_a_rendered_file_says_what_it_has_to(path: str, fragment: str) -> None:
    assert fragment in text_of(default_project(), path)


@pytest.mark.parametrize("extension", CHATWOOT.extensions)
def test_the_superuser_creates_each_extension_inside_the_database(extension: str) -> None:
    sql = text_of(default_project(), "config/postgresql/init-databases.sql")
    inside = sql.partition("\\connect chatwoot_db\n")[2]
    assert f"CREATE EXTENSION IF NOT EXISTS {extension};\n" in inside


def test_chatwoots_four_extensions_are_declared() -> None:
    assert CHATWOOT.extensions == ("pg_stat_statements", "pg_trgm", "pgcrypto", "vector")


@pytest.mark.parametrize("size", SIZES)
def test_memory_of_the_data_stores_follows_the_size(
    size: str, variants: dict[str, Project]
) -> None:
    row = SIZES[size]
    postgresql = text_of(variants[size], "config/postgresql/postgresql.conf")
    assert f"\nshared_buffers = {row.postgresql.shared_buffers}\n" in postgresql
    assert f"\nmax_connections = {row.postgresql.max_connections}\n" in postgresql
    redis = text_of(variants[size], "config/redis/redis.conf")
    assert f"\nmaxmemory {row.redis_maxmemory}\n" in redis


def test_a_certificate_authority_of_ones_own_comes_with_its_root(
    variants: dict[str, Project],
) -> None:
    project = variants["acme_root"]
    assert "\tacme_ca_root /etc/caddy/acme-root.pem\n" in text_of(project, "config/caddy/Caddyfile")
    root = text_of(project, "config/caddy/acme-root.pem")
    assert root.startswith("-----BEGIN CERTIFICATE-----")


def test_without_one_caddy_is_told_of_no_root() -> None:
    assert "acme_ca_root" not in text_of(default_project(), "config/caddy/Caddyfile")
    assert not [f for f in default_project().files if f.path.endswith("acme-root.pem")]


def sites(project: Project) -> dict[str, str]:
    """The sites of the Caddyfile by their names; each begins at the margin."""
    found = re.findall(
        r"(?ms)^([a-z0-9.]+) \{\n(.*?)^\}", text_of(project, "config/caddy/Caddyfile")
    )
    return dict(found)


def test_editors_get_a_site_each_behind_a_password(variants: dict[str, Project]) -> None:
    found = sites(variants["editors"])
    assert list(found) == ["chatwoot.example.com", "evolution.example.com", "n8n.example.com"]
    for name, address in (("n8n", "n8n:5678"), ("evolution", "evolution:8080")):
        site = found[f"{name}.example.com"]
        assert "\tbasic_auth {\n\t\tteam {env.EDITORS_PASSWORD_HASH}\n\t}\n" in site
        assert f"\treverse_proxy {address} {{\n\t\theader_up -Authorization\n\t}}\n" in site
        assert site.index("basic_auth") < site.index("reverse_proxy")
    assert public_names(variants["editors"].settings) == tuple(found)


def test_behind_trusted_proxies_the_visitor_alone_is_told(variants: dict[str, Project]) -> None:
    text = text_of(variants["proxies"], "config/caddy/Caddyfile")
    options = re.search(r"(?ms)^\tservers \{\n(.*?)^\t\}", text)
    assert options is not None
    assert "\t\ttrusted_proxies static 192.0.2.7/32 2001:db8::/32\n" in options[1]
    assert "\t\ttrusted_proxies_strict\n" in options[1]
    for site in sites(variants["proxies"]).values():
        assert "\theader_up X-Forwarded-For {client_ip}\n" in site
    chatwoot = sites(variants["proxies"])["chatwoot.example.com"]
    assert "\theader_up -X-Forwarded-Host\n" in chatwoot


def test_without_them_caddy_says_itself_who_has_come(variants: dict[str, Project]) -> None:
    for name in set(variants) - {"proxies"}:
        text = text_of(variants[name], "config/caddy/Caddyfile")
        assert not re.search("trusted_proxies|X-Forwarded", text, re.IGNORECASE)
    for project in variants.values():  # Chatwoot would believe it of anybody
        assert "\theader_up -Forwarded\n" in sites(project)["chatwoot.example.com"]


def test_without_editors_chatwoot_is_the_only_site(variants: dict[str, Project]) -> None:
    for name in ("default", "no_whatsapp"):
        assert list(sites(variants[name])) == ["chatwoot.example.com"]
        text = text_of(variants[name], "config/caddy/Caddyfile")
        assert "basic_auth" not in text
        assert "EDITORS" not in text


def test_the_readme_names_the_mail_server_when_there_is_one(variants: dict[str, Project]) -> None:
    text = text_of(variants["smtp"], "config/chatwoot/README.md")
    assert "smtp.example.com" in values(text)
    assert "(`smtp_address`)" not in text


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (ProjectFile("d", None, "755"), "directory|755|0|0|-"),
        (
            ProjectFile("f", b"", "600", 999, 1000),
            "regular file|600|999|1000|"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
    ],
)
def test_a_file_knows_how_it_looks_in_place(file: ProjectFile, expected: str) -> None:
    assert file.expected == expected


@pytest.fixture
def templates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A copy of the templates that a test may break."""
    for folder in ("templates", "files"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    monkeypatch.setattr(project_module, "_REPOSITORY", tmp_path)
    project_module._environment.cache_clear()
    yield tmp_path / "templates"
    project_module._environment.cache_clear()


@pytest.mark.parametrize(
    ("template", "line", "where"),
    [
        ("redis/redis.conf.j2", "{% if %}", "line 3"),
        ("caddy/Caddyfile.j2", "{% endfor %}", "line 3"),
        (
            "redis/redis.conf.j2",
            "{{ settings.no_such_thing }}",
            "line 3",
        ),
        ("redis/redis.conf.j2", "{{ size.memory + 1 }}", "line 3"),
        ("redis/redis.conf.j2", "{% include 'none.j2' %}", "line 3"),
    ],
)
def test_a_broken_template_is_named_with_its_line(
    template: str, line: str, where: str, templates: Path
) -> None:
    path = templates / template
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, *lines[2:]]))
    with pytest.raises(DeployError) as raised:
        render(settings_of())
    assert f"The template templates/{template} {where}" in str(raised.value)


def test_a_compose_file_that_is_no_yaml_is_named(templates: Path) -> None:
    path = templates / "docker-compose.yml.j2"
    path.write_text(path.read_text() + "\n  - nonsense: [\n")
    with pytest.raises(DeployError, match=r"docker-compose\.yml\.j2.* YAML"):
        render(settings_of())


FOLDER = ProjectFile("config", None, "750")
ROOT = ProjectFile("", None, "750")
FILE = ProjectFile("config/redis/redis.conf", b"port 6379\n", "600", 999, 1000)
DIGEST = FILE.expected.rpartition("|")[2]
PATH = "/opt/borgstack/config/redis/redis.conf"


@pytest.mark.parametrize(
    ("file", "seen", "expected"),
    [
        (FILE, None, ["missing"]),
        (FILE, f"regular file|600|999|1000|{'0' * 64}", ["content differs"]),
        (FILE, f"regular file|644|999|1000|{DIGEST}", ["mode differs"]),
        (FILE, f"regular file|600|0|0|{DIGEST}", ["owner differs", "group differs"]),
        (
            FILE,
            "symbolic link|777|0|1000|-",
            ["type differs", "mode differs", "owner differs", "content differs"],
        ),
        (FILE, FILE.expected, ["folder follows"]),
        (FOLDER, None, ["missing"]),
        (FOLDER, "directory|755|0|0|-", ["mode differs"]),
        (FOLDER, f"regular file|750|0|0|{DIGEST}", ["type differs", "content differs"]),
        (ROOT, None, ["missing"]),
        (ROOT, "directory|750|7|0|-", ["owner differs"]),
    ],
)
def test_a_difference_says_in_what(
    file: ProjectFile, seen: str | None, expected: list[str]
) -> None:
    subject = f"file {DIRECTORY}/{file.path}".rstrip("/")
    assert keys(file_changes(file, seen)) == [f"{subject}: {one}" for one in expected]


def test_a_change_of_a_file_shows_both_values() -> None:
    (change,) = file_changes(FOLDER, "directory|755|0|0|-")
    assert (change.expected, change.actual) == ("750", "755")


def test_the_content_of_a_file_is_had_by_its_path() -> None:
    project = default_project()
    found = {file.path: project.content(file.path) for file in project.files if file.content}
    assert set(found) == set(FILES)
    assert b"reverse_proxy" in found["config/caddy/Caddyfile"]
    assert project.content("config") == b""
    with pytest.raises(StopIteration):
        project.content("none")


@pytest.mark.parametrize(
    ("name", "value"),
    [("timezone", "UTC"), ("locale", "no"), ("redis_image", "1:30")],
)
def test_a_value_that_yaml_would_take_for_something_else_stays_text(name: str, value: str) -> None:
    compose = yaml.safe_load(render(settings_of(**{name: value})).content("docker-compose.yml"))
    services = compose["services"]
    assert value in (
        services["redis"]["image"],
        services["chatwoot"]["environment"]["TZ"],
        services["chatwoot"]["environment"]["DEFAULT_LOCALE"],
    )


@pytest.mark.parametrize(
    "name",
    ["Acme, Inc.", "Silva; Souza", "Atendimento: Loja", "Loja (Centro", "<Loja>", "a@b", "Ação"],
)
def test_the_sender_of_mail_is_one_address_whatever_the_installation_is_called(name: str) -> None:
    compose = yaml.safe_load(
        render(settings_of(installation_name=name)).content("docker-compose.yml")
    )
    sender = compose["services"]["chatwoot"]["environment"]["MAILER_SENDER_EMAIL"]
    assert getaddresses([sender]) == [(name, "ops@example.com")]


def claims(path: str) -> bool:
    """Whether Caddy keeps a request to this path from Chatwoot, unless it only reads."""
    (pattern,) = re.findall(
        r"path_regexp (\S+)$", default_project().content(CADDYFILE).decode(), re.M
    )
    return re.search(pattern, unquote(path)) is not None


# Caddy compares the decoded path; Rails takes an encoded slash, or end of line, into the format.
@pytest.mark.parametrize(
    "ending",
    ["", "/", ".json", ".xml", ".json/", "//", ".", ".JSON", ".json%2Fx", ".%2Fx%2F", ".x%0A%2Fy"],
)
@pytest.mark.parametrize(
    "path", ["/api/v1/accounts", "/api/v2/accounts", "/auth", "//api//v1//accounts", "/AUTH"]
)
def test_no_spelling_of_a_path_opens_the_sign_up(path: str, ending: str) -> None:
    assert claims(path + ending)


@pytest.mark.parametrize(
    "path",
    [
        "/auth/sign_in",
        "/auth/password",
        "/auth/sign_in.json",
        "/api/v1/accounts/1/contacts",
        "/api/v1/accounts/1.json",
        "/api/v1/profile",
        "/app/auth",
    ],
)
def test_what_people_need_stays_open(path: str) -> None:
    assert not claims(path)


@pytest.mark.parametrize(
    "field",
    [
        "request>headers>Referer",
        "resp_headers>Location",
        "request>headers>Api_access_token",
        "request>headers>Access-Token",
        "resp_headers>Access-Token",
        "request>headers>X-Auth-Token",
    ],
)
def test_caddy_logs_no_header_that_lets_people_in(field: str) -> None:
    assert f"{field} delete" in default_project().content(CADDYFILE).decode()


def test_caddy_logs_no_address_that_holds_a_bot_token() -> None:
    assert "\tlog_skip /webhooks/telegram/*\n" in default_project().content(CADDYFILE).decode()


@pytest.mark.parametrize("editor", ["n8n", "evolution"])
@pytest.mark.parametrize(
    "field", ["Apikey", "X-N8n-Api-Key", "Referer"], ids=["Evolution", "n8n", "page"]
)
def test_caddy_logs_no_key_of_an_open_user_interface(
    editor: str, field: str, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(SECRET)
    given = {"editors": [editor], "editors_password": f"file:{tmp_path}/password"}
    caddyfile = render(settings_of(**given)).content(CADDYFILE).decode()
    site = caddyfile.partition("# A user interface")[2]
    assert f"request>headers>{field} delete" in site.partition(":8090 {")[0]
