"""A real browser in the lab's network, made when a test asks for it and not before."""

from __future__ import annotations

import http.client
import io
import json
import tarfile

from tests.lab import config, containers, images
from tests.lab.config import PREFIX
from tests.lab.console import LabError
from tests.lab.containers import Container
from tests.lab.docker import docker
from tests.lab.shell import lock, wait_until

NAME = f"{PREFIX}-browser"
PORT = 9515
SECONDS = 60


def browser() -> str:
    """Make the browser run, trusting the lab's authority; return the address of its WebDriver."""
    with lock():
        images.ensure_own("browser")
        containers.ensure(_declared())
    hint = f"`docker logs {NAME}`"
    wait_until(_ready, f"{NAME} to answer", SECONDS, lambda: docker("logs", NAME), hint)
    return f"http://{config.BROWSER_ADDRESS}:{PORT}"


def _declared() -> Container:
    return Container(
        name=NAME,
        role="service",
        image="browser",
        address=config.BROWSER_ADDRESS,
        # Chromium's processes share memory, more than Docker's 64 MB; --init buries the dead ones.
        options=("--shm-size=512m", "--init"),
        files=_authority(),
    )


def _authority() -> bytes:
    """Pack the authority's root: with another root, the container is made anew."""
    if not config.CA_ROOT.exists():
        seen = f"no {config.CA_ROOT}"
        raise LabError("the root of the lab's authority", seen, "`python -m tests.lab up`")
    root = config.CA_ROOT.read_bytes()
    entry = tarfile.TarInfo("etc/lab-ca-root.pem")
    entry.size, entry.mode = len(root), 0o644
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(entry, io.BytesIO(root))
    return buffer.getvalue()


def _ready() -> bool:
    connection = http.client.HTTPConnection(config.BROWSER_ADDRESS, PORT, timeout=5)
    try:
        connection.request("GET", "/status")
        return bool(json.load(connection.getresponse())["value"]["ready"])
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()
