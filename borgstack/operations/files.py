"""The project's files: compared in one look, put in place as one set."""

from __future__ import annotations

import base64
import difflib
import io
import tarfile
from collections.abc import Iterable

from pyinfra.context import host, state

from borgstack.change import Change, Code
from borgstack.facts.files import MaskedFiles
from borgstack.operations import Commands, converging_operation, log_changes, show_diff
from borgstack.operations.snapshot import STAGING, files_on_host
from borgstack.project import DIRECTORY, Project, file_changes
from borgstack.remote import locked_command
from borgstack.services.base import ProjectFile


@converging_operation
def put(project: Project) -> Commands:
    """Put in place what differs; nothing at all if Compose or Caddy rejects a part of it."""
    found = files_on_host(project)
    differing = [file for file in project.files if found.get(file.path) != file.expected]
    if any(file.content is None and _is_no_folder(found.get(file.path)) for file in differing):
        differing = list(project.files)  # what was seen below it is somewhere else
    changes = [one for file in differing for one in file_changes(file, found.get(file.path))]
    if STAGING in found:
        changes.append(Change(f"file {DIRECTORY}/{STAGING}", Code.UNFINISHED))
    if changes:
        log_changes(changes)
        if not state.is_executing:
            _show_diffs(file for file in differing if file.path in found and file.content)
        archive = base64.encodebytes(_archive(project, differing)).decode()
        yield locked_command("files_put", DIRECTORY, project.settings.caddy_image, stdin=archive)


def _show_diffs(files: Iterable[ProjectFile]) -> None:
    """Tell what would change inside the files; secrets that somebody put there are masked."""
    wanted = {file.path: (file.content or b"").decode() for file in files}
    if not wanted:
        return
    live = host.get_fact(MaskedFiles, directory=DIRECTORY, paths=tuple(wanted))
    for path, text in wanted.items():
        if path not in live:
            continue  # a link or something else in its place; the reason says so
        seen = live[path].splitlines()
        lines = difflib.unified_diff(seen, text.splitlines(), "host", "wanted", n=1, lineterm="")
        if diff := "\n".join(lines):
            show_diff(f"{DIRECTORY}/{path}", diff)


def _is_no_folder(seen: str | None) -> bool:
    return seen is not None and not seen.startswith("directory|")


def _archive(project: Project, differing: Iterable[ProjectFile]) -> bytes:
    """A tar of the differing files, with a list of how all folders have to be."""
    folders = "".join(
        f"{file.path or '.'} {file.mode} {file.uid} {file.gid}\n"
        for file in project.files
        if file.content is None
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in (*differing, ProjectFile(".folders", folders.encode(), mode="600")):
            if file.content is None:
                continue
            entry = tarfile.TarInfo(file.path)
            entry.size = len(file.content)
            entry.mode = int(file.mode, 8)
            entry.uid, entry.gid = file.uid, file.gid
            archive.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()
