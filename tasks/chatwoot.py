"""Step 9: Chatwoot: prepared first, so that nobody can claim it, then web and worker."""

from pyinfra.api import deploy

from borgstack.operations import stack
from borgstack.project import Project
from borgstack.services import chatwoot


@deploy("Chatwoot")
def start_chatwoot(project: Project) -> None:
    """Have schema, account and assets at the image's version, and Chatwoot started."""
    stack.prepare(name="Prepare schema, account and assets", project=project)
    names = (chatwoot.WEB, chatwoot.WORKER)
    stack.start(name="Start web and worker", project=project, names=names, wait=False)
