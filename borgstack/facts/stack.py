"""The live stack: engine, images, containers, networks, and what services hold."""

from __future__ import annotations

from pyinfra.api import FactBase, StringCommand

from borgstack import live_stack
from borgstack.facts import read_lines
from borgstack.live_stack import StackState
from borgstack.remote import script_command


class Stack(FactBase[StackState]):
    """All that the stack's operations compare, in one look."""

    def command(
        self, directory: str, plain: str, compose: str, states: str, things: tuple[str, ...]
    ) -> StringCommand:
        """Run `stack_state.sh`, which says what the arguments are."""
        return script_command("stack_state", directory, plain, compose, states, *things)

    def process(self, output: list[str]) -> StackState:
        """Read what it prints."""
        return read_lines("stack_state", live_stack.parse, output)

    @staticmethod
    def default() -> StackState:
        """A host without Docker."""
        return StackState()
