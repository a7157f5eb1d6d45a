"""Bad input and broken hosts: a message that says what to do, and a host that is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.support import HostUnderTest, Run

POSTGRESQL = "/var/lib/docker/volumes/borgstack_postgresql_data/_data"


@contextmanager
def broken(stack: HostUnderTest, by: str, mended_by: str) -> Iterator[None]:
    """Break the host, and mend it again whatever the test finds."""
    stack.ssh(by)
    try:
        yield
    finally:
        stack.ssh(mended_by)


def refused(stack: HostUnderTest, *fragments: str, **options: object) -> Run:
    """A deploy that fails with these words and leaves files and containers as they were."""
    before = stack.snapshot()
    run = stack.try_deploy(**options)
    run.failed_with(*fragments)
    assert stack.snapshot() == before
    return run


def test_wrong_settings_are_all_named_before_anything_runs(stack: HostUnderTest) -> None:
    refused(
        stack,
        "nothing was touched on any host",
        "'lab_test' is not a domain name",
        "'nobody' is not an e-mail address",
        "no such setting (did you mean chatwoot_host?)",
        domain="lab_test",
        caddy_email="nobody",
        chatwot_host="x.lab.test",
    )


def test_an_unreachable_host_is_named(stack: HostUnderTest) -> None:
    run = stack.try_deploy(ssh_port=1)
    run.failed_with(stack.name, "Could not connect")


def test_a_host_without_sudo_is_refused(stack: HostUnderTest) -> None:
    refused(stack, "saw user operator, whom sudo refuses", "NOPASSWD", ssh_user="operator")


def test_sudo_that_is_not_used_is_refused(stack: HostUnderTest) -> None:
    refused(stack, "user deployer, who may use sudo", "_sudo = True", ssh_user="deployer")


@pytest.mark.parametrize(
    ("by", "mended_by", "fragments"),
    [
        pytest.param(
            "cp -P /etc/os-release /root/os && rm /etc/os-release && "
            "printf 'ID=fedora\\nVERSION_ID=40\\n' > /etc/os-release",
            "rm /etc/os-release && mv /root/os /etc/os-release",
            ("saw fedora 40", "debian 13", "Nothing was touched"),
            id="unsupported system",
        ),
        pytest.param(
            "cp -p /opt/borgstack/.env /root/env && echo 'no assignment' >> /opt/borgstack/.env",
            "cp -p /root/env /opt/borgstack/.env; rm /root/env",
            (".env line", "is neither NAME=value nor a comment"),
            id="broken .env",
        ),
        pytest.param(
            "cp -p /opt/borgstack/.env /root/env && "
            "sed -i 's|^REDIS_PASSWORD=.*|REDIS_PASSWORD=a/b#c@d0123456789012345678901234|' "
            "/opt/borgstack/.env",
            "cp -p /root/env /opt/borgstack/.env; rm /root/env",
            ("REDIS_PASSWORD must begin with a letter and have only letters and digits",),
            id="forbidden value in .env",
        ),
        pytest.param(
            f"cd {POSTGRESQL} && mkdir -p 17/docker && echo 17 >17/docker/PG_VERSION && "
            "mv 18 ../18-aside",
            f"cd {POSTGRESQL} && rm -r 17 && mv ../18-aside 18",
            ("saw 17/docker/PG_VERSION: the layout of an older image", "Dump the old database"),
            id="old PostgreSQL layout",
        ),
        pytest.param(
            "cp -p /etc/docker/daemon.json /root/daemon.json && echo '{' > /etc/docker/daemon.json",
            "cp -p /root/daemon.json /etc/docker/daemon.json",
            ("expected a JSON object in /etc/docker/daemon.json",),
            id="unreadable daemon.json",
        ),
        pytest.param(
            "docker rm -f chatwoot-worker && "
            "docker run -d --name chatwoot-worker --entrypoint sleep caddy:2.10-alpine 3000 && "
            "docker exec chatwoot-worker sh -c 'echo theirs >/kept'",
            "docker exec chatwoot-worker grep theirs /kept && docker rm -f chatwoot-worker && "
            "cd /opt/borgstack && docker compose create chatwoot-worker && "
            "docker start chatwoot-worker",
            (
                "expected no container chatwoot-worker but this tool's own",
                "docker rename chatwoot-worker my-chatwoot-worker",
            ),
            id="a stranger's container with one of our names",
        ),
        pytest.param(
            "printf 'services:\n  x: {imagee: y}\n' >/opt/borgstack/compose.override.yaml",
            "rm /opt/borgstack/compose.override.yaml",
            ("rejects the new docker-compose.yml", "imagee", "Correct your override"),
            id="an override that Compose rejects",
        ),
    ],
)
def test_a_broken_host_is_refused(
    stack: HostUnderTest, by: str, mended_by: str, fragments: tuple[str, ...]
) -> None:
    with broken(stack, by, mended_by):
        run = refused(stack, *fragments)
        assert "a/b#c@d" not in run.output
    stack.deploy().changed_only()


def test_a_line_in_the_hosts_file_changes_nothing(stack: HostUnderTest) -> None:
    by = "cp /etc/hosts /root/hosts && echo '127.0.1.1 {0}' >>/etc/hosts"
    with broken(stack, by.format(f"chatwoot.{stack.domain}"), "cat /root/hosts >/etc/hosts"):
        stack.deploy().changed_only()
    by = f"cp /etc/hosts /root/hosts && echo '{stack.address} nowhere.lab.invalid' >>/etc/hosts"
    with broken(stack, by, "cat /root/hosts >/etc/hosts"):
        refused(stack, "nowhere.lab.invalid to lead to", chatwoot_host="nowhere.lab.invalid")


def test_a_name_that_leads_elsewhere_is_refused(stack: HostUnderTest) -> None:
    refused(stack, "nowhere.lab.invalid to lead to this host", chatwoot_host="nowhere.lab.invalid")


def test_an_image_that_does_not_exist_stops_before_anything_changes(stack: HostUnderTest) -> None:
    refused(stack, "The image redis:no-such-tag cannot be had", redis_image="redis:no-such-tag")


def test_a_broken_template_is_named_with_its_line(stack: HostUnderTest, project: Path) -> None:
    template = project / "templates/redis/redis.conf.j2"
    template.write_text(template.read_text() + "{{ nothing_of_that_name }}\n")
    refused(stack, "templates/redis/redis.conf.j2", "nothing_of_that_name", tree=project)


@pytest.mark.parametrize(
    ("template", "old", "new", "fragments"),
    [
        pytest.param(
            "caddy/Caddyfile.j2",
            "file_server",
            "file_serverr",
            ("Caddy rejects the new Caddyfile", "file_serverr"),
            id="Caddyfile",
        ),
        pytest.param(
            "postgresql/compose.yml.j2",
            "stop_grace_period: 90s",
            "stop_grace_periodd: 90s",
            ("rejects the new docker-compose.yml", "stop_grace_periodd"),
            id="compose file",
        ),
    ],
)
def test_a_file_that_its_program_rejects_replaces_nothing(
    stack: HostUnderTest,
    project: Path,
    template: str,
    old: str,
    new: str,
    fragments: tuple[str, ...],
) -> None:
    path = project / "templates" / template
    path.write_text(path.read_text().replace(old, new, 1))
    refused(stack, *fragments, tree=project)
    stack.deploy().changed_only()


def test_a_disk_that_fills_up_replaces_nothing(stack: HostUnderTest, project: Path) -> None:
    template = project / "templates/postgresql/postgresql.conf.j2"
    template.write_text(template.read_text() + "# a comment\n" * 20000)
    by = (
        "cp -a /opt/borgstack /root/small && "
        "mount -t tmpfs -o size=256k,mode=750 tmpfs /opt/borgstack && "
        "cp -a /root/small/. /opt/borgstack/"
    )
    with broken(stack, by, "umount /opt/borgstack && rm -r /root/small"):
        refused(stack, "could not be unpacked", "disk full", tree=project)
        refused(
            stack, "could not be unpacked", tree=project
        )  # and leaves nothing behind that counts
    stack.deploy().changed_only()


def test_a_docker_daemon_that_cannot_start_is_reported_with_its_log(stack: HostUnderTest) -> None:
    drop_in = "/etc/systemd/system/docker.service.d/broken.conf"
    by = (
        f"mkdir -p {drop_in.rsplit('/', 1)[0]} && printf '[Service]\\nExecStart=\\n"
        f"ExecStart=/bin/false\\n' > {drop_in} && systemctl daemon-reload && "
        "systemctl stop docker.socket docker.service"
    )
    mended_by = (
        f"rm -f {drop_in}; systemctl daemon-reload; systemctl reset-failed docker.service; "
        "systemctl start docker.service"
    )
    with broken(stack, by, mended_by):
        files = stack.files()
        run = stack.try_deploy()
        run.failed_with("docker.service does not start", "run again")
        assert stack.files() == files
    stack.deploy().changed_only()


def test_tables_that_somebody_holds_locked_are_not_waited_for_and_not_told_as_fine(
    stack: HostUnderTest,
) -> None:
    psql = "borgstack_postgresql psql -qAtX -U postgres -d chatwoot_db -c"
    hold = "BEGIN; LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(300)"
    holder = "FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    held = f'docker exec {psql} "SELECT count(*) {holder}" | grep -qx 1'
    by = f"docker exec -d {psql} '{hold}'; until {held}; do sleep 0.2; done"
    with broken(stack, by, f'docker exec {psql} "SELECT pg_terminate_backend(pid) {holder}"'):
        plan = stack.plan()
        assert (plan.code, plan.steps) == (1, ()), plan.output
        assert "something holds its tables locked" in plan.output
        stack.try_deploy().failed_with("expected to read Chatwoot's tables within 5 s", stack.name)
    stack.deploy().changed_only()


def test_a_service_that_does_not_get_healthy_ends_the_run_with_its_log_masked(
    stack: HostUnderTest,
) -> None:
    command = 'command: [sh, -c, "echo the key is $$SECRET_KEY_BASE; sleep 999"]'
    override = f"services: {{chatwoot-worker: {{{command}}}}}"
    by = f"printf '%s\\n' '{override}' > /opt/borgstack/docker-compose.override.yml"
    with broken(stack, by, "rm /opt/borgstack/docker-compose.override.yml"):
        run = stack.try_deploy(start_timeout=12)
        run.failed_with("chatwoot-worker is 'running starting' after", "the key is *****")
        key = stack.ssh("sed -n 's/^CHATWOOT_SECRET_KEY_BASE=//p' /opt/borgstack/.env").strip()
        assert len(key) == 128
        assert key not in run.output
    stack.deploy().changed_only("Chatwoot | Start web and worker")
    stack.deploy().changed_only()
