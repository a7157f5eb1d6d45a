"""What can be done with the lab as a whole: up, down, reset, reboot, and a command over SSH."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab import config, containers, engine, hosts, images, services
from tests.lab.config import DEFAULT_HOST
from tests.lab.console import LabError, say, step
from tests.lab.docker import docker, own_names
from tests.lab.shell import lock, run


def up(
    names: Sequence[str] = (DEFAULT_HOST,),
    *,
    system: str | None = None,
    data: Mapping[str, object] | None = None,
) -> None:
    """Make the services and the hosts run; what is there already stays as it is.

    `system` is what these hosts are, such as `bookworm`, and `data` what their deploys get beside
    their address; without these they keep theirs.
    """
    started = time.monotonic()
    with lock():
        engine.ensure()
        images.remove_leftovers()
        hosts.remove_strangers()
        hosts.prepare(names)
        if system is not None:
            hosts.keep_system(names, system)
        sources = images.ensure({hosts.system(name) for name in names})
        containers.ensure_network()
        if data is not None:
            hosts.keep_data(names, data)
        with ThreadPoolExecutor() as pool:
            starting = [pool.submit(services.ensure_all)]
            starting += [pool.submit(hosts.ensure_host, name) for name in names]
            starting[0].result()
            services.push(sources)
            for future in starting:
                future.result()
        hosts.write_hosts_json()
    say(f"up: {', '.join(names)} ({time.monotonic() - started:.1f} s)")


def down(*, remove_images: bool = False) -> None:
    """Remove hosts, services, volumes and network; images only when asked."""
    with lock():
        config.HOSTS_JSON.unlink(missing_ok=True)
        engine.ensure()
        with step("removing the lab"):
            for name in hosts.existing():
                hosts.remove_host(name)
            for container in own_names("container"):
                containers.remove(container, [])
            for kind in ("volume", "network"):
                for name in own_names(kind):
                    docker(kind, "rm", name)
            config.CA_ROOT.unlink(missing_ok=True)
            if remove_images:
                images.remove()


def reset(host: str) -> None:
    """Make a host bare again, at the same address and port and with the same host key."""
    with lock(), step(f"resetting host {host}"):
        hosts.endpoint(host)  # refuse a host that was never made
        hosts.prepare([host])
        hosts.remove_host(host)
        hosts.ensure_host(host)


def reboot(host: str) -> None:
    """Let systemd shut a host down in order, then boot it again."""
    with lock(), step(f"rebooting host {host}"):
        _require(host)
        docker("stop", "--time=120", hosts.container_name(host))
        docker("start", hosts.container_name(host))
        hosts.wait_for_boot(host)


def ssh(
    host: str,
    command: str | list[str],
    *,
    user: str = "root",
    check: bool = True,
    input: str | None = None,
    timeout: float | None = 600,
) -> subprocess.CompletedProcess[str]:
    """Run a command on a host over OpenSSH."""
    remote = hosts.ssh_command(host, user, hosts.quoted(command))
    done = run(remote, check=False, stdin=input, timeout=timeout)
    if check and done.returncode:
        raise LabError(
            f"`{hosts.quoted(command)}` to succeed on host {host} as {user}",
            f"exit code {done.returncode}\n{done.stdout}{done.stderr}",
            f"try it: make -s lab-ssh HOST={host} CMD='...'",
        )
    return done


def address(host: str) -> str:
    """Return a host's address in the lab's network."""
    return str(hosts.endpoint(host)["address"])


def ca_root_path() -> Path:
    """Return the file with the root certificate of the lab's ACME CA."""
    return config.CA_ROOT


def apt_fingerprint() -> str:
    """Return the fingerprint of the key that signs the lab's copy of Docker's apt repository."""
    return config.APT_FINGERPRINT.read_text().strip()


def status() -> str:
    """Describe what runs, one line a part."""
    lines = []
    for name in own_names("container"):
        state = docker("container", "inspect", "--format", "{{.State.Status}}", name).strip()
        lines.append(f"{name:32} {state}")
    return "\n".join(lines) or "nothing of the lab runs; `python -m tests.lab up` starts it"


def _require(host: str) -> None:
    if host not in hosts.existing():
        raise LabError(
            f"a lab host {host}",
            f"hosts: {', '.join(hosts.existing()) or 'none'}",
            f"`python -m tests.lab up --host {host}`",
        )
