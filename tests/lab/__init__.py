"""The lab: real target hosts, a registry mirror, an ACME CA and Docker's apt repository.

This module is what the tests import. The parts are one file each; `python -m tests.lab` is the
same from the command line.
"""

from tests.lab.chromium import browser
from tests.lab.lifecycle import (
    address,
    apt_fingerprint,
    ca_root_path,
    down,
    reboot,
    reset,
    ssh,
    up,
)

__all__ = [
    "address",
    "apt_fingerprint",
    "browser",
    "ca_root_path",
    "down",
    "reboot",
    "reset",
    "ssh",
    "up",
]
