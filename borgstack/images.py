"""Images on the host: what is superseded, and how much room the missing ones need."""

from __future__ import annotations

from collections.abc import Iterable

from borgstack.live_stack import StackState, familiar
from borgstack.project import Project
from borgstack.stack import missing_images

_MEGABYTE = 1024 * 1024
FIRST_DEPLOY = 10 * 1024 * _MEGABYTE
"""Bytes that images, volumes and one upgrade need on a host that has none of the images."""
UNKNOWN = 2 * 1024 * _MEGABYTE
"""Bytes of an image of which no other version is there to go by; n8n and Evolution are as large."""
NOTED_IN = "/var/lib/borgstack"
"""Where the host notes what this tool has pulled; beside the project, which a pull leaves alone."""
SPARE = 512 * _MEGABYTE


def plain(reference: str) -> str:
    """A reference as `docker image ls` shows it."""
    name = familiar(reference)
    return name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"


def repository(reference: str) -> str:
    """A reference without its tag and digest."""
    name = plain(reference).partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(":")[0]


def superseded(project: Project, state: StackState) -> list[str]:
    """What may go: pulled by this tool, of a repository that the stack uses, used by no container.

    The one that was pulled last before the wanted one stays: it is the way back.
    """
    wanted = {plain(image) for image in project.images}
    used = set(_used(state))
    found: list[str] = []
    for name in dict.fromkeys(map(repository, project.images)):
        pulled = [plain(image) for image in state.pulled if repository(image) == name]
        before = [image for image in pulled if image not in wanted and image in state.local]
        found += [image for image in before[:-1] if state.local[image][0] not in used]
    return found


def _used(state: StackState) -> Iterable[str]:
    """The ids of the images of all containers, the stopped ones and others' among them."""
    for one in state.containers.values():
        yield one.image
        yield one.reference
        yield state.local.get(plain(one.reference), ("", 0))[0]


def room(project: Project, state: StackState) -> int:
    """Bytes that have to be free for the images that are missing."""
    if state.engine == "stopped":
        return SPARE  # what is there is not known, and something is
    missing = missing_images(project, state)
    if len(missing) == len(project.images):
        return FIRST_DEPLOY
    sizes = [_size(repository(image), state) for image in missing]
    # While it is unpacked an image is there twice, once packed.
    return sum(sizes) * 3 // 2 + SPARE if sizes else 0


def _size(name: str, state: StackState) -> int:
    """The largest version of it that is there."""
    known = (size for image, (_, size) in state.local.items() if repository(image) == name)
    return max(known, default=UNKNOWN)
