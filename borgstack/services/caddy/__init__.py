"""Caddy, the only one that others reach: HTTPS for Chatwoot and for the pages that are opened."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache

from borgstack.services.base import (
    Entry,
    Kind,
    Mount,
    ProjectFile,
    Service,
    State,
    Template,
    sizes,
    supplied,
)
from borgstack.services.caddy import live
from borgstack.services.caddy.live import CADDYFILE
from borgstack.services.caddy.live import NAME as NAME
from borgstack.settings import Settings


def _editors_password_hash(settings: Settings) -> str | None:
    password = supplied("editors_password")(settings)
    return _hashed(password, settings.domain) if password else None


@cache
def _hashed(password: str, domain: str) -> str:
    """The password as Caddy wants it: the same at each run, or each would find another there.

    A salt has to differ from server to server, not to be a secret; told by the password it would
    make that quick to guess.
    """
    from passlib.hash import bcrypt  # a slow import that few settings call for
    from passlib.utils.binary import bcrypt64

    salt = hashlib.sha256(f"borgstack editors {domain}".encode()).digest()[:16]
    return str(bcrypt.using(rounds=10, salt=bcrypt64.encode_bytes(salt).decode()).hash(password))


def _files(settings: Settings) -> Iterable[ProjectFile | Template]:
    yield Template(CADDYFILE, "caddy/Caddyfile.j2")
    yield ProjectFile("config/caddy/conf.d", None, mode="755")
    if settings.acme_root is not None:
        yield ProjectFile("config/caddy/acme-root.pem", settings.acme_root.read_bytes())


SERVICE = Service(
    NAME,
    "Caddy",
    memory={NAME: sizes("64m", "128m", "256m")},
    entries=(
        Entry(
            "EDITORS_PASSWORD_HASH",
            Kind.SUPPLIED,
            "The password in front of n8n's and Evolution's user interfaces, as bcrypt;\n"
            "follows the reference in the settings.",
            "<from-the-settings>",
            readers=(NAME,),
            value=_editors_password_hash,
        ),
    ),
    mounts=(
        Mount(NAME, "/srv/chatwoot", "borgstack_chatwoot_public"),
        Mount(NAME, "/data", "borgstack_caddy_data"),
        Mount(NAME, "/config", "borgstack_caddy_config"),
    ),
    files=_files,
    state=State(
        lambda _: "service caddy",
        NAME,
        live.parse,
        live.changes,
        live.words,
        orders=lambda *_: (),
        faults=live.faults,
        restarted=None,
        from_start=True,
        step="Reload Caddy",
    ),
    own_task=True,
)
