"""`.env`: missing values are born and sent over stdin; present ones are never read or changed."""

from __future__ import annotations

import secrets as random

from borgstack import secrets
from borgstack.facts.env import Env
from borgstack.host import change
from borgstack.operations import Commands, converges, explain, observe
from borgstack.project import ENV_PATH
from borgstack.secrets import EnvChange, EnvState
from borgstack.settings import Settings

_SALT = random.token_hex(16)
"""Of this process: what a digest proves it proves only here and now."""


def env_state(settings: Settings) -> EnvState:
    """`.env` as it is on this host, judged by these settings."""
    rules = tuple(secrets.rule(entry, settings) for entry in secrets.entries_for(settings))
    return observe(Env, path=ENV_PATH, salt=_SALT, rules=rules)


def env_changes(settings: Settings) -> list[EnvChange]:
    """What `complete` would do on this host, or will have done."""
    return secrets.changes(settings, env_state(settings), _SALT)


@converges
def complete(settings: Settings) -> Commands:
    """Give `.env` mode 600, root, and every entry that these settings call for."""
    changes = env_changes(settings)
    if changes:
        explain(changes)
        yield change("env_write", ENV_PATH, stdin=secrets.payload(settings, changes) or "\n")
