"""Step 14: what upgrades have left, once everything runs."""

from pyinfra.api import deploy

from borgstack.operations import stack
from borgstack.project import Project


@deploy("Clean")
def remove_superseded(project: Project) -> None:
    """Remove the images of before that no way back needs."""
    stack.remove_superseded(name="Remove superseded images", project=project)
