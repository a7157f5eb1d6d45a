"""A deploy of the first two steps alone, for the tests of Docker's sources."""

from pyinfra.context import ctx_host, ctx_state, host

from borgstack.run import fit_connection, prepare_run
from tasks.docker import install_docker
from tasks.preflight import check_server

project = prepare_run(ctx_state.get())[host.name]
fit_connection(ctx_host.get())
check_server(project=project)
install_docker(project=project)
