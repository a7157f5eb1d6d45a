"""How a container of one service is started by itself, whichever image is served as its own: the
lab's stand-in, or the official one where Docker Hub answers.

A container runs with what the rendered compose file gives its service, so that a capability too few
there is found here.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from borgstack.project import Project, render
from tests.unit.support import settings_of

LABEL = "org.borgstack.stand-in-test"
SECRET = "stand-in-secret"


@dataclass(frozen=True)
class Program:
    """A container's end: its exit code and all that it printed."""

    status: int
    said: str


def docker(*arguments: str, timeout: float = 60) -> Program:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )
    return Program(done.returncode, done.stdout + done.stderr)


def shell(image: str, text: str, *options: str) -> Program:
    """Run a few lines in the image's own shell, past its entry point."""
    return docker("run", "--rm", f"--label={LABEL}", *options, "--entrypoint=sh", image, "-c", text)


@cache
def project() -> Project:
    return render(settings_of())


def service(name: str) -> dict[str, Any]:
    """Return a service of the rendered compose file."""
    (text,) = (file.content for file in project().files if file.path == "docker-compose.yml")
    found: dict[str, Any] = yaml.safe_load(text or b"")["services"][name]
    return found


@dataclass
class Stage:
    """Volumes and folders of one service, which last from one of its containers to the next."""

    name: str
    image: str
    folder: Path
    prefix: str = field(default_factory=lambda: f"stand-in-{uuid.uuid4().hex[:8]}")

    def options(self, without: str = "") -> list[str]:
        """Return what `docker run` needs to be what Compose makes of the service."""
        one = service(self.name)
        words = [f"--security-opt={word}" for word in one["security_opt"]]
        words += [f"--cap-drop={word}" for word in one["cap_drop"]]
        words += [f"--cap-add={word}" for word in one.get("cap_add", []) if word != without]
        words += [f"--memory={one['mem_limit']}"]
        words += [f"--tmpfs={word}" for word in one.get("tmpfs", [])]
        words += ["--init"] if one.get("init") else []
        words += [f"--user={one['user']}"] if "user" in one else []
        for name, value in one.get("environment", {}).items():
            words.append(f"--env={name}=" + re.sub(r"\$\{[A-Z0-9_]+:\?\}", SECRET, str(value)))
        return words + [f"--volume={mount}" for mount in self._mounts(one)]

    def _mounts(self, one: dict[str, Any]) -> Iterator[str]:
        for volume in one.get("volumes", []):
            if isinstance(volume, dict):
                yield f"{self.prefix}-{volume['source']}:{volume['target']}"
            elif volume.startswith("./"):
                yield f"{self.folder}/{volume[2:]}"
            else:
                yield f"{self.prefix}-{volume}"

    def lay_files(self) -> None:
        """Put the rendered files where the compose file mounts them, with their owner and mode."""
        self.folder.chmod(0o755)
        for file in project().files:
            target = self.folder / file.path
            if file.content is None:
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.content)
            target.chmod(int(file.mode, 8))
            os.chown(target, file.uid, file.gid)

    def words(self) -> list[str]:
        command = service(self.name).get("command", [])
        return [word.replace("$$", "$") for word in command]

    @contextmanager
    def started(
        self, *command: str, without: str = "", more: tuple[str, ...] = ()
    ) -> Iterator[str]:
        """A container of the service, removed afterwards."""
        name = f"{self.prefix}-{uuid.uuid4().hex[:4]}"
        words = list(command) or self.words()
        made = docker("run", "--detach", f"--name={name}", f"--label={LABEL}",
                      *self.options(without), *more, self.image, *words)  # fmt: skip
        try:
            if made.status not in (0, 126, 127):
                raise AssertionError(made.said)
            yield name
        finally:
            docker("rm", "--force", name)

    def clean(self) -> None:
        volumes = docker("volume", "ls", "--quiet", f"--filter=name={self.prefix}").said.split()
        if volumes:
            docker("volume", "rm", "--force", *volumes)


def ending(container: str, sign: str = "", seconds: float = 90) -> Program:
    """The container's end; with `sign`, status -1 as soon as its log says that it is up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        said = docker("logs", container).said
        state = docker("inspect", "--format={{.State.Status}} {{.State.ExitCode}}", container)
        status, _, code = state.said.strip().partition(" ")
        if status in ("exited", "created"):
            error = docker("inspect", "--format={{.State.Error}}", container).said
            return Program(int(code), docker("logs", container).said + error)
        if sign and re.search(sign, said):
            return Program(-1, said)
        time.sleep(0.2)
    raise AssertionError(f"neither an end nor {sign!r} in {seconds:.0f} s:\n{said}")
