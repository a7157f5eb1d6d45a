"""Step 8: what needs nothing of Chatwoot to get ready; services without a step of their own."""

from pyinfra.api import deploy
from pyinfra.context import host

from borgstack import services
from borgstack.operations import stack
from borgstack.project import Project


@deploy("Services")
def start_services(project: Project) -> None:
    """Have them started; a later step waits for them."""
    for one in host.loop(services.enabled(project.settings)):
        if not one.own_task:
            name = f"Start {one.title}"
            stack.start(name=name, project=project, names=one.containers, wait=False)
