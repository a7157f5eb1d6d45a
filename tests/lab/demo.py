"""`make demo`: deploy to the lab host, twice, verify the result, say what to open."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from tests import lab
from tests.lab.config import DEFAULT_HOST, host_domain
from tests.lab.console import LabError, say

HOST = DEFAULT_HOST
DOMAIN = host_domain(HOST)
NAME = f"chatwoot.{DOMAIN}"


def main() -> int:
    """Deploy, verify, and print what a person does next."""
    first = _deploy()
    say(f"deployed in {first[1]:.0f} s")
    changed, seconds = _deploy()
    if changed:
        raise LabError("a second run that changes nothing", f"changes in {changed}", "report it")
    say(f"the same command again: no change, {seconds:.1f} s")
    _verify()
    address = lab.address(HOST)
    print(
        f"""
Chatwoot runs on the lab host, behind HTTPS with the lab authority's certificate:

  from here       curl --cacert .lab/ca-root.pem --resolve {NAME}:443:{address} https://{NAME}/api
  in a browser    add "{address} {NAME}" to /etc/hosts, trust .lab/ca-root.pem,
                  open https://{NAME}/app
  first login     ops@lab.test, with the password that this prints:
                  make -s lab-ssh CMD='grep ADMIN_PASSWORD /opt/borgstack/.env'
  the host        make -s lab-ssh CMD='docker compose --project-directory /opt/borgstack ps -a'
  verify again    .venv/bin/borgstack verify --limit {HOST}
  deploy again    .venv/bin/pyinfra inventory.py deploy.py --limit {HOST}
  remove it all   make lab-down
"""
    )
    return 0


def _deploy() -> tuple[list[str], float]:
    """Run the product's own command; what changed, and the seconds it took."""
    command = [".venv/bin/pyinfra", "inventory.py", "deploy.py", "--limit", HOST, "-y", "--json"]
    started = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    if done.returncode:
        raise LabError(
            "the deploy to succeed", f"exit code {done.returncode}", "read the message above"
        )
    operations = json.loads(done.stdout)["results"]["operations"]
    return [one["name"] for one in operations if one["success"]], time.monotonic() - started


def _verify() -> None:
    """Ask the product itself whether what it made works; its answer is for people."""
    done = subprocess.run(
        [".venv/bin/borgstack", "verify", "--limit", HOST], stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise LabError("every check to pass", f"exit code {done.returncode}", "see `next` above")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        print(f"demo: error\n{error}", file=sys.stderr)
        sys.exit(1)
