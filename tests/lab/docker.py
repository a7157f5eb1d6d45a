"""The few things the lab asks of the Docker command line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.lab.config import LABEL, PREFIX
from tests.lab.shell import run


def docker(*arguments: str, check: bool = True) -> str:
    """Run a docker command and return what it printed."""
    return run(["docker", *arguments], check=check).stdout


def inspect(kind: str, names: Iterable[str]) -> list[dict[str, Any]]:
    """Inspect several objects of a kind in one call; those that do not exist are left out."""
    wanted = list(names)
    if not wanted:
        return []
    found: list[dict[str, Any]] = json.loads(docker(kind, "inspect", *wanted, check=False) or "[]")
    return found


def own_names(kind: str) -> list[str]:
    """Return the names of the lab's own containers, volumes or networks."""
    column = {"container": "{{.Names}}"}.get(kind, "{{.Name}}")
    arguments = ["--all"] if kind == "container" else []
    listed = docker(kind, "ls", *arguments, "--filter", f"label={LABEL}", "--format", column)
    # The hyphen: borgstack-lab5-registry is another lab's, whatever label its image handed down.
    return sorted(
        name for name in listed.split() if name == PREFIX or name.startswith(f"{PREFIX}-")
    )
