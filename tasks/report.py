"""Step 15: what there is now, in words, for the person who ran it."""

from pyinfra.api import deploy

from borgstack.operations import report
from borgstack.project import Project


@deploy("Report")
def tell(project: Project) -> None:
    """Say what is public, who can log in, and what is not configured yet."""
    report.tell(name="Say what there is now", project=project)
