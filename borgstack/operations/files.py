"""The project's files: compared in one look, put in place as one set."""

from __future__ import annotations

import base64
import io
import tarfile
from collections.abc import Iterable, Mapping

from borgstack.facts.files import Files
from borgstack.host import script
from borgstack.operations import Commands, converges, explain, observe
from borgstack.project import DIRECTORY, Project, ProjectFile

STAGING = ".staging"
"""Where `files_put.sh` unpacks; there only while it runs, or when it was killed."""


def files_on_host(project: Project) -> Mapping[str, str]:
    """How the project's files and folders lie on this host."""
    paths = (*(file.path for file in project.files), STAGING)
    return observe(Files, directory=DIRECTORY, paths=paths)


@converges
def put(project: Project) -> Commands:
    """Put in place what differs; nothing at all if Compose or Caddy rejects a part of it."""
    found = files_on_host(project)
    differing = [file for file in project.files if found.get(file.path) != file.expected]
    if any(file.content is None and _is_no_folder(found.get(file.path)) for file in differing):
        differing = list(project.files)  # what was seen below it is somewhere else
    reasons = [f"{DIRECTORY}/{file.path}".rstrip("/") + " differs" for file in differing]
    if STAGING in found:
        reasons.append(f"{DIRECTORY}/{STAGING} is left of a killed run")
    if reasons:
        explain(reasons)
        archive = base64.encodebytes(_archive(project, differing)).decode()
        yield script("files_put", DIRECTORY, project.settings.caddy_image, stdin=archive)


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
