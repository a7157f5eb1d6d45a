"""`make demo`: deploy to the lab host, twice, look at the result from outside, say what to open."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess
import sys
import time

from tests import lab
from tests.lab.console import LabError, say

HOST = "lab"
NAME = f"chatwoot.{HOST}.test"


def main() -> int:
    """Deploy, check, and print what a person does next."""
    first = _deploy()
    say(f"deployed in {first[1]:.0f} s")
    changed, seconds = _deploy()
    if changed:
        raise LabError("a second run that changes nothing", f"changes in {changed}", "report it")
    say(f"the same command again: no change, {seconds:.1f} s")
    _check()
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
  deploy again    .venv/bin/pyinfra inventory.py deploy.py --limit lab
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


def _check() -> None:
    """Ask Chatwoot over HTTPS, with the certificate verified."""
    context = ssl.create_default_context(cafile=str(lab.ca_root_path()))
    connection = http.client.HTTPSConnection(NAME, timeout=20, context=context)
    raw = socket.create_connection((lab.address(HOST), 443), timeout=20)
    connection.sock = context.wrap_socket(raw, server_hostname=NAME)
    connection.request("GET", "/api")
    answer = connection.getresponse()
    said = json.load(answer)
    if answer.status != 200 or (said["queue_services"], said["data_services"]) != ("ok", "ok"):
        raise LabError(
            "https 200 with queue and data ok", f"{answer.status} {said}", "make lab-ssh"
        )
    say(f"https://{NAME}/api: 200, {said['version']}, queues and data ok, certificate verified")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        print(f"demo: error\n{error}", file=sys.stderr)
        sys.exit(1)
