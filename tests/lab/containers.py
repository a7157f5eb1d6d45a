"""Keep a container as it was declared: made, started or replaced, whatever an earlier run left."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import config, images
from tests.lab.config import GATEWAY, LABEL, LABEL_INPUTS, NETWORK, SUBNET
from tests.lab.console import say
from tests.lab.docker import docker, inspect
from tests.lab.shell import run

NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class Container:
    """What a container should be."""

    name: str
    role: str  # the value of the lab's label: service or host
    image: str  # name under images/
    address: str
    aliases: tuple[str, ...] = ()
    volumes: tuple[tuple[str, str], ...] = ()  # (volume, mount point)
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    files: bytes = b""  # a tar archive unpacked in it before its first start

    def inputs(self) -> str:
        """Return a hash of all that the container is made of."""
        parts = [repr(self).encode(), images.image_id(images.own(self.image)).encode()]
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


def ensure_network() -> None:
    """Make the lab's network, with addresses of its own."""
    # A packet that fits here must fit the machine's own way out.
    outward = _outward_mtu()
    config.MTU.parent.mkdir(parents=True, exist_ok=True)
    config.MTU.write_text(f"{outward}\n")
    if inspect("network", [NETWORK]):
        return
    mtu = f"com.docker.network.driver.mtu={outward}"
    options = [f"--label={LABEL}=network", f"--subnet={SUBNET}", f"--gateway={GATEWAY}"]
    run(
        ["docker", "network", "create", *options, f"--opt={mtu}", NETWORK],
        next_step=f"does another network use {SUBNET}? See `docker network ls` and `ip route`",
    )


def _outward_mtu() -> int:
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        device, destination = line.split()[:2]
        if destination == "00000000":  # the default route
            return min(1500, int(Path(f"/sys/class/net/{device}/mtu").read_text()))
    return 1500


def ensure(wanted: Container) -> bool:
    """Make the container run as declared. Return whether it was made anew."""
    inputs = wanted.inputs()
    seen = next(iter(inspect("container", [wanted.name])), None)
    if seen and _is(seen, inputs):
        if not seen["State"]["Running"]:
            say(f"starting {wanted.name}")
            docker("start", wanted.name)
        return False
    if seen:
        say(f"replacing {wanted.name}: it is half made, or what it is made of changed")
    remove(wanted.name, [volume for volume, _ in wanted.volumes] if wanted.role == "host" else [])
    _create(wanted, inputs)
    return True


def _is(seen: dict[str, Any], inputs: str) -> bool:
    """Tell whether a container is the declared one; one that never started may lack its files."""
    same = seen["Config"]["Labels"].get(LABEL_INPUTS) == inputs
    return bool(same and seen["State"]["StartedAt"] != NEVER and not seen["State"]["Dead"])


def _create(wanted: Container, inputs: str) -> None:
    mounts = []
    for volume, target in wanted.volumes:
        docker("volume", "create", f"--label={LABEL}={wanted.role}", volume)
        mounts += ["--volume", f"{volume}:{target}"]
    aliases = [f"--network-alias={alias}" for alias in wanted.aliases]
    docker(
        "create",
        "--name",
        wanted.name,
        f"--label={LABEL}={wanted.role}",
        f"--label={LABEL_INPUTS}={inputs}",
        "--restart=unless-stopped",
        f"--network={NETWORK}",
        f"--ip={wanted.address}",
        *aliases,
        *mounts,
        *wanted.options,
        images.own(wanted.image),
        *wanted.command,
    )
    if wanted.files:
        run(["docker", "cp", "-", f"{wanted.name}:/"], stdin=wanted.files)
    docker("start", wanted.name)


def remove(name: str, volumes: list[str]) -> None:
    """Remove a container, and the volumes given, if they are there."""
    docker("rm", "--force", "--volumes", name, check=False)
    if volumes:
        docker("volume", "rm", "--force", *volumes)
