"""Renders each host's files for Ansible and stock pyinfra, and writes Ansible's inventory.

Both put the same bytes as this project does, so none of them sees what another did as drift.
A process of its own, for pyinfra's modules replace Python's own `subprocess`.

Usage: python -m bench.render HOST...
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pyinfra.api import Config, State
from pyinfra.context import ctx_config, ctx_state
from pyinfra_cli.inventory import make_inventory

from bench.errors import BenchError
from bench.hosts import DOCKER_KEY, INVENTORY, KNOWN_HOSTS, RENDERED, REPOSITORY
from borgstack import docker_daemon, docker_packages
from borgstack.host_data import settings_of_all
from borgstack.project import Project, render
from borgstack.services.chatwoot import FIRST_PASSWORDS
from tests.lab.shell import write_file


def main(names: Iterable[str]) -> None:
    """Write everything for these hosts."""
    data = _data_of_hosts(set(names))
    settings = settings_of_all(data.items())
    for name, one in settings.items():
        _write_files(RENDERED / name, render(one))
    members = {
        name: {
            "ansible_host": str(data[name]["ssh_hostname"]),
            "ansible_port": data[name]["ssh_port"],
            "ansible_user": str(data[name]["ssh_user"]),
            "ansible_ssh_private_key_file": str(data[name]["ssh_key"]),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={KNOWN_HOSTS} -o IdentitiesOnly=yes "
            "-o StrictHostKeyChecking=yes",
            "domain": one.domain,
            "caddy_email": one.caddy_email,
        }
        for name, one in settings.items()
    }
    write_file(INVENTORY, json.dumps({"all": {"hosts": members}}, indent=2))


def _data_of_hosts(names: set[str]) -> dict[str, dict[str, Any]]:
    """The data that inventory.py and group_data give each host."""
    state, settings = State(), Config()
    state.cwd = str(REPOSITORY)
    ctx_state.set(state)
    ctx_config.set(settings)
    inventory = make_inventory("inventory.py", cwd=state.cwd)
    data = {host.name: host.data.dict() for host in inventory if host.name in names}
    if set(data) != names:
        raise BenchError(f"{', '.join(sorted(names))} in inventory.py", ", ".join(data))
    return data


def _write_files(folder: Path, project: Project) -> None:
    """One host's files: `root/` is /opt/borgstack, with modes; beside it what lies elsewhere."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "root").mkdir(parents=True)
    for file in project.files:
        if file.path == FIRST_PASSWORDS:
            continue  # an empty folder, to which Ansible would give every folder's mode
        # Ansible copies a whole tree with one owner, so the one file of another user lies beside.
        path = folder / ("redis.conf" if file.uid else f"root/{file.path}")
        if file.content is None:
            path.mkdir(exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.content)
            path.chmod(int(file.mode, 8))
    goal = docker_packages.wanted(project.settings, "debian", "trixie", os.uname().machine)
    (folder / "docker.sources").write_text(goal.sources)
    declared = docker_daemon.daemon_settings(project.settings)
    (folder / "daemon.json").write_text(json.dumps(declared, indent=2) + "\n")
    shutil.copy(DOCKER_KEY, folder / "docker.asc")


if __name__ == "__main__":
    main(sys.argv[1:])
