"""What the numbers were measured on, and with which versions; nothing that tells whose machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.hosts import NAMES, REPOSITORY
from tests import lab

ON_HOST = {
    "debian": "cat /etc/debian_version",
    "docker": "docker version --format '{{.Server.Version}}'",
    "compose": "docker compose version --short",
    "openssh": "sshd -V 2>&1 | sed 's/[ ,].*//'",
}


def described() -> dict[str, Any]:
    """The machine, the versions on both ends, and the day."""
    return {
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "memory_gib": round(
                os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1
            ),
            "linux": ".".join(platform.release().split(".")[:2]),
        },
        "versions": {
            "python": platform.python_version(),
            "borgstack": version("borgstack"),
            "pyinfra": version("pyinfra"),
            **_ansible(),
            **{
                name: lab.ssh(NAMES[0], command).stdout.strip() for name, command in ON_HOST.items()
            },
        },
        "day": datetime.now(UTC).date().isoformat(),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _ansible() -> dict[str, str]:
    pip = str(REPOSITORY / ".bench-venv/bin/pip")
    listed = subprocess.run([pip, "list", "--format=json"], capture_output=True, check=True)
    packages = json.loads(listed.stdout)
    wanted = ("ansible", "ansible-core")
    return {one["name"]: one["version"] for one in packages if one["name"] in wanted}
