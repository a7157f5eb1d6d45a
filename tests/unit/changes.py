"""How tests name a change: by what differs and its code; a sentence may be written otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from borgstack.change import Change


def key(change: Change) -> str:
    """Such as `service redis: image differs`."""
    return f"{change.subject}: {' '.join(filter(None, (change.attribute, change.code)))}"


def keys(changes: Iterable[Change]) -> list[str]:
    """The same of several."""
    return [key(change) for change in changes]
