"""Step 13: Caddy, last of all: only now can anybody reach the stack."""

from pyinfra.api import deploy

from borgstack.operations import stack
from borgstack.project import Project
from borgstack.services import caddy
from tasks.states import converge


@deploy("Publish")
def start_caddy(project: Project) -> None:
    """Have Caddy running with the configuration that its Caddyfile says."""
    stack.start(name="Start Caddy", project=project, names=(caddy.NAME,))
    converge(project, caddy.SERVICE)
