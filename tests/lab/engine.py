"""A Docker Engine that answers: the one that runs, or one installed and started here."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

from tests.lab.console import LabError, say, step
from tests.lab.shell import run

LOG = Path("/var/log/borgstack-lab-dockerd.log")
_installing = threading.Lock()  # apt takes one at a time
PID_FILES = {
    "dockerd": Path("/var/run/docker.pid"),
    "containerd": Path("/run/docker/containerd/containerd.pid"),
}


def ensure() -> None:
    """Make `docker info` answer."""
    if _answers():
        return
    if os.geteuid() != 0:
        raise LabError(
            "a Docker Engine that answers, or root to install one",
            f"`docker info` fails and the user id is {os.geteuid()}",
            "start Docker and join its group, or run this command as root",
        )
    install("docker.io", "iptables", program="dockerd")
    install("docker-cli", program="docker")  # a package of its own since Debian 13
    with step("starting Docker Engine"):
        if Path("/run/systemd/system").is_dir():
            run(["systemctl", "start", "docker"], next_step="see `journalctl -u docker`")
        elif not _answers(wait=3):  # the package's own script may have started it
            _start_dockerd()
    if not _answers(wait=60):
        raise _start_error()


def install(*packages: str, program: str) -> None:
    """Install Debian packages unless the program that they bring is there."""
    with _installing:
        if not shutil.which(program):
            _install(packages)


def _install(packages: tuple[str, ...]) -> None:
    with step(f"installing {' '.join(packages)}"):
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        hint = "is this Debian or Ubuntu, with a package mirror in reach?"
        run(["apt-get", "update", "-qq"], env=env, next_step=hint)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        run(command, env=env, next_step=hint)


def _answers(wait: float = 0) -> bool:
    deadline = time.monotonic() + wait
    while True:
        if shutil.which("docker"):
            probe = run(["docker", "info", "--format", "{{.ServerVersion}}"], check=False)
            if probe.returncode == 0 and probe.stdout.strip():
                return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.3)


def _start_dockerd() -> None:
    for program, path in PID_FILES.items():
        _remove_stale_pid_file(program, path)
    with LOG.open("a") as log:
        # In a session of its own, so that it outlives this command and the terminal.
        subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _remove_stale_pid_file(program: str, path: Path) -> None:
    """Remove a pid file that a killed daemon left: with it in place, dockerd refuses to start."""
    try:
        pid = int(path.read_text())
    except (FileNotFoundError, ValueError):
        pid = 0
    try:
        alive = Path(f"/proc/{pid}/comm").read_text().strip() == program
    except OSError:
        alive = False
    if path.exists() and not alive:
        say(f"removing {path}: its process {pid} is gone")
        path.unlink()


def _start_error() -> LabError:
    tail = LOG.read_text().splitlines()[-15:] if LOG.exists() else []
    return LabError(
        "Docker Engine to answer within 60 s of its start",
        "\n".join(tail),
        f"read {LOG} or `journalctl -u docker`; a container needs to be privileged for it",
    )
