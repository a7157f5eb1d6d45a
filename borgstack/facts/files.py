"""How the project's files lie on a host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyinfra.api import FactBase, StringCommand

from borgstack.facts import read_lines
from borgstack.remote import script_command


class Files(FactBase[Mapping[str, str]]):
    """By path: `TYPE|MODE|UID|GID|SHA256`, as `ProjectFile.expected` says it; missing if absent."""

    def command(self, directory: str, paths: tuple[str, ...]) -> StringCommand:
        """Run `files_state.sh` for paths below `directory`."""
        return script_command("files_state", directory, *(path or "." for path in paths))

    def process(self, output: list[str]) -> Mapping[str, str]:
        """Read what it prints."""
        return read_lines("files_state", _states, output)

    @staticmethod
    def default() -> Mapping[str, str]:
        """A host without the directory."""
        return {}


def _states(lines: Iterable[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    digests: dict[str, str] = {}
    for line in lines:
        kind, path, value = line.split(" ", 2)
        path = "" if path == "." else path
        if kind == "sha256":
            digests[path] = value
        elif value.count("|") == 3:
            found[path] = value.replace("regular empty file", "regular file")
        else:
            raise ValueError("neither a digest nor TYPE|MODE|UID|GID")
    return {path: f"{value}|{digests.get(path, '-')}" for path, value in found.items()}


class MaskedFiles(FactBase[Mapping[str, str]]):
    """By path: the text of files below a directory, every value of `.env` replaced by stars."""

    def command(self, directory: str, paths: tuple[str, ...]) -> StringCommand:
        """Run `files_masked.sh` for paths below `directory`."""
        return script_command("files_masked", directory, *paths)

    def process(self, output: list[str]) -> Mapping[str, str]:
        """Read what it prints: the path, then its lines, each behind a bar."""
        found: dict[str, list[str]] = {}
        lines: list[str] = []
        for line in output:
            if line.startswith("|"):
                lines.append(line[1:])
            else:
                lines = found.setdefault(line.removeprefix("file "), [])
        return {path: "\n".join(one) for path, one in found.items()}

    @staticmethod
    def default() -> Mapping[str, str]:
        """No such files."""
        return {}
