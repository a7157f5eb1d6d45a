"""The lab's names, addresses and paths in one place, so that no other file invents one."""

from __future__ import annotations

import os
from pathlib import Path

# Labs on one machine, each for a checkout: LAB=1 to 9 has its own names, addresses and ports.
NUMBER = int(os.environ.get("LAB") or 0)
_number = str(NUMBER or "")
PREFIX = f"borgstack-lab{_number}"  # every container, volume, network and image starts with it
LABEL = f"org.borgstack.lab{_number}"  # and carries this label; nothing without both is touched
LABEL_INPUTS = "org.borgstack.lab.inputs"  # content hash of what an image or container is made of
LABEL_BASE = "org.borgstack.lab.base"  # not LABEL: every image built on the base inherits it
LABEL_OWNER = f"{LABEL}.owner"  # on a host: the checkout whose SSH key opens it
LABEL_STAGE = "org.borgstack.lab.stage"  # intermediate stages of multi-stage builds

NETWORK = PREFIX
_NETWORK = f"10.{88 + NUMBER}.0"
SUBNET = f"{_NETWORK}.0/24"  # clear of Docker's own 172.17-31, which the nested engines use
GATEWAY = f"{_NETWORK}.1"
REGISTRY_ADDRESS = f"{_NETWORK}.2"
# The engine pushes to a registry without TLS only on the loopback network; this is the lab's own
# address there, so that its port is free and a tag that a killed push left is known as the lab's.
REGISTRY_PUSH = f"127.{88 + NUMBER}.0.2:5000"
CA_ADDRESS = f"{_NETWORK}.3"
DOWNLOAD_ADDRESS = f"{_NETWORK}.4"
BROWSER_ADDRESS = f"{_NETWORK}.5"
FIRST_HOST_NUMBER = 11  # 10.88.0.11, published on 127.0.0.1:2211
FIRST_SSH_PORT = 2200 + 300 * NUMBER

DOMAIN = "lab.test"
REGISTRY_NAME = f"registry.{DOMAIN}"
CA_NAME = f"ca.{DOMAIN}"
DOWNLOAD_NAME = f"download.{DOMAIN}"
HOST_SERVICES = ("chatwoot", "n8n", "evolution")  # names in front of a host's domain
DEFAULT_HOST = "demo"  # not "lab", which is the group: `--limit` could not tell them apart
DEFAULT_SYSTEM = "trixie"
GROUPS = ("lab", "staging", "prod")  # of inventory.py

LAB = Path(__file__).resolve().parent
IMAGES = LAB / "images"
STATE = (LAB.parent.parent / ".lab").resolve()
SSH_KEY = STATE / "ssh-key"
KNOWN_HOSTS = STATE / "known_hosts"
CA_ROOT = STATE / "ca-root.pem"
HOSTS_JSON = STATE / "hosts.json"
HOSTS = STATE / "hosts"  # one directory a host: its address, port and host key
APT_KEYS = STATE / "docker-apt"
MTU = STATE / "mtu"
APT_FINGERPRINT = STATE / "docker-apt.fingerprint"
CACHE = STATE / "cache"
BUILD = STATE / "build"
LOCK = STATE / "lock"


def host_address(number: int) -> str:
    """Return the address of a host by its number in the lab's network."""
    return f"{_NETWORK}.{number}"


def host_domain(name: str) -> str:
    """Return the domain under which a host serves its applications."""
    return DOMAIN if name == DEFAULT_HOST else f"{name}.test"
