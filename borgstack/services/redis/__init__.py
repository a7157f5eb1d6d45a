"""Redis: Sidekiq's jobs, the keys of WhatsApp's session; it keeps what it is given."""

from __future__ import annotations

from collections.abc import Iterable

from borgstack.services.base import (
    Entry,
    Kind,
    Mount,
    ProjectFile,
    Service,
    State,
    Template,
    sizes,
)
from borgstack.services.redis import live
from borgstack.services.redis.live import CONF
from borgstack.services.redis.live import NAME as NAME
from borgstack.settings import Settings

_UID, _GID = 999, 1000
"""The user that the image drops to before it reads its configuration."""


def _startup_files(_: Settings) -> Iterable[ProjectFile | Template]:
    yield Template(CONF, "redis/redis.conf.j2", "600", _UID, _GID)


SERVICE = Service(
    NAME,
    "Redis",
    memory={NAME: sizes("96m", "256m", "512m")},
    entries=(
        Entry(
            "REDIS_PASSWORD",
            Kind.PASSWORD,
            "Redis, shared by the applications, each in a database of its own.",
            "<generate-strong-password>",
            readers=(NAME,),
            length=32,
        ),
    ),
    mounts=(Mount(NAME, "/data", "borgstack_redis_data"),),
    startup_files=_startup_files,
    state=State(
        lambda _: NAME,
        NAME,
        live.parse,
        live.changes,
        live.words,
        live.orders,
        faults=live.faults,
        restarted=live.restarted,
        from_start=True,
    ),
    own_task=True,
)
