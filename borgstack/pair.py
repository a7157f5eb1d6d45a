"""`borgstack pair`: shows WhatsApp's code in the terminal until a phone has taken it.

Whoever scans the code decides which WhatsApp this installation speaks for, so it is shown to the
person at the terminal, and reaches no file, no log and no pipe.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

import gevent
import segno
from pyinfra.api import Host, State
from pyinfra.api.connect import disconnect_all
from pyinfra.api.exceptions import PyinfraError

from borgstack.deploys.pair import pair_phone
from borgstack.hosts import UnusableError, carry_out, connect, select_hosts
from borgstack.operations import run_log
from borgstack.run import PRODUCTION
from borgstack.settings import Settings
from borgstack.verb import Verb

TIMEOUT = 180
_TURN = 20
"""Seconds that one question to the host waits for another code or for the phone."""
_BORDER = 2
_BLOCKS = {(0, 0): " ", (0, 1): "▄", (1, 0): "▀", (1, 1): "█"}
_BLACK_ON_WHITE, _PLAIN = "\x1b[38;5;16;48;5;231m", "\x1b[0m"


@dataclass(frozen=True)
class Outcome:
    """How it ended, in words for the person at the terminal."""

    text: str
    exit_code: int = 1

    def as_text(self) -> str:
        """The form for people; there is no other."""
        return self.text


def drawn(code: str) -> list[str]:
    """A QR code in lines of half blocks: two rows of it to a line."""
    made = segno.make(code, error="l", micro=False, boost_error=False)
    rows = [list(row) for row in made.matrix_iter(border=_BORDER)]
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return ["".join(map(_block, upper, lower)) for upper, lower in pairs]


def _block(upper: int, lower: int) -> str:
    return _BLOCKS[int(bool(upper)), int(bool(lower))]


class _Screen:
    """A part of the terminal: each code takes the place of the one before."""

    def __init__(self, terminal: TextIO) -> None:
        self.terminal = terminal
        self.height = 0

    def show(self, lines: list[str]) -> None:
        """Write the lines where those before them stood."""
        if 0 < self.height < shutil.get_terminal_size().lines:
            self.terminal.write(f"\x1b[{self.height}F\x1b[J")
        self.terminal.writelines(f"{line}\n" for line in lines)
        self.terminal.flush()
        self.height = len(lines)


def pair(
    limit: Iterable[str] = (),
    data: Iterable[str] = (),
    inventory: str = "inventory.py",
    *,
    number: str = "",
    timeout: int = TIMEOUT,
    terminal: TextIO | None = None,
) -> Outcome:
    """Pair a phone with the one host of `inventory` that `limit` leaves.

    :param number: of the phone, digits alone; WhatsApp then gives a code to type as well.
    :param timeout: seconds until this gives up.
    :param terminal: where the code is shown; standard output.
    """
    terminal = terminal or sys.stdout
    if not terminal.isatty():
        return Outcome("error: expected a terminal to show the code in; it goes nowhere else")
    try:
        state, host, settings = _the_host(inventory, tuple(limit), data)
    except UnusableError as error:
        return Outcome(f"error: {error}")
    screen = _Screen(terminal)
    gevent.get_hub().NOT_ERROR += (KeyboardInterrupt,)  # or gevent prints it, beside the answer
    try:
        connect(state)
        instance = settings.whatsapp_instance
        screen.show([f"Asking WhatsApp for a code, for {instance} on {host.name} …"])
        pairing = _Pairing(host, settings, screen, number, timeout)
        carry_out(state, pair_phone, settings=settings, dialogue=pairing)
        outcome = pairing.outcome or _refused(host)
    except PyinfraError as error:
        outcome = _refused(host, str(error))
    except KeyboardInterrupt:
        outcome = Outcome("stopped; no phone was paired. The code expires by itself")
    finally:
        disconnect_all(state)
    screen.show([])
    return outcome


def _refused(host: Host, why: str = "the connection to the host has ended") -> Outcome:
    return Outcome(f"error: {'; '.join(run_log(host).refusals) or why}")


def _the_host(
    inventory: str, limit: tuple[str, ...], data: Iterable[str]
) -> tuple[State, Host, Settings]:
    state, settings = select_hosts(inventory, limit, data)
    names = ", ".join(host.name for host in settings)
    if len(settings) > 1:
        raise UnusableError(f"expected one host, saw {names}; name it: borgstack pair --limit NAME")
    ((host, one),) = settings.items()
    if PRODUCTION in host.groups and not limit:
        raise UnusableError(f"{names} is production; name it: borgstack pair --limit {names}")
    if not one.whatsapp:
        raise UnusableError(f"WhatsApp is switched off on {names} (whatsapp)")
    return state, host, one


class _Pairing:
    """Shows one code after the other, until the phone has taken one or the time is over.

    :ivar outcome: how it ended; None while it goes on.
    """

    def __init__(
        self, host: Host, settings: Settings, screen: _Screen, number: str, timeout: int
    ) -> None:
        self.host, self.settings, self.screen = host, settings, screen
        self.number, self.timeout = number, timeout
        self.ends = time.monotonic() + timeout
        self.seen, self.first = "", True
        self.outcome: Outcome | None = None

    @property
    def left(self) -> float:
        """Seconds that a phone still has."""
        return self.ends - time.monotonic()

    def question(self) -> tuple[str, ...] | None:
        """Ask for another code than the one that is shown, or for the phone."""
        if self.outcome is None and (left := self.left) <= 0:
            self.outcome = Outcome(_given_up(self.host, self.timeout, shown=bool(self.seen)))
        if self.outcome is not None:
            return None
        seconds = str(max(1, min(_TURN, int(left))))
        return self.settings.whatsapp_instance, self.number, self.seen, seconds

    def hear(self, said: Mapping[str, Any] | None) -> None:
        """Show the code, or note how it ended."""
        said = said or {"error": "no answer from inside the container evolution"}
        instance = self.settings.whatsapp_instance
        if "error" in said:
            self.outcome = Outcome(
                f"error: expected a code from Evolution; saw: {said['error']}\n"
                f"next: {_LOGS}; deploy again if the container does not run"
            )
        elif said["state"] == "missing":
            self.outcome = Outcome(f"error: Evolution has no instance {instance}; deploy makes it")
        elif said["state"] == "open":
            text = _paired(self.host, self.settings, said, already=self.first)
            self.outcome = Outcome(text, 0)
        elif "code" in said:
            self.seen = said["digest"]
            waits = f"Waiting for the phone, {int(self.left)} s; Ctrl-C stops."
            self.screen.show([*_card(said), waits])
        self.first = False


_LOGS = "on the host: docker logs --tail 50 evolution"


def _card(said: Mapping[str, Any]) -> Iterable[str]:
    lines = drawn(str(said["code"]))
    yield "On the phone: WhatsApp, Settings, Linked devices, Link a device; then scan this."
    if shutil.get_terminal_size().columns < len(lines[0]):
        yield f"The terminal is too narrow for the QR code: it takes {len(lines[0])} columns."
    else:
        yield from (f"{_BLACK_ON_WHITE}{line}{_PLAIN}" for line in lines)
    if typed := str(said.get("pairingCode") or ""):
        yield f"Or link with the phone number, and type: {typed[:4]}-{typed[4:]}"


def _paired(host: Host, settings: Settings, said: Mapping[str, Any], *, already: bool) -> str:
    number = f"the number ending in {said['number']}" if said.get("number") else "a phone"
    if already:
        return f"{host.name} is paired with {number} already; nothing to do"
    return (
        f"{host.name} is paired with {number}.\n"
        "next: write to that number from another phone: the message comes into the inbox "
        f"{settings.whatsapp_inbox} of Chatwoot.\n"
        f"borgstack status --limit {host.name} shows how it is"
    )


def _given_up(host: Host, timeout: int, *, shown: bool) -> str:
    if shown:
        return (
            f"error: no phone has taken a code in {timeout} s\n"
            "next: run it again; --timeout 600 gives more time. Where the phone says that it\n"
            f"cannot link the device: {_TROUBLE}"
        )
    return f"error: WhatsApp gave no code in {timeout} s\nnext: {_TROUBLE}"


_TROUBLE = f"""\
{_LOGS}
  * WhatsApp turns old versions away: set evolution_phone_version to the one that
    web.whatsapp.com has now, or evolution_image to a newer Evolution, and deploy
  * a connection that hangs: docker restart evolution on the host, then pair again
  * docs/whatsapp.md says more"""


def _digits(text: str) -> str:
    """A phone number with its country, in digits alone."""
    digits = re.sub(r"[+ ().-]", "", text)
    if not re.fullmatch(r"[1-9][0-9]{6,14}", digits):
        raise ArgumentTypeError("expected a number with its country, as 5511987654321")
    return digits


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--number",
        type=_digits,
        metavar="DIGITS",
        help="of the phone, with its country: for a code to type where nothing can be scanned",
    )
    parser.add_argument(
        "--timeout",
        type=int,
        default=TIMEOUT,
        metavar="SECONDS",
        help=f"{TIMEOUT}, unless you say otherwise",
    )


VERB = Verb(
    "pair",
    help="show WhatsApp's code in this terminal until a phone has taken it",
    exit_codes="0 the phone is connected, 1 it is not",
    run=lambda asked: pair(
        asked.limit,
        asked.data,
        asked.inventory,
        number=asked.number or "",
        timeout=asked.timeout,
    ),
    arguments=_arguments,
)
