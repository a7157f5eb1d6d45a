"""A reader of feeds: a database, two secrets, a volume, a setting in it and a check on that."""

from __future__ import annotations

import json
from typing import Any

from borgstack.change import Change, compare
from borgstack.services.base import (
    Database,
    Entry,
    Kind,
    Mount,
    Service,
    State,
    StateCheck,
    sizes,
)
from borgstack.settings import Settings
from borgstack.verdict import DEPLOY, Verdict, unless

WANTED = True
THEME = "dark_serif"


def _subject(_: Settings) -> str:
    return "reader"


def _parse(lines: list[str]) -> dict[str, Any] | None:
    try:
        return dict(json.loads("".join(lines)))
    except ValueError:
        return None


def _changes(_: Settings, held: dict[str, Any]) -> list[Change]:
    return compare("reader", "theme", THEME, held["theme"])


def _has_its_theme(_: Settings, held: dict[str, Any]) -> Verdict:
    seen = held["theme"]
    return unless([] if seen == THEME else [f"theme {seen}"], f"theme {THEME}", DEPLOY)


SERVICE = Service(
    "miniflux",
    "Miniflux",
    memory={"miniflux": sizes("64m", "64m", "64m")},
    enabled=lambda _: WANTED,
    entries=(
        Entry(
            "MINIFLUX_DB_PASSWORD",
            Kind.PASSWORD,
            "The role miniflux_user.",
            "<generate-strong-password>",
            readers=("miniflux",),
            length=32,
        ),
        Entry(
            "MINIFLUX_ADMIN_PASSWORD",
            Kind.PASSWORD,
            "The reader's administrator.",
            "<generate-strong-password>",
            readers=("miniflux",),
            length=24,
        ),
    ),
    databases=(Database("miniflux_db", "miniflux_user", "MINIFLUX_DB_PASSWORD", ("hstore",)),),
    mounts=(Mount("miniflux", "/var/lib/reader", "borgstack_miniflux_data"),),
    state=State(_subject, "miniflux", _parse, _changes, words=lambda _: (THEME,)),
    checks=(StateCheck("reader", "the reader has its theme", _has_its_theme),),
)
