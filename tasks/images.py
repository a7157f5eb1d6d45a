"""Step 3: the images, so that a name that does not exist stops the run before anything changes."""

from pyinfra.api import deploy

from borgstack.operations import stack
from borgstack.project import Project


@deploy("Images")
def pull_images(project: Project) -> None:
    """Have every image of the stack on the host."""
    stack.pull_images(name="Pull missing images", project=project)
