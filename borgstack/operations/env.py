"""`.env`: missing values are born and sent over stdin; present ones are never read or changed."""

from __future__ import annotations

from borgstack import secrets
from borgstack.operations import Commands, converges, explain
from borgstack.operations.looks import env_changes
from borgstack.project import ENV_PATH
from borgstack.remote import locked_command
from borgstack.settings import Settings


@converges
def complete(settings: Settings) -> Commands:
    """Give `.env` mode 600, root, and every entry that these settings call for."""
    changes = env_changes(settings)
    if changes:
        explain(one.change for one in changes)
        yield locked_command(
            "env_write", ENV_PATH, stdin=secrets.payload(settings, changes) or "\n"
        )
