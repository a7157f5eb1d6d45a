"""Step 5: the project's files, rendered from templates/ and put in place as one set."""

from pyinfra.api import deploy

from borgstack.operations import files
from borgstack.project import Project


@deploy("Configuration")
def put_files(project: Project) -> None:
    """Have /opt/borgstack as rendered."""
    files.put(name="Put the project's files in place", project=project)
