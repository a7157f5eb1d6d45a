"""The state that deploy.py converges, with pyinfra's own operations, as its documentation has it.

Three report a change every time: `docker.compose` and `server.shell` cannot know that there is
nothing to do, and the first also starts the one-shot chatwoot-prepare again; `files.put` compares
owners by name, and the user of redis.conf has none on the host.
"""

import os
from pathlib import Path

from pyinfra.context import host
from pyinfra.facts.files import File
from pyinfra.operations import apt, docker, files, server, systemd
from pyinfra.operations.util import any_changed

RENDERED = Path(os.environ["BENCH_RENDERED"]) / host.name
DIRECTORY = "/opt/borgstack"
OF_DOCKER = {
    "docker.asc": "/etc/apt/keyrings/docker.asc",
    "docker.sources": "/etc/apt/sources.list.d/docker.sources",
    "daemon.json": "/etc/docker/daemon.json",
}
ROOT = RENDERED / "root"
FOLDERS = (
    "",
    "first-passwords",
    *sorted(str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_dir()),
)
FILES = sorted(str(p.relative_to(ROOT)) for p in ROOT.rglob("*") if p.is_file())

put = [
    files.put(
        name=f"Put {source}",
        src=str(RENDERED / source),
        dest=target,
        user="root",
        group="root",
        mode="644",
    )
    for source, target in OF_DOCKER.items()
]
apt.update(name="Read the new source", _if=any_changed(*put))
apt.packages(
    name="Install Engine and Compose",
    packages=["docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin"],
    no_recommends=True,
)
systemd.service(name="Run Docker", service="docker", running=True, enabled=True)

for folder in FOLDERS:
    files.directory(
        name=f"Have {DIRECTORY}/{folder}",
        path=f"{DIRECTORY}/{folder}".rstrip("/"),
        user="root",
        group="root",
        mode={"": "750", "first-passwords": "700"}.get(folder, "755"),
    )
for name in FILES:
    files.put(
        name=f"Put {name}",
        src=str(ROOT / name),
        dest=f"{DIRECTORY}/{name}",
        user="root",
        group="root",
        mode=f"{(ROOT / name).stat().st_mode & 0o777:o}",
    )
files.put(
    name="Put redis.conf",
    src=str(RENDERED / "redis.conf"),
    dest=f"{DIRECTORY}/config/redis/redis.conf",
    user="999",
    group="1000",
    mode="600",
)
if host.get_fact(File, path=f"{DIRECTORY}/.env"):
    files.file(name="Keep .env", path=f"{DIRECTORY}/.env", user="root", group="root", mode="600")

docker.compose(name="Start the stack", project_directory=DIRECTORY)
server.shell(
    name="Converge roles, databases and extensions",
    commands=[
        "docker exec borgstack_postgresql psql -qX -U postgres "
        "-f /docker-entrypoint-initdb.d/init-databases.sql"
    ],
)
