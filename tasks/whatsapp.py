"""Step 12: WhatsApp, wired to n8n; only the phone is left to be paired."""

from pyinfra.api import deploy

from borgstack.operations import whatsapp
from borgstack.project import Project


@deploy("WhatsApp")
def connect_whatsapp(project: Project) -> None:
    """Have Evolution wired to n8n."""
    if project.settings.whatsapp:
        whatsapp.converge_instance(name="Converge the WhatsApp instance", project=project)
