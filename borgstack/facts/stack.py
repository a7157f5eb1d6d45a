"""The live stack: engine, images, containers, networks, databases, Redis, Caddy."""

from __future__ import annotations

from pyinfra.api import FactBase, StringCommand

from borgstack import live_stack
from borgstack.facts import read_lines
from borgstack.live_stack import StackState
from borgstack.remote import script_command
from borgstack.services.base import Database
from borgstack.services.redis.live import ONBOARDING


class Stack(FactBase[StackState]):
    """All that the stack's operations compare, in one look."""

    def command(
        self,
        directory: str,
        databases: tuple[Database, ...],
        redis: tuple[str, ...],
        names: tuple[str, ...],
        plain: str,
        compose: str,
        caddyfile: str,
        admin: str,
        salt: str,
        states: str,
        whatsapp: tuple[str, str],
        things: tuple[str, ...],
    ) -> StringCommand:
        """Run `stack_state.sh`, which says what the arguments are."""
        words = (
            " ".join(f"{one.name}:{one.role}:{one.password}" for one in databases),
            " ".join((ONBOARDING, *redis)),
            " ".join(names),
        )
        wanted = (plain, compose, caddyfile, admin, salt)
        return script_command("stack_state", directory, *words, *wanted, states, *whatsapp, *things)

    def process(self, output: list[str]) -> StackState:
        """Read what it prints."""
        return read_lines("stack_state", live_stack.parse, output)

    @staticmethod
    def default() -> StackState:
        """A host without Docker."""
        return StackState()
