"""What surrounds the hosts: the registry mirror, the ACME CA and Docker's apt repository."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import socket
import ssl
from collections.abc import Callable

from tests.lab import config, images
from tests.lab.config import PREFIX
from tests.lab.console import step
from tests.lab.containers import Container, ensure
from tests.lab.docker import docker
from tests.lab.shell import run, wait_until, write_file

REGISTRY = Container(
    name=f"{PREFIX}-registry",
    role="service",
    image="registry",
    address=config.REGISTRY_ADDRESS,
    aliases=(config.REGISTRY_NAME,),
    volumes=((f"{PREFIX}-registry", "/var/lib/registry"),),
    options=(f"--publish={config.REGISTRY_PUSH}:5000",),
)
CA = Container(
    name=f"{PREFIX}-ca",
    role="service",
    image="ca",
    address=config.CA_ADDRESS,
    aliases=(config.CA_NAME,),
    volumes=((f"{PREFIX}-ca", "/data"),),
)
DOWNLOAD = Container(
    name=f"{PREFIX}-download",
    role="service",
    image="download",
    address=config.DOWNLOAD_ADDRESS,
    aliases=(config.DOWNLOAD_NAME,),
    options=(f"--volume={config.APT_KEYS}:/keys",),
)
MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)


def ensure_all() -> None:
    """Start the services and wait until each answers."""
    config.APT_KEYS.mkdir(mode=0o700, parents=True, exist_ok=True)
    probes = ((REGISTRY, _registry_answers), (CA, _ca_answers), (DOWNLOAD, _download_answers))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda pair: _ensure(*pair), probes))
    write_file(config.APT_FINGERPRINT, (config.APT_KEYS / "fingerprint").read_text())


def _ensure(service: Container, answers: Callable[[], bool]) -> None:
    ensure(service)
    logs = ["docker", "logs", "--tail=15", service.name]

    def seen() -> str:
        done = run(logs, check=False)
        return done.stdout + done.stderr

    wait_until(answers, f"{service.name} to answer", 60, seen, f"`docker logs {service.name}`")


def _get(address: str, port: int, path: str) -> http.client.HTTPResponse | None:
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Accept": ", ".join(MANIFESTS)})
        return connection.getresponse()
    except (OSError, http.client.HTTPException):
        return None


def _registry_answers() -> bool:
    response = _get(config.REGISTRY_ADDRESS, 5000, "/v2/")
    return response is not None and response.status == 200


def _download_answers() -> bool:
    response = _get(config.DOWNLOAD_ADDRESS, 80, "/linux/debian/dists/trixie/InRelease")
    return response is not None and response.status == 200


def _ca_answers() -> bool:
    """Export the CA's root, and check that the directory is served under it."""
    path = "/data/caddy/pki/authorities/local/root.crt"
    root = run(["docker", "exec", CA.name, "cat", path], check=False)
    if root.returncode or not root.stdout.rstrip().endswith("-----END CERTIFICATE-----"):
        return False
    write_file(config.CA_ROOT, root.stdout)
    context = ssl.create_default_context(cafile=str(config.CA_ROOT))
    try:
        with (
            socket.create_connection((config.CA_ADDRESS, 443), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=config.CA_NAME),
        ):
            return True
    except OSError:
        return False


def push(sources: dict[str, str]) -> None:
    """Put the stack's images into the mirror under their real names, those that differ."""
    for name, source in sources.items():
        repository, tag = images.reference(name).split(":")
        if "/" not in repository:
            repository = f"library/{repository}"
        if _pushed(repository, tag) == images.image_id(source):
            continue
        with step(f"pushing {repository}:{tag} (from {source})"):
            target = f"{config.REGISTRY_PUSH}/{repository}:{tag}"
            docker("tag", source, target)
            docker("push", "--quiet", target)
            docker("image", "rm", target)


def _pushed(repository: str, tag: str) -> str:
    """Return the id of the image that the mirror holds under a name, or an empty string."""
    response = _get(config.REGISTRY_ADDRESS, 5000, f"/v2/{repository}/manifests/{tag}")
    if response is None or response.status != 200:
        return ""
    # With the containerd image store an image's id is the manifest's digest, else its config's.
    digest = response.headers.get("Docker-Content-Digest", "")
    manifest = json.load(response)
    return str(manifest["config"]["digest"]) if "config" in manifest else digest
