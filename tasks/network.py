"""Step 6: the networks; one that somebody made by hand may have a way out, or stop Compose."""

from pyinfra.api import deploy

from borgstack.operations import stack
from borgstack.project import Project


@deploy("Networks")
def clear_networks(project: Project) -> None:
    """Have no network of the stack's names that is not as declared; Compose makes them anew."""
    stack.converge_networks(name="Remove what is not as declared", project=project)
