"""A machine that has nothing but Debian, Python and make, for README's two commands.

It is a container in which a Docker Engine can run, and the lab's hosts in that. What this machine
trusts (a company's own authority, say) the bare one trusts as well: a person would have seen to it.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.support import REPOSITORY
from tests.lab import config, containers, engine, images
from tests.lab.docker import docker
from tests.lab.hosts import OPTIONS
from tests.lab.shell import lock, run

PROJECT = "/root/borgstack"
_TRUST = "/root/trusted.pem"
_TRUSTING = ("SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
_VOLUMES = ("docker", "containerd")


@dataclass(frozen=True)
class BareMachine:
    """One that runs, with the project's files and nothing else of it."""

    name: str

    def run(
        self, *command: str, env: Mapping[str, str] | None = None, timeout: float = 3600
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder, as a person at a terminal would."""
        words = [f"--env={key}={value}" for key, value in (env or {}).items()]
        return subprocess.run(
            ["docker", "exec", "--workdir", PROJECT, *words, self.name, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def put(self, archive: bytes, folder: str = "/") -> None:
        """Unpack a tar archive there."""
        run(["docker", "cp", "-", f"{self.name}:{folder}"], stdin=archive)


@contextmanager
def bare_machine(suite: str) -> Iterator[BareMachine]:
    """A bare Debian of that name, removed when it is done with (E2E_KEEP=1 keeps it)."""
    machine = BareMachine(f"{config.PREFIX}-bare-{suite}")
    volumes = [f"{machine.name}-{part}" for part in _VOLUMES]
    with lock():
        engine.ensure()
        image = images.ensure_bare(suite)
        containers.remove(machine.name, volumes)
        mounts = [f"--volume={machine.name}-{part}:/var/lib/{part}" for part in _VOLUMES]
        for volume in volumes:
            docker("volume", "create", f"--label={config.LABEL}=bare", volume)
        trust = [f"--env={name}={_TRUST}" for name in _TRUSTING] if _trusted() else []
        options = [f"--label={config.LABEL}=bare", f"--name={machine.name}", "--init"]
        command = ["run", "--detach", *options, *OPTIONS, *mounts, *trust]
        docker(*command, image, "sleep", "infinity")
    try:
        if (trusted := _trusted()) is not None:
            machine.put(archive_of({_TRUST: trusted}))
        machine.put(archive_of({f"{PROJECT}/{path}": REPOSITORY / path for path in tracked()}))
        yield machine
    finally:
        if not os.environ.get("E2E_KEEP"):
            containers.remove(machine.name, volumes)


def tracked() -> list[str]:
    """The project's files: what a clone has, and what is new here and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for path in listed.split("\0") if path and (REPOSITORY / path).is_file()]


def archive_of(files: Mapping[str, Path]) -> bytes:
    """A tar archive of files by the name that each has in it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, path in files.items():
            archive.add(path, name.lstrip("/"), recursive=False)
    return buffer.getvalue()


def _trusted() -> Path | None:
    """The certificates of this machine, where it says which."""
    named = os.environ.get("SSL_CERT_FILE")
    return Path(named).resolve() if named else None
