"""The lab's command line: python -m tests.lab up | down | ssh | reset | reboot | status."""

from __future__ import annotations

import argparse
import os
import sys

from tests.lab import hosts, images, lifecycle
from tests.lab.config import DEFAULT_HOST
from tests.lab.console import LabError


def parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    top = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    commands = top.add_subparsers(dest="action", required=True)
    start = commands.add_parser("up", help="start services and hosts; quick when all is there")
    start.add_argument("--host", action="append", metavar="NAME")
    start.add_argument("--system", help=f"what these hosts are: {', '.join(images.HOSTS)}")
    stop = commands.add_parser("down", help="remove hosts, services, volumes and network")
    stop.add_argument("--images", action="store_true", help="remove the lab's images too")
    remote = commands.add_parser("ssh", help="run a command as root on a host")
    remote.add_argument("--host", default=DEFAULT_HOST, metavar="NAME")
    remote.add_argument("words", nargs=argparse.REMAINDER, metavar="CMD")
    commands.add_parser("reset", help="make a host bare again").add_argument("name")
    commands.add_parser("reboot", help="shut a host down and boot it").add_argument("name")
    commands.add_parser("status", help="say what runs")
    return top


def main() -> int:
    """Carry out one command."""
    options = parser().parse_args()
    if options.action == "up":
        lifecycle.up(options.host or [DEFAULT_HOST], system=options.system)
    elif options.action == "down":
        lifecycle.down(remove_images=options.images)
    elif options.action == "ssh":
        remote = hosts.ssh_command(options.host, "root", " ".join(options.words))
        os.execvp(remote[0], remote)  # noqa: S606 - output and exit code are the command's own
    elif options.action == "status":
        print(lifecycle.status())
    else:
        {"reset": lifecycle.reset, "reboot": lifecycle.reboot}[options.action](options.name)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        print(f"lab: error\n{error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
