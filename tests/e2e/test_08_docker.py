"""Docker on a bare host: from either source, by a verified key, beside what an operator has set."""

from __future__ import annotations

import json

import pytest

from borgstack.change import Change, Code
from borgstack.docker_daemon import DAEMON_JSON
from tests.e2e.support import HostUnderTest, Run

DEPLOY = "tests/e2e/only_docker.py"


ANOTHER = "/etc/apt/sources.list.d/download_docker_com_linux_debian.list"
APT = "http://download.lab.test/linux/debian"


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


def test_a_node_of_a_swarm_is_refused_and_its_docker_runs_on(bare: HostUnderTest) -> None:
    bare.ssh(
        "echo '{}' >/etc/docker/daemon.json && systemctl restart docker && "
        "docker swarm init --advertise-addr 127.0.0.1"
    )
    before = bare.ssh("systemctl show -p MainPID docker; cat /etc/docker/daemon.json")
    run = install(bare, docker_source="distribution")
    run.failed_with("saw a node of a Swarm", "docker swarm leave", "Nothing was touched")
    assert bare.ssh("systemctl show -p MainPID docker; cat /etc/docker/daemon.json") == before
    bare.ssh("docker swarm leave --force")
    assert install(bare, docker_source="distribution").code == 0


def test_changing_the_source_replaces_the_packages(bare: HostUnderTest) -> None:
    """Beside what a server may have: the same repository by another hand, and a container."""
    bare.ssh(
        f"echo 'deb [signed-by=/usr/share/keyrings/docker.gpg] {APT} trixie stable' >{ANOTHER}; "
        "docker run -d --name somebodys redis:8.2-alpine sleep infinity"
    )
    run = install(bare)
    assert run.code == 0, run.output
    assert "somebodys: stopped for that time, and started again afterwards" in run.output
    assert bare.ssh("docker ps --format '{{.Names}}'").split() == ["somebodys"]
    assert bare.ssh(f"ls {ANOTHER}*").split() == [f"{ANOTHER}.disabled"]
    bare.ssh(f"apt-get update && rm {ANOTHER}.disabled")
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


def test_packages_on_hold_stay_as_they_are_and_are_no_difference(bare: HostUnderTest) -> None:
    bare.ssh("apt-mark hold docker-ce docker-ce-cli containerd.io")
    install(bare).changed_only()
    bare.ssh("apt-get remove -y docker-compose-plugin")
    assert install(bare).code == 0
    assert len(bare.ssh("apt-mark showhold").split()) == 3
    bare.ssh("apt-mark unhold docker-ce docker-ce-cli containerd.io")


def test_the_options_of_another_log_driver_go_with_it(bare: HostUnderTest) -> None:
    syslog = {"syslog-address": "udp://127.0.0.1:514", "tag": "{{.Name}}"}
    own = json.dumps({"log-driver": "syslog", "log-opts": syslog})
    bare.ssh(f"echo '{own}' >/etc/docker/daemon.json && systemctl restart docker")
    run = install(bare)
    assert run.code == 0, run.output
    assert (
        str(Change(f"file {DAEMON_JSON}", Code.CONFLICTS, "log-opts syslog-address")) in run.output
    )
    options = json.loads(bare.ssh("cat /etc/docker/daemon.json"))["log-opts"]
    assert options == {"tag": "{{.Name}}", "max-size": "10m", "max-file": "3"}
    bare.ssh("docker run --rm redis:8.2-alpine true")
    install(bare).changed_only()


def test_a_daemon_json_with_which_docker_does_not_start_is_taken_back(bare: HostUnderTest) -> None:
    folder = "/run/systemd/system/docker.service.d"
    refuses = "ExecStartPre=/bin/sh -c '! grep -q 77m /etc/docker/daemon.json'"
    bare.ssh(
        f"mkdir -p {folder} && printf '[Service]\\n%s\\n' \"{refuses}\" >{folder}/refuses.conf && "
        "systemctl daemon-reload; docker start somebodys"
    )
    before = bare.ssh("cat /etc/docker/daemon.json")
    try:
        run = install(bare, docker_log_max_size="77m")
        run.failed_with("docker.service does not restart", "is back, and Docker runs")
    finally:
        bare.ssh(f"rm {folder}/refuses.conf && systemctl daemon-reload")
    assert bare.ssh("cat /etc/docker/daemon.json") == before
    assert "77m" in bare.ssh("cat /etc/docker/daemon.json.rejected")
    assert bare.ssh("docker ps --format '{{.Names}}'").split() == ["somebodys"]
    install(bare).changed_only()
    assert install(bare, docker_log_max_size="77m").code == 0


NEEDRESTART = r"""
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
{ apt-get update && apt-get install -y needrestart; } >&2 || exit
echo '$nrconf{restart} = "a";' >/etc/needrestart/conf.d/automatic.conf
printf '[Service]\nExecStart=/bin/sleep infinity\n' >/run/systemd/system/somebodys.service
systemctl daemon-reload && systemctl start somebodys.service
apt-get install -y --reinstall libc6 >&2 && apt-get remove -y docker-compose-plugin >&2
"""
"""As on Ubuntu 24.04: what uses a library of which there is a newer one is restarted unasked."""


@pytest.mark.slow
def test_a_service_of_others_is_not_restarted_for_a_library_that_it_uses(
    bare: HostUnderTest,
) -> None:
    assert install(bare).code == 0
    bare.ssh(NEEDRESTART)
    before = bare.ssh("systemctl show -p MainPID somebodys.service")
    try:
        assert install(bare).code == 0
        assert "docker-compose-plugin" in packages(bare)
        assert bare.ssh("systemctl show -p MainPID somebodys.service") == before
    finally:
        bare.ssh(
            "systemctl stop somebodys.service; rm /run/systemd/system/somebodys.service; "
            "apt-get purge -y needrestart && rm -rf /etc/needrestart /run/needrestart"
        )
