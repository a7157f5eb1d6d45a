"""Step 12: what services hold beside their containers, as Evolution its instance."""

from pyinfra.api import deploy
from pyinfra.context import host

from borgstack import services
from borgstack.operations import stack
from borgstack.project import Project
from borgstack.services.base import Service


@deploy("States")
def converge_states(project: Project) -> None:
    """Have each service hold what it declares."""
    for one in host.loop(services.enabled(project.settings)):
        if not one.own_task:
            converge(project, one)


def converge(project: Project, service: Service) -> None:
    """Have one service hold what it declares."""
    if service.state:
        name = service.state.step or f"Converge {service.title}"
        stack.converge_state(name=name, project=project, service=service)
