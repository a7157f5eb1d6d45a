"""Step 8: Evolution API, which speaks with WhatsApp; it needs nothing of Chatwoot to get ready."""

from pyinfra.api import deploy

from borgstack.operations import stack
from borgstack.project import Project
from borgstack.whatsapp import EVOLUTION


@deploy("WhatsApp")
def start_evolution(project: Project) -> None:
    """Have Evolution API started."""
    if project.settings.whatsapp:
        names = (EVOLUTION,)
        stack.start(name="Start Evolution API", project=project, names=names, wait=False)
