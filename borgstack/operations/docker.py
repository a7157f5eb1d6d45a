"""Docker Engine and its Compose plugin: installed, configured, running."""

from __future__ import annotations

from borgstack import docker_daemon, docker_packages, remote
from borgstack.docker_daemon import DAEMON_JSON
from borgstack.live_docker import DockerState
from borgstack.operations import Commands, converging_operation, log_changes, refuse, streamed
from borgstack.operations.snapshot import docker_state, server_state
from borgstack.settings import Settings


@converging_operation
def install(settings: Settings) -> Commands:
    """Install the engine and Compose from the wanted source and remove what conflicts."""
    server = server_state(settings)
    goal = docker_packages.wanted(settings, server.os[0], server.codename, server.machine)
    state = docker_state()
    changes = docker_packages.install_changes(goal, state)
    if not changes:
        return
    log_changes(changes)
    if not state.running:
        # Written before the first start, daemon.json needs no restart after it. Nothing is started
        # yet: a killed run may have left the packages half installed.
        yield from _configure(settings, state, start=False)
    yield streamed(
        remote.locked_command(
            "docker_install",
            settings.docker_source,
            " ".join(docker_packages.to_install(goal, state)),
            " ".join(goal.conflicts),
            goal.key_url,
            goal.fingerprint,
            " ".join(docker_packages.doubled(goal, state)),
            stdin=goal.sources or "\n",
        )
    )


@converging_operation
def configure(settings: Settings) -> Commands:
    """Merge daemon.json, have it read, and keep docker.service enabled and running."""
    state = docker_state()
    if not state.running and not state.packages:
        return  # only in a plan: the installation configures it before its first start
    old = docker_packages.too_old(state)
    if old is not None:
        yield from refuse(
            [
                f"expected Docker Engine {docker_packages.LEAST_ENGINE} or newer; saw {old}. "
                'Set docker_source = "docker", or upgrade the package.'
            ]
        )
        return
    yield from _configure(settings, state)


def _configure(settings: Settings, state: DockerState, *, start: bool = True) -> Commands:
    try:
        change = docker_daemon.daemon_changes(settings, state)
    except docker_daemon.UnreadableDaemonJson as error:
        yield from refuse(
            [
                f"expected a JSON object in {DAEMON_JSON}; saw: {error}. "
                "The file was left as it is; correct it on the host and run again."
            ]
        )
        return
    if change is not None and (start or change.content is not None):
        log_changes(change.changes)
        write = "no" if change.content is None else "yes"
        load = change.load if start else "later"
        loaded = "yes" if state.loaded else "no"
        words = (write, loaded, load, *change.record)
        yield remote.locked_command("docker_daemon", *words, stdin=change.content or "\n")
