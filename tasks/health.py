"""Step 11: what was started side by side answers, before anything is asked of it."""

from pyinfra.api import deploy

from borgstack.operations import stack
from borgstack.project import Project
from borgstack.services import caddy


@deploy("Health")
def wait_until_healthy(project: Project) -> None:
    """Go on only when everything behind Caddy is healthy."""
    names = [name for name in project.services if name != caddy.NAME]
    stack.wait(name="Wait for what is starting", project=project, names=names)
