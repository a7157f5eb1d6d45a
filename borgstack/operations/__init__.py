"""How a desired state comes about: one operation looks once, compares, and closes the difference.

`cached_fact` and `converging_operation` keep that cheap and true. What was seen on a host is kept
until one of our operations is about to change something there, and never from the plan to the
execution.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pyinfra import logger
from pyinfra.api import FactBase, FunctionCommand, Host, State, StringCommand, operation
from pyinfra.api.arguments import CONNECTOR_ARGUMENT_KEYS
from pyinfra.api.arguments_typed import PyinfraOperation
from pyinfra.api.command import PyinfraCommand
from pyinfra.api.exceptions import OperationError
from pyinfra.connectors.util import CommandOutput
from pyinfra.context import ctx_host, ctx_state, host, state
from typing_extensions import override

from borgstack import lock
from borgstack.change import Change

Value = TypeVar("Value")
Parameters = ParamSpec("Parameters")
Commands = Generator[PyinfraCommand, None, None]

_SEEN = "borgstack_seen"


def cached_fact(fact: type[FactBase[Value]], **arguments: Any) -> Value:  # noqa: ANN401 - the fact's own
    """The fact's value on this host, read again only after something may have changed there."""
    seen = host.connector_data.setdefault(_SEEN, {})
    key = (state.is_executing, fact, tuple(sorted(arguments.items())))
    if key not in seen:
        seen[key] = host.get_fact(fact, **arguments)
        if host not in state.active_hosts:
            raise OperationError(f"the fact {fact.__name__} could not be read (see above).")
    value: Value = seen[key]
    return value


def forget_facts() -> None:
    """What was observed on this host may be otherwise by now: look anew."""
    host.connector_data.pop(_SEEN, None)


def converging_operation(
    function: Callable[Parameters, Commands],
) -> PyinfraOperation[Parameters]:
    """Make an operation of a generator: every command that it yields ends what was observed, and
    none runs once the host's lock is lost.
    """

    @wraps(function)
    def forgetting(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Commands:
        try:
            for command in function(*args, **kwargs):
                if state.is_executing and (why := lock.lost(ctx_host.get())):
                    yield from refuse([why])
                    return
                yield command
                forget_facts()
        except OperationError as error:
            # Left alone, it would end the run on every host.
            yield from refuse([str(error)])

    return operation()(forgetting)


@dataclass
class RunLog:
    """What a run said of one host, for whoever presents it otherwise (`borgstack plan`).

    :ivar changes: what an operation puts right, by its hash.
    :ivar diffs: unified diffs by path, secrets masked, by the operation's hash; of plans only.
    :ivar unknown: what a plan cannot know: before an earlier step has run, or because what runs has
        not answered.
    :ivar lasting: of these, what no run will bring to be known.
    :ivar refusals: why the host was refused.
    :ivar answers: what `answering` commands have told, by their kind.
    """

    changes: dict[str, list[Change]] = field(default_factory=dict)
    diffs: dict[str, dict[str, str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    lasting: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def run_log(host: Host) -> RunLog:
    """What this run has said of a host so far."""
    record: RunLog = host.connector_data.setdefault("borgstack_told", RunLog())
    return record


def log_changes(changes: Iterable[Change]) -> None:
    """Tell the operator what is about to be changed on this host, one line each."""
    found = list(changes)
    run_log(ctx_host.get()).changes.setdefault(_operation(), []).extend(found)
    for change in found:
        logger.info(f"{host.print_prefix}{change}")


def show_diff(path: str, diff: str) -> None:
    """Add a file's diff to what is told of the present operation."""
    run_log(ctx_host.get()).diffs.setdefault(_operation(), {})[path] = diff


def note_unknown(what: str, *, lasting: bool = False) -> None:
    """Say what this plan leaves open; a deploy that executes looks again and says nothing.

    :param lasting: no run will bring it to be known, and none has to.
    """
    record = run_log(ctx_host.get())
    if not state.is_executing and what not in record.unknown:
        record.unknown.append(what)
        record.lasting += [what] if lasting else []
        logger.info(f"{host.print_prefix}not known yet: {what}")


def _operation() -> str:
    return str(host.current_op_hash)


def refuse(lines: list[str]) -> Commands:
    """Fail this host, and only this one, with a message; nothing is touched on it.

    In the plan the host drops out at once, in the execution the operation is its last one.
    """
    run_log(ctx_host.get()).refusals.extend(lines)
    for line in lines:
        logger.error(f"{host.print_prefix}{line}")
    if not state.is_executing:
        ctx_state.get().fail_hosts({ctx_host.get()})
        return
    yield FunctionCommand(_fail, (), {})


def _fail(state: State, host: Host) -> bool:
    return False


class Streamed(StringCommand):
    """A command whose output the operator sees line by line while it runs."""

    @override
    def execute(
        self, state: State, host: Host, connector_arguments: Any
    ) -> tuple[bool, CommandOutput]:
        """Run it; pyinfra would print a failed command's output a second time, hence none."""
        connector_arguments.update(self.connector_arguments)
        status, _ = host.run_shell_command(
            self, print_output=True, print_input=state.print_input, **connector_arguments
        )
        return status, CommandOutput([])


def streamed(command: StringCommand) -> Streamed:
    """The same command, its output shown while it runs."""
    return Streamed(*command.bits, **command.connector_arguments)


class Answering(StringCommand):
    """A command whose last line `KIND JSON` is kept; whoever asked judges it, and its silence."""

    def __init__(self, kind: str, command: StringCommand) -> None:
        super().__init__(*command.bits, **command.connector_arguments)
        self.kind = kind

    @override
    def execute(
        self, state: State, host: Host, connector_arguments: Any
    ) -> tuple[bool, CommandOutput]:
        """Run it; nothing of its output is printed."""
        run_log(host).answers.pop(self.kind, None)
        connector_arguments.update(self.connector_arguments)
        try:
            _, output = host.run_shell_command(
                self, print_output=False, print_input=state.print_input, **connector_arguments
            )
        except EOFError:
            # paramiko says it of a connection that ends; pyinfra would end the run on every host.
            raise OSError("the connection to the host has ended") from None
        if (found := last_object(self.kind, output.stdout_lines)) is not None:
            run_log(host).answers[self.kind] = found
        return True, CommandOutput([])


def last_object(kind: str, output: Iterable[str]) -> Mapping[str, Any] | None:
    """The object in the last line `KIND JSON`; None without one."""
    said = [line.partition(" ")[2] for line in output if line.startswith(f"{kind} ")]
    try:
        found = json.loads(said[-1])
    except (IndexError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def answering(kind: str, command: StringCommand) -> Answering:
    """The same command, its answer kept for `answer`."""
    return Answering(kind, command)


def answer(kind: str) -> Mapping[str, Any] | None:
    """What the last command of this kind has told on this host; None for nothing."""
    return run_log(ctx_host.get()).answers.get(kind)


def run_now(command: Streamed) -> bool:
    """Run a command that waits and changes nothing itself, outside the plan; whether it ended well.

    What it has waited for is to be looked at anew.
    """
    if not state.is_executing:
        return True
    given: Mapping[str, Any] = host.current_op_global_arguments or {}
    arguments = {key: value for key, value in given.items() if key in CONNECTOR_ARGUMENT_KEYS}
    status, _ = command.execute(ctx_state.get(), ctx_host.get(), arguments)
    forget_facts()
    return status
