"""Step 12: what services hold beside their containers, as Evolution its instance."""

from pyinfra.api import deploy
from pyinfra.context import host

from borgstack import services
from borgstack.operations import stack
from borgstack.project import Project


@deploy("States")
def converge_states(project: Project) -> None:
    """Have each service hold what it declares."""
    for one in host.loop(services.enabled(project.settings)):
        if one.state:
            stack.converge_state(name=f"Converge {one.title}", project=project, service=one)
