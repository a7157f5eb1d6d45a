"""Step 1: is this server fit? All findings at once, before anything is touched."""

from pyinfra.api import deploy

from borgstack.operations import preflight
from borgstack.project import Project


@deploy("Preflight")
def check_server(project: Project) -> None:
    """Stop here unless the server can become what the settings say."""
    preflight.check(name="Check the server", project=project)
