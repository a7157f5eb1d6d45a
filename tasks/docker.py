"""Step 2: Docker Engine and Compose, from Docker's repository or the distribution's."""

from pyinfra.api import deploy

from borgstack.operations import docker
from borgstack.project import Project


@deploy("Docker")
def install_docker(project: Project) -> None:
    """Have Docker installed, configured, enabled and running."""
    docker.install(name="Install Engine and Compose", settings=project.settings)
    docker.configure(name="Configure and run the daemon", settings=project.settings)
