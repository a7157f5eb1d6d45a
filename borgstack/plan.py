"""`borgstack plan`: what a run would change on each host and why, without touching any.

It runs the deploy's own comparisons: deploy.py itself, prepared by pyinfra and never executed. So
what a plan lists is what a run does; a test holds the two equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

from pyinfra.api import Host, State
from pyinfra.api.connect import disconnect_all
from pyinfra.api.exceptions import PyinfraError
from pyinfra_cli.util import load_deploy_file

from borgstack.change import Change
from borgstack.hosts import choose_hosts, connect, describe, new_state, not_in_project
from borgstack.operations import run_log
from borgstack.verb import Verb

NOTHING, ERROR, CHANGES = 0, 1, 2
"""Exit codes, as `terraform plan -detailed-exitcode` has them."""
SCHEMA = 2


@dataclass(frozen=True)
class Step:
    """One operation that would change the host.

    :ivar diffs: unified diffs by path, secrets masked.
    """

    step: str
    differences: tuple[Change, ...]
    diffs: Mapping[str, str] = field(default_factory=dict)

    @property
    def reasons(self) -> list[str]:
        """The differences as sentences."""
        return [str(one) for one in self.differences]


@dataclass(frozen=True)
class HostPlan:
    """What a run would do to one host.

    :ivar errors: why it can do nothing there; then the other fields are empty.
    :ivar unknown: what depends on a step that has not run yet, or has not been answered.
    :ivar unanswered: of these, what no step is there to bring about: something that runs does not
        answer. So it cannot be said that nothing would change.
    """

    host: str
    errors: tuple[str, ...] = ()
    changes: tuple[Step, ...] = ()
    unknown: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The whole answer: one entry a host, and what stopped the plan as a whole."""

    hosts: tuple[HostPlan, ...] = ()
    error: str | None = None

    @property
    def exit_code(self) -> int:
        """0 when nothing would change, 2 when something would, 1 when that cannot be said."""
        unclear = any(host.errors or host.unanswered for host in self.hosts)
        if self.error or not self.hosts or unclear:
            return ERROR
        return CHANGES if any(host.changes for host in self.hosts) else NOTHING

    def as_json(self) -> str:
        """The documented form, see docs/plan.md."""
        found = {"schema": SCHEMA, "exit_code": self.exit_code, **asdict(self)}
        for host, said in zip(self.hosts, found["hosts"], strict=True):
            for step, change in zip(host.changes, said["changes"], strict=True):
                change["reasons"] = step.reasons
        return json.dumps(found)

    def as_text(self) -> str:
        """The form for people."""
        lines: list[str] = [f"error: {self.error}"] if self.error else []
        for host in self.hosts:
            lines += _host_lines(host)
        changed = sum(bool(host.changes) for host in self.hosts)
        failed = sum(bool(host.errors) for host in self.hosts)
        unclear = sum(bool(host.unanswered) for host in self.hosts)
        open_ = f", {unclear} not wholly seen" if unclear else ""
        counted = f"{changed} would change, {failed} with an error{open_}"
        lines.append(f"{len(self.hosts)} hosts: {counted}.")
        return "\n".join(lines)


def _host_lines(host: HostPlan) -> Iterable[str]:
    if host.unanswered:
        yield f"{host.host}: no change was found, but something that runs did not answer:"
    elif not host.changes and not host.errors:
        yield f"{host.host}: nothing would change"
    else:
        yield f"{host.host}:"
    yield from (f"  error: {error}" for error in host.errors)
    for change in host.changes:
        yield f"  {change.step}"
        yield from (f"    {reason}" for reason in change.reasons)
        for path, diff in change.diffs.items():
            yield f"    {path}"
            yield from (f"      {line}" for line in diff.splitlines()[2:])
    yield from (f"  not known yet: {what}" for what in host.unknown)


def make_plan(
    limit: Iterable[str] = (),
    data: Iterable[str] = (),
    inventory: str = "inventory.py",
    deploy: str = "deploy.py",
) -> Plan:
    """Prepare `deploy` for the hosts of `inventory`, and tell what it would change.

    :param limit: group names, host names or globs, as pyinfra's `--limit` takes them.
    :param data: `NAME=VALUE` words, as pyinfra's `--data` takes them.
    """
    if missing := not_in_project(inventory, deploy):
        return Plan(error=missing)
    state = new_state(check_for_changes=True)
    hosts: list[Host] = []
    whole: str | None = None
    try:
        hosts = choose_hosts(state, inventory, limit, data)
        _prepare(state, deploy)
    except PyinfraError as error:
        if not hosts or set(hosts) - state.failed_hosts:
            whole = str(error)
    except Exception as error:  # an inventory or deploy file may raise anything
        whole = f"{inventory} or {deploy} cannot be used: {describe(error)}"
    finally:
        if hosts:
            disconnect_all(state)
    if not hosts:
        return Plan(error=whole or f"no host matches; see {inventory} and --limit")
    told_of = hosts if whole is None else [host for host in hosts if host in state.failed_hosts]
    return Plan(tuple(_host_plan(state, host) for host in told_of), whole)


def _prepare(state: State, deploy: str) -> None:
    if not list(state.inventory):
        return
    connect(state)
    load_deploy_file(state, deploy)


def _host_plan(state: State, host: Host) -> HostPlan:
    said = run_log(host)
    if host in state.failed_hosts:
        return HostPlan(host.name, tuple(said.refusals) or ("it could not be looked at",))
    steps = []
    for operation in host.op_hash_order:
        if state.get_op_data_for_host(host, operation).operation_meta.will_change:
            (name,) = state.get_op_meta(operation).names
            found = tuple(said.changes.get(operation, ()))
            diffs = said.diffs.get(operation, {})
            steps.append(Step(name, found, diffs))
    unanswered = [] if steps else [what for what in said.unknown if what not in said.lasting]
    return HostPlan(host.name, (), tuple(steps), tuple(said.unknown), tuple(unanswered))


VERB = Verb(
    "plan",
    help="what a run would change, and why; touches nothing",
    exit_codes="0 nothing would change, 2 something would, 1 that cannot be said",
    run=lambda asked: make_plan(asked.limit, asked.data, asked.inventory),
    document="plan",
)
