"""Docker on a bare host: from either source, by a verified key, beside what an operator has set."""

from __future__ import annotations

import json

from tests.e2e.support import HostUnderTest, Run

DEPLOY = "tests/e2e/only_docker.py"


def install(bare: HostUnderTest, **data: object) -> Run:
    return bare.pyinfra("-y", "--json", deploy=DEPLOY, **data)


def packages(bare: HostUnderTest) -> set[str]:
    lines = bare.ssh("dpkg-query -W -f '${db:Status-Abbrev} ${Package}\\n'").splitlines()
    return {line.split()[1] for line in lines if line.startswith("ii")}


def test_a_key_with_another_fingerprint_is_not_accepted(bare: HostUnderTest) -> None:
    run = install(bare, docker_apt_fingerprint="F" * 40)
    run.failed_with("It was not installed", "expected " + "F" * 40, "docker_apt_fingerprint")
    assert "docker-ce" not in packages(bare)
    assert bare.ssh("ls /etc/apt/keyrings/ /etc/apt/sources.list.d/").count("docker") == 0


def test_a_port_held_by_a_stranger_is_refused_by_name(bare: HostUnderTest) -> None:
    bare.ssh("/usr/sbin/sshd -p 80")
    run = install(bare)
    bare.ssh("pkill -f '[s]shd -p 80'")
    run.failed_with("expected port 80 free for Caddy; saw sshd listening on it")
    assert "docker-ce" not in packages(bare)


def test_the_distributions_docker_is_installed_and_left_alone(bare: HostUnderTest) -> None:
    bare.ssh("mkdir -p /etc/docker && echo '{\"debug\": true}' > /etc/docker/daemon.json")
    run = install(bare, docker_source="distribution")
    assert run.code == 0, run.output
    assert {"docker.io", "docker-compose"} <= packages(bare)
    assert bare.ssh("docker compose version --short").startswith("2.")
    merged = json.loads(bare.ssh("cat /etc/docker/daemon.json"))
    assert merged["debug"] is True
    assert merged["live-restore"] is True
    install(bare, docker_source="distribution").changed_only()


def test_changing_the_source_replaces_the_packages(bare: HostUnderTest) -> None:
    run = install(bare)
    assert run.code == 0, run.output
    assert {"docker-ce", "docker-compose-plugin"} <= packages(bare)
    assert not {"docker.io", "docker-compose", "containerd", "runc"} & packages(bare)
    assert bare.ssh("docker version --format '{{.Server.Version}}'")
    install(bare).changed_only()


def test_a_daemon_that_is_just_being_started_is_waited_for(bare: HostUnderTest) -> None:
    """As a boot has it, or a run that died while it restarted the daemon."""
    slow = "/run/systemd/system/docker.service.d/slow.conf"
    bare.ssh(
        f"mkdir -p {slow.rpartition('/')[0]} && "
        f"printf '[Service]\\nExecStartPre=/bin/sleep 8\\n' >{slow} && systemctl daemon-reload && "
        "systemctl stop docker.service && systemctl start --no-block docker.service"
    )
    try:
        install(bare).changed_only()
    finally:
        bare.ssh(f"rm {slow} && systemctl daemon-reload")


def test_a_half_installed_package_of_a_killed_run_is_finished(bare: HostUnderTest) -> None:
    bare.ssh(
        "dpkg --unpack --force-all /var/cache/apt/archives/docker-ce_*.deb 2>/dev/null || "
        "(cd /tmp && apt-get download -q docker-ce && dpkg --unpack docker-ce_*.deb)"
    )
    assert "docker-ce" not in packages(bare)
    assert install(bare).code == 0
    assert "docker-ce" in packages(bare)
    install(bare).changed_only()
