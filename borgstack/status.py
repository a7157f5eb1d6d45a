"""`borgstack status`: WhatsApp's phone, n8n and the replies on each host, in one look a host."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass

import gevent
from pyinfra.api import Host, State
from pyinfra.api.connect import disconnect_all
from pyinfra.api.exceptions import PyinfraError

from borgstack import services
from borgstack.bridge import Bridge, words
from borgstack.facts.whatsapp import Whatsapp
from borgstack.hosts import UnusableError, ask, connect, select_hosts
from borgstack.operations import run_log
from borgstack.project import DIRECTORY, render
from borgstack.remote import state_program
from borgstack.salted import SALT
from borgstack.settings import Settings
from borgstack.verb import Verb

SCHEMA = 1


@dataclass(frozen=True)
class HostStatus:
    """What was found on one host.

    :ivar instance: the name of the Evolution instance; None where WhatsApp is switched off.
    :ivar bridge: what is seen of it; None where it is switched off or could not be looked at.
    """

    host: str
    errors: tuple[str, ...] = ()
    instance: str | None = None
    bridge: Bridge | None = None

    @property
    def fine(self) -> bool:
        """The phone is connected and both directions are open, or WhatsApp is switched off."""
        if self.errors or self.instance is None:
            return not self.errors
        seen = self.bridge or Bridge()
        open_ = seen.phone is not None and seen.phone.status == "open"
        alone = seen.phone is not None and not seen.phone.former
        hears = seen.listens is not None and not seen.unregistered
        return open_ and alone and hears and seen.wired is True

    def lines(self) -> Iterable[str]:
        """The form for people."""
        yield f"{self.host}:"
        yield from (f"  error: {error}" for error in self.errors)
        if self.instance is None and not self.errors:
            yield "  WhatsApp is switched off (whatsapp)"
        if self.bridge is not None:
            yield f"  phone    {self._phone()}"
            yield from self._former()
            yield f"  n8n      {_listening(self.bridge)}"
            yield f"  replies  {_wiring(self.bridge)}"
            yield from _failing(self.bridge)

    def _former(self) -> Iterable[str]:
        phone = self.bridge.phone if self.bridge else None
        for one in phone.former if phone else ():
            yield f"  former   {one} still brings messages in; list it in former_instances, deploy"

    def _phone(self) -> str:
        phone = self.bridge.phone if self.bridge else None
        if phone is None:
            return "Evolution does not answer; on the host: docker logs --tail 50 evolution"
        if phone.status is None:
            return f"Evolution has no instance {self.instance}; deploy"
        number = f", the number ending in {phone.number}" if phone.number else ", not paired yet"
        since = f", since {phone.since}" if phone.since else ""
        again = "" if phone.status == "open" else f"; borgstack pair --limit {self.host}"
        return f"{phone.status}{number}{since}{again}"


def _listening(bridge: Bridge) -> str:
    if bridge.listens is None:
        return "does not answer; on the host: docker logs --tail 50 n8n"
    if bridge.unregistered:
        return f"does not listen for {', '.join(bridge.unregistered)}; deploy"
    return f"listens for {', '.join(bridge.listens)}"


def _wiring(bridge: Bridge) -> str:
    if bridge.wired is None:
        return "not known: PostgreSQL does not answer"
    return "Chatwoot hands them to n8n" if bridge.wired else "Chatwoot hands them to nobody; deploy"


def _failing(bridge: Bridge) -> Iterable[str]:
    if bridge.failures is None:
        yield "  failed   not known: n8n's database does not answer"
    elif not bridge.failures:
        yield "  failed   nothing in the last 24 hours"
    for one in bridge.failures or ():
        yield f"  failed   {one.count} of {one.workflow} in the last 24 hours"


@dataclass(frozen=True)
class Status:
    """The whole answer: one entry a host, and what stopped it as a whole."""

    hosts: tuple[HostStatus, ...] = ()
    error: str | None = None

    @property
    def exit_code(self) -> int:
        """0 when messages can flow on every host, else 1."""
        return int(bool(self.error) or not self.hosts or any(not host.fine for host in self.hosts))

    def as_json(self) -> str:
        """The documented form, see docs/whatsapp.md."""
        hosts = [_row(host) for host in self.hosts]
        return json.dumps(
            {"schema": SCHEMA, "exit_code": self.exit_code, "error": self.error, "hosts": hosts}
        )

    def as_text(self) -> str:
        """The form for people."""
        lines = [f"error: {self.error}"] if self.error else []
        return "\n".join([*lines, *(line for host in self.hosts for line in host.lines())])


def _row(host: HostStatus) -> dict[str, object]:
    seen = host.bridge or Bridge()
    phone = seen.phone
    return {
        "host": host.host,
        "errors": host.errors,
        "instance": host.instance,
        "state": None if phone is None else phone.status or "missing",
        "since": phone.since if phone else None,
        "number": phone.number or None if phone else None,
        "former": None if phone is None else phone.former,
        "listens": seen.listens,
        "replies": seen.wired,
        "failed": None if seen.failures is None else [asdict(one) for one in seen.failures],
    }


def status(
    limit: Iterable[str] = (), data: Iterable[str] = (), inventory: str = "inventory.py"
) -> Status:
    """Look at WhatsApp on the hosts of `inventory` that `limit` leaves.

    :param limit: group names, host names or globs, as pyinfra's `--limit` takes them.
    :param data: `NAME=VALUE` words, as pyinfra's `--data` takes them.
    """
    try:
        state, settings = select_hosts(inventory, limit, data)
    except UnusableError as error:
        return Status(error=str(error))
    with suppress(PyinfraError):  # none can be reached; each says why
        connect(state)
    try:
        looks = [gevent.spawn(_look, state, host, one) for host, one in settings.items()]
        gevent.joinall(looks, raise_error=True)
    finally:
        disconnect_all(state)
    return Status(tuple(look.value for look in looks))


def _look(state: State, host: Host, settings: Settings) -> HostStatus:
    if not settings.whatsapp:
        return HostStatus(host.name)
    instance = settings.whatsapp_instance
    if host not in state.active_hosts:
        why = tuple(run_log(host).refusals) or ("it cannot be reached",)
        return HostStatus(host.name, why, instance)
    try:
        wanted = render(settings).wanted
        states = state_program(services.shown(settings), wanted, DIRECTORY, SALT)
        seen = ask(state, host, Whatsapp, states=states, words=words(settings))
    except (UnusableError, PyinfraError) as error:
        seen = str(error)
    if isinstance(seen, str):
        return HostStatus(host.name, (seen,), instance)
    return HostStatus(host.name, (), instance, seen)


VERB = Verb(
    "status",
    help="WhatsApp: the phone, n8n, the replies, what failed",
    exit_codes="0 the phone is connected and both directions are open, 1 otherwise",
    run=lambda asked: status(asked.limit, asked.data, asked.inventory),
    document="whatsapp",
)
