"""The last step: what a person wants to know after a deploy that changed something."""

from __future__ import annotations

from pyinfra import logger
from pyinfra.context import ctx_host, host, state

from borgstack import outside, report
from borgstack.operations import Commands, converging_operation, run_log
from borgstack.operations.snapshot import stack_state
from borgstack.project import Project


@converging_operation
def tell(project: Project) -> Commands:
    """Print the report; a run in which nothing differed has nothing to tell."""
    if state.is_executing and any(run_log(ctx_host.get()).changes.values()):
        certificate = outside.certificate_of(project.settings)
        for line in report.lines(project.settings, stack_state(project), certificate):
            logger.info(f"{host.print_prefix}{line}")
    yield from ()
