"""Step 10: n8n, which carries the messages; its workflows name what Chatwoot has made."""

from pyinfra.api import deploy

from borgstack.operations import stack, whatsapp
from borgstack.project import Project
from borgstack.services import n8n


@deploy("WhatsApp")
def start_n8n(project: Project) -> None:
    """Have n8n running with credentials, workflows and its owner: nobody else may come first."""
    if project.settings.whatsapp:
        whatsapp.prepare_n8n(name="Import credentials and workflows", project=project)
        stack.start(name="Start n8n", project=project, names=(n8n.WEB,))
        whatsapp.claim_n8n(name="Give n8n its owner", project=project)
