"""From a bare server to Chatwoot. Every step looks first and changes only what differs."""

from pyinfra.context import ctx_host, ctx_state, host

from borgstack.run import fit_connection, prepare_run
from tasks.chatwoot import start_chatwoot
from tasks.clean import remove_superseded
from tasks.config import put_files
from tasks.database import converge_databases
from tasks.docker import install_docker
from tasks.health import wait_until_healthy
from tasks.images import pull_images
from tasks.n8n import start_n8n
from tasks.network import clear_networks
from tasks.preflight import check_server
from tasks.publish import start_caddy
from tasks.report import tell
from tasks.secrets import complete_env
from tasks.services import start_services
from tasks.states import converge_states

project = prepare_run(ctx_state.get())[host.name]
fit_connection(ctx_host.get())

check_server(project=project)
install_docker(project=project)
pull_images(project=project)
complete_env(project=project)
put_files(project=project)
clear_networks(project=project)
converge_databases(project=project)
start_services(project=project)
start_chatwoot(project=project)
start_n8n(project=project)
wait_until_healthy(project=project)
converge_states(project=project)
start_caddy(project=project)
remove_superseded(project=project)
tell(project=project)
