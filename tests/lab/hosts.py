"""Target hosts: containers in which an operator's world is real (SSH, systemd, apt, Docker)."""

from __future__ import annotations

import contextlib
import hashlib
import io
import ipaddress
import json
import re
import shlex
import socket
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab import config, engine, images
from tests.lab.config import LABEL_OWNER, PREFIX
from tests.lab.console import LabError, say
from tests.lab.containers import Container, ensure, remove
from tests.lab.docker import docker, inspect, own_names
from tests.lab.shell import run, wait_until, write_file

# --privileged fails on machines that themselves lack CAP_SYS_RESOURCE; this set works there too.
CAPABILITIES = (
    "NET_ADMIN SYS_ADMIN SYS_MODULE SYS_PTRACE SYS_CHROOT SYS_NICE SYS_TIME SYS_TTY_CONFIG SYSLOG "
    "MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL IPC_LOCK LINUX_IMMUTABLE NET_BROADCAST MAC_ADMIN "
    "MAC_OVERRIDE DAC_READ_SEARCH BLOCK_SUSPEND WAKE_ALARM"
)
OPTIONS = (
    *(f"--cap-add={capability}" for capability in CAPABILITIES.split()),
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
    "--device-cgroup-rule=a *:* rwm",
    "--cgroupns=host",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    "--tmpfs=/run",
    "--tmpfs=/run/lock",
    "--tmpfs=/tmp:exec",
    "--env=container=docker",
)
# systemd 257 takes a version 1 cgroup hierarchy only when told twice.
CGROUP_V1_OPTIONS = ("--env=SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1",)
CGROUP_V1_COMMAND = (
    "/sbin/init",
    "systemd.unified_cgroup_hierarchy=0",
    "systemd.legacy_systemd_cgroup_controller=1",
)
# The users that may log in, by the lab's key: (user id, group id, home).
USERS = ((0, 0, "/root"), (1000, 1000, "/home/deployer"), (1001, 37, "/home/operator"))
BOOT_SECONDS = 120


def container_name(name: str) -> str:
    """Return the name of a host's container."""
    return f"{PREFIX}-host-{name}"


def existing() -> list[str]:
    """Return the names of the hosts whose containers exist."""
    prefix = container_name("")
    return [name.removeprefix(prefix) for name in own_names("container") if name.startswith(prefix)]


def prepare(names: Sequence[str]) -> None:
    """Choose keys, addresses and ports, before the hosts themselves are made side by side."""
    for name in names:
        _check_name(name)
        _ensure_keys(name)
        _ensure_endpoint(name)
    write_known_hosts()


def ensure_host(name: str) -> None:
    """Make a host that has booted and answers over SSH; a new one is bare."""
    if ensure(_declared(name)):
        place = endpoint(name)
        say(f"host {name} is new: 127.0.0.1:{place['port']}, {place['address']}")
    wait_for_boot(name)


def _declared(name: str) -> Container:
    domain, place = config.host_domain(name), endpoint(name)
    version_1 = not Path("/sys/fs/cgroup/cgroup.controllers").exists()
    return Container(
        name=container_name(name),
        role="host",
        image=images.host(system(name)),
        address=place["address"],
        aliases=(domain, *(f"{service}.{domain}" for service in config.HOST_SERVICES)),
        volumes=tuple(
            (f"{container_name(name)}-{part}", f"/var/lib/{part}")
            for part in ("docker", "containerd")
        ),
        options=(
            f"--hostname={name}",
            f"--label={LABEL_OWNER}={_owner()}",
            f"--publish=127.0.0.1:{place['port']}:22",
            *OPTIONS,
            *(CGROUP_V1_OPTIONS if version_1 else ()),
        ),
        command=CGROUP_V1_COMMAND if version_1 else (),
        files=_key_archive(name),
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
        raise LabError(
            "a host name of lower-case letters, digits and hyphens", repr(name), "choose another"
        )
    if name in config.GROUPS:
        raise LabError(
            "a host whose name is no group's, for --limit to mean one of them",
            f"{name}, a group of inventory.py",
            f"choose another; without one it is {config.DEFAULT_HOST}",
        )


def _ensure_keys(name: str) -> None:
    """Make the lab's SSH key and the host's own key once; known_hosts then stays true."""
    engine.install("openssh-client", program="ssh-keygen")
    for path in (config.SSH_KEY, config.HOSTS / name / "host-key"):
        if path.exists() and path.with_suffix(".pub").exists():
            continue
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        comment = f"{PREFIX} {path.parent.name}/{path.name}"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def _ensure_endpoint(name: str) -> None:
    """Choose a host's address and SSH port at its first start; they stay the same ever after.

    A checkout that was another LAB before has places in that one's network; they are given anew.
    """
    path = config.HOSTS / name / "endpoint.json"
    places = {
        p.parent.name: json.loads(p.read_text()) for p in config.HOSTS.glob("*/endpoint.json")
    }
    network = ipaddress.ip_network(config.SUBNET)
    taken = {
        host: place
        for host, place in places.items()
        if ipaddress.ip_address(place["address"]) in network
    }
    if name not in taken:
        addresses = {place["address"] for place in taken.values()}
        number = next(
            number
            for number in range(config.FIRST_HOST_NUMBER, 255)
            if config.host_address(number) not in addresses
        )
        port = _free_port(config.FIRST_SSH_PORT + number)
        taken[name] = {"address": config.host_address(number), "port": str(port)}
        write_file(path, json.dumps(taken[name]))


def endpoint(name: str) -> dict[str, str]:
    """Return the address and the SSH port of a host that was made before."""
    path = config.HOSTS / name / "endpoint.json"
    if not path.exists():
        raise LabError(
            f"a lab host {name}", "it was never made", f"`python -m tests.lab up --host {name}`"
        )
    found: dict[str, str] = json.loads(path.read_text())
    return found


def keep_system(names: Sequence[str], chosen: str) -> None:
    """Keep which system hosts have; one that has another is made anew, bare."""
    if chosen not in images.HOSTS:
        raise LabError(
            f"a system of the lab's: {', '.join(images.HOSTS)}",
            chosen,
            f"choose another; without one it is {config.DEFAULT_SYSTEM}",
        )
    for name in names:
        write_file(config.HOSTS / name / "system", f"{chosen}\n")


def system(name: str) -> str:
    """Return the system of a host: a name in `images.HOSTS`."""
    path = config.HOSTS / name / "system"
    return path.read_text().strip() if path.exists() else config.DEFAULT_SYSTEM


def _free_port(wanted: int) -> int:
    """Return the port wanted, or any that is free where a stranger listens on it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise LabError("a free port on 127.0.0.1", "none", "see `ss -ltn`")


def _key_archive(name: str) -> bytes:
    """Pack the host's own key and everyone's authorized_keys with the owners sshd insists on."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:

        def add(path: str, mode: int, owner: tuple[int, int], content: bytes | None) -> None:
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.mode, (entry.uid, entry.gid) = mode, owner
            entry.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            entry.size = len(content or b"")
            archive.addfile(entry, io.BytesIO(content or b""))

        key = config.HOSTS / name / "host-key"
        add("/etc/ssh/ssh_host_ed25519_key", 0o600, (0, 0), key.read_bytes())
        add(
            "/etc/ssh/ssh_host_ed25519_key.pub", 0o644, (0, 0), key.with_suffix(".pub").read_bytes()
        )
        for uid, gid, home in USERS:
            add(f"{home}/.ssh", 0o700, (uid, gid), None)
            public = config.SSH_KEY.with_suffix(".pub").read_bytes()
            add(f"{home}/.ssh/authorized_keys", 0o600, (uid, gid), public)
    return buffer.getvalue()


def wait_for_boot(name: str) -> None:
    """Wait until a host answers over SSH and systemd has finished starting."""
    command = ssh_command(name, "root", "systemctl is-system-running --wait")
    last = subprocess.CompletedProcess(command, 255, "", "")

    def booted() -> bool:
        nonlocal last
        last = run(command, check=False, timeout=BOOT_SECONDS)
        return last.stdout.strip() in ("running", "degraded")

    def seen() -> str:
        tail = docker("logs", "--tail=15", container_name(name), check=False)
        return f"{last.stdout}{last.stderr}{tail}"

    hint = f"`python -m tests.lab reset {name}` makes it anew"
    wait_until(booted, f"host {name} to boot", BOOT_SECONDS, seen, hint)


def ssh_command(name: str, user: str, command: str) -> list[str]:
    """Return the OpenSSH command line that runs a command on a host."""
    options = {
        "IdentitiesOnly": "yes",
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(config.KNOWN_HOSTS),
        "GlobalKnownHostsFile": "/dev/null",
        "ConnectTimeout": "10",
        "LogLevel": "ERROR",
    }
    flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    port = endpoint(name)["port"]
    return [
        "ssh",
        "-F",
        "/dev/null",
        "-T",
        "-i",
        str(config.SSH_KEY),
        "-p",
        port,
        *flags,
        f"{user}@127.0.0.1",
        "--",
        command,
    ]


def write_known_hosts() -> None:
    """Write the public keys of all hosts that have one."""
    lines = []
    for path in sorted(config.HOSTS.glob("*/endpoint.json")):
        kind, key, *_ = (path.parent / "host-key.pub").read_text().split()
        lines.append(f"[127.0.0.1]:{json.loads(path.read_text())['port']} {kind} {key}\n")
    write_file(config.KNOWN_HOSTS, "".join(lines))


def keep_data(names: Sequence[str], data: Mapping[str, object]) -> None:
    """Keep settings for hosts, which every deploy to them then gets."""
    for name in names:
        write_file(config.HOSTS / name / "data.json", json.dumps(data))


def _kept_data(name: str) -> dict[str, object]:
    path = config.HOSTS / name / "data.json"
    kept: dict[str, object] = json.loads(path.read_text()) if path.exists() else {}
    return kept


def write_hosts_json() -> None:
    """Tell the project's inventory.py where the hosts are, and what is special about them."""
    hosts = {}
    for name in existing():
        place = endpoint(name)
        hosts[name] = {
            **_kept_data(name),
            "ssh_hostname": "127.0.0.1",
            "ssh_port": int(place["port"]),
            "ssh_user": "root",
            "ssh_key": str(config.SSH_KEY),
            "ssh_known_hosts_file": str(config.KNOWN_HOSTS),
            "domain": config.host_domain(name),
            "address": place["address"],
        }
    write_file(config.HOSTS_JSON, json.dumps(hosts, indent=2) + "\n")


def remove_host(name: str) -> None:
    """Remove a host's container, its volumes and what its own engine left in the cgroup tree."""
    volumes = [f"{container_name(name)}-{part}" for part in ("docker", "containerd")]
    nested = _nested_containers(volumes[0])
    remove(container_name(name), volumes)
    for container in nested:  # killed with their host, they leave empty cgroups behind
        for path in Path("/sys/fs/cgroup").glob(f"*/docker/{container}"):
            with contextlib.suppress(OSError):
                path.rmdir()


def _nested_containers(volume: str) -> list[str]:
    """Return the ids of the containers that a host's own engine has made."""
    mount = docker("volume", "inspect", "--format", "{{.Mountpoint}}", volume, check=False).strip()
    containers = Path(mount) / "containers"
    return [path.name for path in containers.iterdir()] if mount and containers.is_dir() else []


def remove_strangers() -> None:
    """Remove hosts that another checkout of this project left: nobody has their keys here, or
    their names are groups' now.
    """
    for seen in inspect("container", [container_name(name) for name in existing()]):
        name = seen["Name"].removeprefix(f"/{container_name('')}")
        mine = seen["Config"]["Labels"].get(LABEL_OWNER) == _owner()
        kept = (config.HOSTS / name / "endpoint.json").exists() and name not in config.GROUPS
        if not mine or not kept:
            say(f"removing host {name}: another checkout made it")
            remove_host(name)


def _owner() -> str:
    """Return what tells this checkout's hosts from another's: the digest of its public key."""
    path = config.SSH_KEY.with_suffix(".pub")
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def quoted(command: str | list[str]) -> str:
    """Return a command as one string for the remote shell."""
    return command if isinstance(command, str) else shlex.join(command)
