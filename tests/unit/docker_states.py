"""A host whose Docker is as it has to be, and hosts that differ from it in one thing."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from borgstack import docker_packages, live_docker
from borgstack.docker_daemon import DAEMON_JSON
from borgstack.live_docker import DockerState
from tests.unit.support import fit_docker_lines, settings_of

FINGERPRINT = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"
OTHER_KEY = "A" * 40
GOAL = docker_packages.wanted(settings_of(), "debian", "trixie", "x86_64")
FIT = live_docker.parse(fit_docker_lines(settings_of()))


def changed(**values: Any) -> DockerState:  # noqa: ANN401 - DockerState's own fields
    return dataclasses.replace(FIT, **values)


def with_daemon(content: dict[str, object] | bytes, owner: str = "644|0|0") -> DockerState:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return changed(files={**FIT.files, DAEMON_JSON: (owner, raw)})


def without_file(path: str) -> dict[str, tuple[str, bytes]]:
    return {name: value for name, value in FIT.files.items() if name != path}
