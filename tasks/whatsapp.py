"""Step 12: WhatsApp's parts, wired to each other; only the phone is left to be paired."""

from pyinfra.api import deploy

from borgstack.operations import whatsapp
from borgstack.project import Project


@deploy("WhatsApp")
def connect_whatsapp(project: Project) -> None:
    """Have n8n owned and Evolution wired to it, before Caddy: nobody outside may come first."""
    if project.settings.whatsapp:
        whatsapp.claim_n8n(name="Give n8n its owner", project=project)
        whatsapp.converge_instance(name="Converge the WhatsApp instance", project=project)
