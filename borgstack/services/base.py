"""What a service says of itself: the contract that everything central is derived from.

A service is a folder below `borgstack/services`, a template below `templates` and a row in
`SERVICES`. Nothing in it knows the stack; services may know each other's addresses alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import SecretStr

from borgstack.change import Change, Code
from borgstack.settings import Settings
from borgstack.verdict import Verdict


class Kind(StrEnum):
    """What a value of `.env` looks like and where it comes from."""

    PLAIN = "plain"
    """No secret: follows the settings, and is put right when it differs."""
    PASSWORD = "password"  # noqa: S105 - a kind, not a password
    """Letters and digits, a letter first: safe in URLs, YAML and shells (Chatwoot's traps)."""
    HEX = "hex"
    """A key of data, generated as hexadecimal digits; that of a moved installation is taken."""
    KEY = "key"
    """A key of data, generated as a password; that of a moved installation is taken."""
    LOGIN = "login"
    """A person's password by Chatwoot's rule: upper, lower, digit and special characters."""
    SUPPLIED = "supplied"
    """Given by the operator as a reference in the settings; follows it."""


@dataclass(frozen=True)
class Entry:
    """One key of `.env`.

    :ivar length: of what is generated, and the least of what is taken, where `least` says no other.
    :ivar readers: the service's own containers whose environment may hold it; a test holds the
        rendered compose file to that. Other services say it in `reads`.
    :ivar value: for `PLAIN` and `SUPPLIED`, where the value comes from; None leaves the entry out.
    """

    name: str
    kind: Kind
    comment: str
    placeholder: str
    readers: tuple[str, ...] = ()
    length: int = 0
    least: int = 0
    value: Callable[[Settings], str | None] | None = None


@dataclass(frozen=True)
class Database:
    """One application's database.

    :ivar password: the `.env` entry that holds the role's password, which PostgreSQL reads too.
    :ivar extensions: created by the superuser, since two of Chatwoot's four are not trusted and
        the role must not be a superuser.
    """

    name: str
    role: str
    password: str
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mount:
    """Where a container keeps data that outlives it: a path in it, and the volume."""

    container: str
    path: str
    volume: str


@dataclass(frozen=True)
class Page:
    """A user interface that the setting `editors` may open: its public name, and where it is."""

    host: Callable[[Settings], str]
    upstream: str


@dataclass(frozen=True)
class ProjectFile:
    """One file or folder as it has to lie below the project's directory.

    :ivar path: relative to it; the empty path is the directory itself.
    :ivar content: None for a folder.
    :ivar mode: octal digits, as `stat -c %a` prints them.
    """

    path: str
    content: bytes | None
    mode: str = "644"
    uid: int = 0
    gid: int = 0

    @property
    def expected(self) -> str:
        """What `files_state.sh` prints of it when it is in place."""
        kind = "directory" if self.content is None else "regular file"
        digest = "-" if self.content is None else hashlib.sha256(self.content).hexdigest()
        return f"{kind}|{self.mode}|{self.uid}|{self.gid}|{digest}"


@dataclass(frozen=True)
class Template:
    """A file of the project that is rendered from a template."""

    path: str
    template: str
    mode: str = "644"
    uid: int = 0
    gid: int = 0


def supplied(setting: str) -> Callable[[Settings], str | None]:
    """The secret that this setting refers to; None where nothing is set."""

    def value(settings: Settings) -> str | None:
        secret: SecretStr | None = getattr(settings, setting)
        return secret.get_secret_value() if secret else None

    return value


def _no_files(_: Settings) -> Iterable[ProjectFile | Template]:
    return ()


@dataclass(frozen=True)
class Wanted:
    """What is declared of one host, for a service that is compared with it.

    :ivar databases: those of all services; :ivar public_names: that Caddy asks certificates for.
    :ivar contents: of the project's files, by path.
    """

    settings: Settings
    databases: tuple[Database, ...]
    public_names: tuple[str, ...]
    contents: Mapping[str, bytes]


def _no_words(_: Wanted) -> tuple[str, ...]:
    return ()


def _no_changes(_: Wanted, held: Any) -> list[Change]:  # noqa: ANN401 - what a service holds
    return []


def _no_faults(_: Any) -> Mapping[str, Fault]:  # noqa: ANN401 - what a service holds
    return {}


def _the_same(held: Any) -> Any:  # noqa: ANN401 - what a service holds
    return held


Fault = tuple[Code, str]
"""What only a new container puts right: the kind of difference, and of which attribute."""


@dataclass(frozen=True)
class State:
    """What a service holds beside its container, and how it is brought to what it has to be.

    `state.sh` in the service's folder prints it: a deploy, `borgstack plan` and `borgstack verify`
    ask the same. It is run with the project's directory, a salt and `words`, in a shell that has
    `process CONTAINER`, the id on the host of a running container's process. `converge.sh` there
    closes every difference; it holds the work lock and takes the directory and `orders`.

    :ivar subject: what a change of it is said of, such as `instance whatsapp`.
    :ivar container: the one that is asked, by its name in the compose file: while it is well,
        silence is a failure.
    :ivar parse: reads the lines of `state.sh`; None where they are no answer.
    :ivar changes: the differences to what is declared; none where an operation of the service's
        own compares them.
    :ivar words: no secret; :ivar orders: as much, `words` unless it is said.
    :ivar secrets: entries of `.env` that `converge.sh` brings into it.
    :ivar faults: by container, what only a new one puts right.
    :ivar restarted: what of it is left when the container is made anew; None where such a container
        holds what is declared.
    :ivar from_start: whether the first start brings it about, without `converge.sh`.
    :ivar shown: whether `borgstack status` and `borgstack verify` tell of it, too.
    :ivar step: the name of the operation; `Converge TITLE` unless it is said.
    """

    subject: Callable[[Settings], str]
    container: str
    parse: Callable[[list[str]], Any]
    changes: Callable[[Wanted, Any], list[Change]] = _no_changes
    words: Callable[[Wanted], tuple[str, ...]] = _no_words
    orders: Callable[[Wanted, Any], tuple[str, ...]] | None = None
    secrets: Callable[[Wanted], tuple[str, ...]] = _no_words
    faults: Callable[[Any], Mapping[str, Fault]] = _no_faults
    restarted: Callable[[Any], Any] | None = _the_same
    from_start: bool = False
    shown: bool = False
    step: str = ""


@dataclass(frozen=True)
class StateCheck:
    """A check of `borgstack verify` on what the service's `state.sh` says."""

    name: str
    title: str
    judge: Callable[[Settings, Any], Verdict]


@dataclass(frozen=True)
class Service:
    """One service of the stack.

    :ivar memory: the limit of each of its containers, by the setting `size`; their names are those
        of the services in its compose template.
    :ivar enabled: whether these settings want it; its data stays when they no longer do.
    :ivar entries: of `.env`; :ivar reads: those of other services, and which containers hold them.
    :ivar startup_files: what its containers read when they start: another one makes them anew.
    :ivar files: what they read while they run, or people do; the folders come by themselves.
    :ivar loses_without: services while whose containers are away it loses what people send: it is
        stopped before one of them is, and started after.
    :ivar own_task: whether a task of its own starts it; else `tasks/services.py` does.
    """

    name: str
    title: str
    memory: Mapping[str, Mapping[str, str]]
    enabled: Callable[[Settings], bool] = lambda _: True
    entries: tuple[Entry, ...] = ()
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    databases: tuple[Database, ...] = ()
    mounts: tuple[Mount, ...] = ()
    page: Page | None = None
    startup_files: Callable[[Settings], Iterable[ProjectFile | Template]] = _no_files
    files: Callable[[Settings], Iterable[ProjectFile | Template]] = _no_files
    state: State | None = None
    checks: tuple[StateCheck, ...] = ()
    loses_without: tuple[str, ...] = ()
    own_task: bool = False

    @property
    def containers(self) -> tuple[str, ...]:
        """Its services in the compose file."""
        return tuple(self.memory)


def sizes(small: str, middle: str, large: str) -> dict[str, str]:
    """A memory limit for servers of 4, 8 and 16 GB, in Compose's notation."""
    return {"4gb": small, "8gb": middle, "16gb": large}
