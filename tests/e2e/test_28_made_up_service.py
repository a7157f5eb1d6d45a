"""A service that nobody thought of, added by one folder, one template and one row: rendered,
started, planned, drifted, corrected, verified, switched off and removed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.support import REPOSITORY, HostUnderTest, copy_of_project
from tests.lab import images, services

MADE_UP = Path(__file__).parent / "made_up"
START = "Services | Start Miniflux"
CONVERGE = "States | Converge Miniflux"
FIRST = (
    "Images | Pull missing images",
    "Secrets | Complete .env",
    "Configuration | Put the project's files in place",
    "Databases | Start PostgreSQL and Redis",
    "Databases | Converge roles, databases and extensions",
    START,
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with one service more."""
    tree = copy_of_project(tmp_path_factory.mktemp("made_up") / "project")
    shutil.copytree(MADE_UP / "service", tree / "borgstack/services/miniflux")
    (tree / "templates/miniflux").mkdir()
    shutil.copy(MADE_UP / "compose.yml.j2", tree / "templates/miniflux")
    row(tree / "borgstack/services/__init__.py")
    services.push({"miniflux": images.ensure_own("miniflux")})
    return tree


def row(table: Path) -> None:
    text = table.read_text()
    for line, more in (
        ("from borgstack.services import caddy, ", "miniflux, "),
        ("    caddy.SERVICE,\n", "    miniflux.SERVICE,\n"),
    ):
        assert text.count(line) == 1
        text = text.replace(line, line + more)
    table.write_text(text)


def theme(stack: HostUnderTest) -> str:
    return stack.sql("SELECT theme FROM users WHERE username = 'admin'", "miniflux_db")


def test_it_is_planned_and_started_and_the_rest_runs_on(stack: HostUnderTest, tree: Path) -> None:
    plan = stack.plan(tree=tree)
    plan.lists_only(*FIRST)
    assert "service miniflux: container missing" in plan.differences
    assert "role miniflux_user: attributes missing" in plan.differences
    assert plan.unknown == ("what Miniflux holds, because it does not run",)
    web = stack.containers()["chatwoot"]
    stack.deploy(tree=tree).changed_only(*FIRST, CONVERGE)
    stack.deploy(tree=tree).changed_only()
    stack.plan(tree=tree).lists_only()
    assert theme(stack) == "dark_serif"
    assert stack.containers()["chatwoot"] == web
    assert stack.sql("SELECT extname FROM pg_extension WHERE extname = 'hstore'", "miniflux_db")
    assert "borgstack_miniflux_data" in stack.ssh("docker volume ls -q")
    assert stack.ssh("docker exec miniflux ls /var/lib/reader") == "log\n"


def test_its_drift_is_named_corrected_and_judged(stack: HostUnderTest, tree: Path) -> None:
    assert stack.verify(tree=tree).checks["reader"]["result"] == "passed"
    stack.sql("UPDATE users SET theme = 'light_serif'", "miniflux_db")
    red = stack.verify(tree=tree).checks["reader"]
    assert (red["result"], red["seen"]) == ("failed", "theme light_serif")
    plan = stack.plan(tree=tree)
    plan.lists_only(CONVERGE)
    assert plan.differences == ("reader: theme differs",)
    stack.deploy(tree=tree).changed_only(CONVERGE)
    assert theme(stack) == "dark_serif"


def test_so_are_its_container_and_its_secret(stack: HostUnderTest, tree: Path) -> None:
    stack.ssh("docker rm -f miniflux && sed -i '/^MINIFLUX_DB_PASSWORD=/d' /opt/borgstack/.env")
    checks = stack.verify(tree=tree).checks
    assert checks["running"]["result"] == "failed"
    assert checks["reader"]["result"] == "skipped"
    stack.plan(tree=tree).lists_only(*FIRST[1:2], *FIRST[3:])
    stack.deploy(tree=tree).changed_only(*FIRST[1:2], *FIRST[3:])
    stack.deploy(tree=tree).changed_only()
    assert stack.verify(tree=tree).named("failed") == set()


def test_no_secret_of_its_is_in_a_log(stack: HostUnderTest, tree: Path) -> None:
    stack.ssh("docker restart miniflux")
    run = stack.try_deploy(tree=tree, start_timeout=10)
    values = stack.ssh("sed -n 's/^MINIFLUX_[A-Z_]*=//p' /opt/borgstack/.env").split()
    logs = stack.ssh("docker logs miniflux 2>&1; docker logs borgstack_postgresql 2>&1")
    assert len(values) == 2
    assert [one for one in values if one in run.output + logs] == []


def test_switched_off_it_goes_and_its_data_stays(stack: HostUnderTest, tree: Path) -> None:
    declared = tree / "borgstack/services/miniflux/__init__.py"
    declared.write_text(declared.read_text().replace("WANTED = True", "WANTED = False"))
    stack.deploy(tree=tree)
    stack.deploy(tree=tree).changed_only()
    assert "miniflux" not in stack.containers()
    assert theme(stack) == "dark_serif"
    assert "borgstack_miniflux_data" in stack.ssh("docker volume ls -q")
    checks = stack.verify(tree=tree).checks
    assert checks["reader"]["result"] == "skipped"
    # Without its row nothing is known of it, and nothing differs.
    stack.plan(tree=REPOSITORY).lists_only()


def test_no_other_line_was_changed(tree: Path) -> None:
    ours = {path.relative_to(REPOSITORY) for path in (REPOSITORY / "borgstack").rglob("*.py")}
    changed = [one for one in ours if (tree / one).read_text() != (REPOSITORY / one).read_text()]
    assert changed == [Path("borgstack/services/__init__.py")]
