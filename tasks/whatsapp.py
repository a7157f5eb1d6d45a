"""Step 9: WhatsApp: Evolution API, which speaks with it, and n8n, which carries the messages."""

from pyinfra.api import deploy

from borgstack.operations import stack, whatsapp
from borgstack.project import Project
from borgstack.whatsapp import EVOLUTION, N8N


@deploy("WhatsApp")
def connect_whatsapp(project: Project) -> None:
    """Have both running and wired to Chatwoot; only the phone is left to be paired."""
    if not project.settings.whatsapp:
        return
    stack.start(name="Start Evolution API", project=project, names=(EVOLUTION,))
    whatsapp.prepare_n8n(name="Import credentials and workflows", project=project)
    stack.start(name="Start n8n", project=project, names=(N8N,))
    # Before Caddy: nobody outside may come first.
    whatsapp.claim_n8n(name="Give n8n its owner", project=project)
    whatsapp.converge_instance(name="Converge the WhatsApp instance", project=project)
