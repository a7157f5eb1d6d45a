"""`.env`: missing values are born and sent over stdin; present ones are never read or changed."""

from __future__ import annotations

from borgstack import entries
from borgstack.operations import Commands, converging_operation, log_changes
from borgstack.operations.snapshot import env_changes
from borgstack.project import ENV_PATH
from borgstack.remote import locked_command
from borgstack.settings import Settings


@converging_operation
def complete(settings: Settings) -> Commands:
    """Give `.env` mode 600, root, and every entry that these settings call for."""
    changes = env_changes(settings)
    if changes:
        log_changes(one.change for one in changes)
        payload = entries.payload(settings, changes) or "\n"
        yield locked_command("env_write", ENV_PATH, stdin=payload)
