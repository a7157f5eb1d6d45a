"""What this machine runs borgstack with: its Python, and the packages beside those of the lock."""

from __future__ import annotations

import platform
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from borgstack.findings import Finding, missing, ok, warning

_REPOSITORY = Path(__file__).parent.parent
LOCK = "requirements/deploy.txt"
_SETUP = "Run make setup in the project's folder (with the tests' packages: make dev)"


@dataclass(frozen=True)
class Installed:
    """What was seen of Python and of the packages.

    :ivar supported: the versions of Python that borgstack runs with, as pyproject.toml has them.
    :ivar wanted: name and version of the packages that the lock names for this machine.
    :ivar found: version by name of those of them that are installed.
    :ivar trouble: why the project's own files do not tell what is wanted.
    """

    python: str = ""
    supported: str = ""
    folder: str = ""
    wanted: tuple[tuple[str, str], ...] = ()
    found: Mapping[str, str] | None = None
    trouble: str = ""


def look(repository: Path = _REPOSITORY) -> Installed:
    """Look at this process's Python, and at what is installed for it."""
    python, folder = platform.python_version(), sys.prefix
    try:
        project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
        supported = project["project"]["requires-python"]
        wanted = tuple(locked((repository / LOCK).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, InvalidRequirement) as error:
        return Installed(python, folder=folder, trouble=f"{type(error).__name__}: {error}")
    found = {name: _version(name) for name, _ in wanted}
    there = {name: version for name, version in found.items() if version}
    return Installed(python, supported, folder, wanted, there)


def locked(text: str) -> Iterable[tuple[str, str]]:
    """Name and version of what a lock of `uv pip compile` names for this machine.

    :raises InvalidRequirement: a line of it is none.
    """
    for line in text.splitlines():
        if line[:1] in {"", " ", "#"}:
            continue
        one = Requirement(line.rstrip("\\ "))
        if one.marker is None or one.marker.evaluate():
            yield one.name, str(one.specifier).removeprefix("==")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def judge(seen: Installed) -> list[Finding]:
    """Judge Python, and that each package is there in the version of the lock."""
    if seen.trouble:
        whole = f"pyproject.toml and {LOCK} beside the package borgstack"
        back = f"git status and git checkout bring them back. {_SETUP}."
        return [missing("packages", whole, " ".join(seen.trouble.split()), back)]
    findings = [ok("python", seen.python)]
    if not SpecifierSet(seen.supported).contains(seen.python, prereleases=True):
        named = "Install one of these and name it: make PYTHON=python3.13 setup."
        findings = [missing("python", seen.supported, seen.python, named)]
    found = seen.found or {}
    wrong = [
        f"{name} {found.get(name, 'not at all')} instead of {version}"
        for name, version in seen.wanted
        if found.get(name) != version
    ]
    if wrong:
        # A run may well succeed with another version of a package, with none of it it does not.
        weigh = warning if all(name in found for name, _ in seen.wanted) else missing
        findings.append(weigh("packages", f"those of {LOCK}", ", ".join(wrong), f"{_SETUP}."))
    else:
        all_ = f"{len(seen.wanted)} as {LOCK} names them, in {seen.folder}"
        findings.append(ok("packages", all_))
    return findings
