"""Step 6: what is in the way: containers of what was switched off, and networks that somebody
made by hand, which may have a way out, or stop Compose."""

from pyinfra.api import deploy

from borgstack.operations import stack
from borgstack.project import Project


@deploy("Networks")
def clear_networks(project: Project) -> None:
    """Have no container and no network of the stack's that is not as declared."""
    stack.remove_undeclared(name="Remove what is switched off", project=project)
    stack.converge_networks(name="Remove what is not as declared", project=project)
