"""Step 4: `.env`, mode 600, root; what is missing is generated, what is there stays."""

from pyinfra.api import deploy

from borgstack.operations import env
from borgstack.project import Project


@deploy("Secrets")
def complete_env(project: Project) -> None:
    """Have every secret and setting in `.env`."""
    env.complete(name="Complete .env", settings=project.settings)
