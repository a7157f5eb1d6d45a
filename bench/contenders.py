"""What is measured, as data: the command of each contender, and what its output must say.

A run whose exit code or output is not the expected one ends the benchmark: a number stands only for
what its name says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.hosts import NAMES, REPOSITORY, WITH_WHATSAPP, Route

PYINFRA = str(REPOSITORY / ".venv/bin/pyinfra")
BORGSTACK = str(REPOSITORY / ".venv/bin/borgstack")
ANSIBLE = str(REPOSITORY / ".bench-venv/bin/ansible-playbook")


@dataclass(frozen=True)
class Contender:
    """One way of running something against hosts.

    :ivar name: in the JSON; :ivar label: in tables.
    :ivar command: its argument vector for a route.
    :ivar says: regular expressions that its output has to match, each line by line; `{host}` is
        tried with every host's name, `{hosts}` is their number.
    :ivar asks: what it prints before it waits for Enter; only `pyinfra` without `-y` does.
    :ivar names: the hosts that it runs on, the first so many of them.
    """

    name: str
    label: str
    command: Callable[[Route], list[str]]
    says: tuple[str, ...] = ()
    asks: str = ""
    names: tuple[str, ...] = NAMES


def _pyinfra(deploy: str, *options: str) -> Callable[[Route], list[str]]:
    return lambda route: [PYINFRA, "inventory.py", deploy, *route.pyinfra, *options]


def _ansible(route: Route) -> list[str]:
    return [ANSIBLE, *route.ansible, "bench/ansible/playbook.yml"]


def _total(operations: str, changed: str, unchanged: str) -> str:
    """The last row of pyinfra's results: no error, and so many with and without a change."""
    return rf"Grand total +{operations} +{changed} +- +{unchanged} *$"


SOME = r"[1-9]\d*"
NOTHING_CHANGED = _total(SOME, "-", SOME)
ASKS = "Press enter to execute"

SSH = Contender("ssh", "OpenSSH, `true`", lambda route: [*route.openssh, "true"])
FLOOR = Contender(
    "floor",
    "pyinfra, one `true`",
    _pyinfra("bench/stock/floor.py", "-y"),
    (_total("1", "1", "-"),),
)
FIRST = Contender(
    "first", "borgstack, bare host", _pyinfra("deploy.py", "-y"), (_total(SOME, SOME, ".*"),)
)
ANYHOW = Contender(
    "anyhow", "borgstack, any host", _pyinfra("deploy.py", "-y"), (_total(SOME, r"\S+", r"\S+"),)
)
NOOP = Contender("noop", "borgstack", _pyinfra("deploy.py", "-y"), (NOTHING_CHANGED,))
NOOP_WHATSAPP = replace(
    NOOP, name="noop_whatsapp", label="borgstack with WhatsApp", names=WITH_WHATSAPP
)
PLAN_AND_RUN = Contender(
    "plan_and_run",
    "borgstack, plan, Enter, run",
    _pyinfra("deploy.py"),
    (NOTHING_CHANGED,),
    asks=ASKS,
)
PLAN = Contender(
    "plan",
    "`borgstack plan`",
    lambda route: [BORGSTACK, "plan", *route.pyinfra],
    (r"^{host}: nothing would change$", r"^{hosts} hosts: 0 would change, 0 with an error\.$"),
)
ANSIBLE_FIRST = Contender(
    "ansible_first",
    "Ansible, bare host",
    _ansible,
    (rf"^{{host}} +: ok={SOME} +changed={SOME} +unreachable=0 +failed=0 ",),
)
ANSIBLE_NOOP = Contender(
    "ansible",
    "Ansible",
    _ansible,
    (rf"^{{host}} +: ok={SOME} +changed=0 +unreachable=0 +failed=0 ",),
)
STOCK = Contender(
    "stock",
    "pyinfra's own operations",
    _pyinfra("bench/stock/deploy.py", "-y"),
    # Compose, the SQL and redis.conf: bench/stock/deploy.py says why these three always change.
    (r"^ *Start the stack +{hosts} +{hosts} ", _total(SOME, "3", SOME)),
)
