"""The project's files: compared in one look, put in place as one set."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Iterable

from borgstack.facts.files import Files
from borgstack.host import script
from borgstack.operations import Commands, converges, explain, observe
from borgstack.project import DIRECTORY, Project, ProjectFile


def differing_files(project: Project) -> list[ProjectFile]:
    """The files and folders that are not in place on this host."""
    found = observe(Files, directory=DIRECTORY, paths=tuple(file.path for file in project.files))
    return [file for file in project.files if found.get(file.path) != file.expected]


@converges
def put(project: Project) -> Commands:
    """Put in place what differs; nothing at all if Compose or Caddy rejects a part of it."""
    differing = differing_files(project)
    if differing:
        explain(f"{DIRECTORY}/{file.path} differs" for file in differing)
        archive = base64.encodebytes(_archive(project, differing)).decode()
        yield script("files_put", DIRECTORY, project.settings.caddy_image, stdin=archive)


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
