"""The lab's names, addresses and paths in one place, so that no other file invents one."""

from __future__ import annotations

from pathlib import Path

PREFIX = "borgstack-lab"  # every container, volume, network and image of the lab starts with it
LABEL = "org.borgstack.lab"  # and carries this label; nothing without both is ever touched
LABEL_INPUTS = f"{LABEL}.inputs"  # content hash of all that went into an image or a container
LABEL_BASE = f"{LABEL}.base"  # not LABEL itself: every image built on the base inherits it
LABEL_OWNER = f"{LABEL}.owner"  # on a host: the checkout whose SSH key opens it
LABEL_STAGE = f"{LABEL}.stage"  # intermediate stages of multi-stage builds

NETWORK = PREFIX
SUBNET = "10.88.0.0/24"  # clear of Docker's own 172.17-31, which the nested engines use
GATEWAY = "10.88.0.1"
REGISTRY_ADDRESS = "10.88.0.2"
# The engine pushes to a registry without TLS only on the loopback network; this is the lab's own
# address there, so that its port is free and a tag that a killed push left is known as the lab's.
REGISTRY_PUSH = "127.88.0.2:5000"
CA_ADDRESS = "10.88.0.3"
DOWNLOAD_ADDRESS = "10.88.0.4"
BROWSER_ADDRESS = "10.88.0.5"
FIRST_HOST_NUMBER = 11  # 10.88.0.11, published on 127.0.0.1:2211
FIRST_SSH_PORT = 2200

DOMAIN = "lab.test"
REGISTRY_NAME = f"registry.{DOMAIN}"
CA_NAME = f"ca.{DOMAIN}"
DOWNLOAD_NAME = f"download.{DOMAIN}"
HOST_SERVICES = ("chatwoot", "n8n", "evolution")  # names in front of a host's domain
DEFAULT_HOST = "lab"

LAB = Path(__file__).resolve().parent
IMAGES = LAB / "images"
STATE = (LAB.parent.parent / ".lab").resolve()
SSH_KEY = STATE / "ssh-key"
KNOWN_HOSTS = STATE / "known_hosts"
CA_ROOT = STATE / "ca-root.pem"
HOSTS_JSON = STATE / "hosts.json"
HOSTS = STATE / "hosts"  # one directory a host: its address, port and host key
APT_KEYS = STATE / "docker-apt"
APT_FINGERPRINT = STATE / "docker-apt.fingerprint"
CACHE = STATE / "cache"
BUILD = STATE / "build"
LOCK = STATE / "lock"


def host_domain(name: str) -> str:
    """Return the domain under which a host serves its applications."""
    return DOMAIN if name == DEFAULT_HOST else f"{name}.test"
