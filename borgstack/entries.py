"""`.env`: what the services' entries have to be there, and how it is brought to that.

Secrets are born on first need and never travel back: a fact says of each entry only whether it
is fit (`borgstack/remote/env_state.sh`), and what is missing goes to the host over stdin.
`.env.example` is generated from the same list.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from passlib import pwd

from borgstack import services
from borgstack.change import Change, Code, compare
from borgstack.salted import digest
from borgstack.services.base import Entry, Kind
from borgstack.settings import Settings

ENTRIES = services.entries()
"""All that there is, in the order of `.env.example`."""

EXAMPLE_HEAD = """\
# What /opt/borgstack/.env holds on the server. Nobody has to write that file: the deploy generates
# every missing value, never changes one that is there, and keeps it mode 600. Keys of your own may
# stand in it; they stay. Generated from borgstack/services by `make env-example`.
"""


def entries_for(settings: Settings) -> tuple[Entry, ...]:
    """The entries that these settings call for."""
    return tuple(
        entry
        for entry in services.entries(services.enabled(settings))
        if entry.value is None or entry.value(settings) is not None
    )


def withdrawn(settings: Settings) -> tuple[Entry, ...]:
    """The entries of which no setting has a value any more."""
    return tuple(
        entry
        for entry in ENTRIES
        if entry.kind is Kind.SUPPLIED and entry.value and entry.value(settings) is None
    )


def readers(name: str) -> tuple[str, ...]:
    """The services whose environment holds an entry: they are made anew when it changes."""
    return next((entry.readers for entry in ENTRIES if entry.name == name), ())


def plain_values(settings: Settings) -> dict[str, str]:
    """The entries that are no secrets, as these settings want them."""
    return {
        entry.name: value
        for entry in entries_for(settings)
        if entry.kind is Kind.PLAIN and entry.value and (value := entry.value(settings))
    }


def generate(entry: Entry) -> str:
    """A fresh value for a generated entry, from passlib's generator (the system's CSPRNG)."""
    if entry.kind is Kind.HEX:
        while (value := pwd.genword(length=entry.length, charset="hex")).isdigit():
            pass  # Chatwoot breaks on a key of digits alone (chatwoot/chatwoot#3852)
        return str(value)
    if entry.kind is Kind.LOGIN:
        body = pwd.genword(length=entry.length - 4, charset="ascii_62")
        return f"{body}-{''.join(secrets.choice(c) for c in ('ABCDEFGH', 'abcdefgh', '23456789'))}"
    first = pwd.genword(length=1, chars="abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return str(first + pwd.genword(length=entry.length - 1, charset="ascii_62"))


def rules(settings: Settings) -> tuple[str, ...]:
    """All that `env_state.sh` has to look for."""
    # What this tool has appended stands below its comment; another one is the operator's own.
    former = (
        "\t".join((one.name, "withdrawn", "0", _notes(one)[-1])) for one in withdrawn(settings)
    )
    return (*(rule(entry, settings) for entry in entries_for(settings)), *former)


def _notes(entry: Entry) -> list[str]:
    return [f"# {line}" for line in entry.comment.splitlines()]


def rule(entry: Entry, settings: Settings) -> str:
    """The entry as `env_state.sh` reads it: name, kind, least length, expected plain value."""
    expected = entry.value(settings) if entry.kind is Kind.PLAIN and entry.value else ""
    return "\t".join((entry.name, entry.kind, str(_least(entry)), expected or ""))


def _least(entry: Entry) -> int:
    return entry.least or entry.length


class Flaw(StrEnum):
    """Why a line, an entry or the file as a whole cannot be used, as `env_state.sh` says it."""

    NO_ENTRY = "no_entry"
    OPEN_QUOTE = "open_quote"
    AFTER_QUOTE = "after_quote"
    DANGLING = "dangling"
    NO_FILE = "no_file"
    NUL = "nul"
    TWICE = "twice"
    SHORT = "short"
    LETTERS = "letters"
    DIGITS = "digits"
    UNQUOTED = "unquoted"
    UNIFORM = "uniform"


REFUSED = "refused "
"""Before the flaw of an entry, where others have their verdict."""
FLAWS: Mapping[Flaw, str] = {
    Flaw.NO_ENTRY: "is neither NAME=value nor a comment",
    Flaw.OPEN_QUOTE: "opens a quote and does not close it",
    Flaw.AFTER_QUOTE: "goes on after the closing quote",
    Flaw.DANGLING: "is a symbolic link that leads nowhere",
    Flaw.NO_FILE: "is not a file",
    Flaw.NUL: "holds a NUL byte",
    Flaw.TWICE: "stands more than once",
    Flaw.SHORT: "is shorter than {least} characters",
    Flaw.LETTERS: "must begin with a letter and have only letters and digits",
    Flaw.DIGITS: "must not be digits alone",
    Flaw.UNQUOTED: "must stand in single quotes: others read it otherwise",
    Flaw.UNIFORM: "must have upper and lower case letters, digits and one of _ + = -",
}


@dataclass(frozen=True)
class EnvState:
    """`.env` as it lies on the host, without its values.

    :ivar owner: `TYPE|MODE|UID|GID`, or None when there is no such file.
    :ivar problems: lines that cannot be read, as (line number, flaw); 0 means the file as a whole.
    :ivar verdicts: by name: `ok`, `empty`, `missing`, `differs`, `withdrawn`, or `refused FLAW`.
    :ivar digests: by name of a supplied entry, see `digest`.
    :ivar leftovers: half-written files that a killed run left beside it.
    """

    owner: str | None
    problems: tuple[tuple[int, Flaw], ...]
    verdicts: Mapping[str, str]
    digests: Mapping[str, str]
    leftovers: tuple[str, ...] = ()


DROP = "drop"
"""Empties an entry; whoever read it does so no longer, so nothing is made anew for it."""
FIT_OWNER = "regular file|600|0|0"


@dataclass(frozen=True)
class EnvChange:
    """One thing that a deploy does to `.env`; no value, for that is born when it is done.

    :ivar name: of the entry; empty where it is about the file.
    """

    name: str
    change: Change
    verb: str

    @classmethod
    def of(cls, name: str, code: Code, verb: str) -> EnvChange:
        """What is done to one entry."""
        return cls(name, Change(".env", code, name), verb)


@dataclass(frozen=True)
class EnvMistake:
    """Why `.env` cannot be used as it is.

    :ivar name: of the entry; empty for a line, and for the file as a whole, which has no line.
    """

    flaw: Flaw
    name: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = self.name or (f"line {self.line}" if self.line else "")
        least = next((_least(entry) for entry in ENTRIES if entry.name == self.name), 0)
        return f"{where} {FLAWS[self.flaw].format(least=least)}".lstrip()

    @property
    def remedy(self) -> str:
        """What to do about it: nobody is told to give up the key of his data."""
        kind = next((entry.kind for entry in ENTRIES if entry.name == self.name), None)
        if kind in {Kind.HEX, Kind.KEY}:
            return (
                "Put the very key of the existing data there, in single quotes if need be: with "
                "another one that data cannot be read."
            )
        if kind is None:
            return "Correct it on the host."
        return "Correct it on the host, or empty the value to have a new one generated."


def mistakes(state: EnvState) -> list[EnvMistake]:
    """All that no run can put right; `.env` is then left byte for byte as it was."""
    found = [EnvMistake(flaw, line=number) for number, flaw in state.problems]
    found += [
        EnvMistake(Flaw(verdict.removeprefix(REFUSED)), name)
        for name, verdict in state.verdicts.items()
        if verdict.startswith(REFUSED)
    ]
    return found


_CODES = {"missing": Code.MISSING, "empty": Code.EMPTY}
"""Verdicts of `env_state.sh` that are not simply another value."""


def changes(settings: Settings, state: EnvState, salt: str) -> list[EnvChange]:
    """What brings `.env` to what the settings call for; an empty list when nothing differs."""
    found: list[EnvChange] = []
    whole = compare(".env", "type, mode and owner", FIT_OWNER, state.owner or None)
    whole += [Change(f"file {path}", Code.UNFINISHED) for path in state.leftovers]
    found += [EnvChange("", change, "own") for change in whole]
    for entry in entries_for(settings):
        verdict = state.verdicts.get(entry.name, "missing")
        verb = "fill" if entry.value is None else "set"
        if verdict != "ok":
            found.append(EnvChange.of(entry.name, _CODES.get(verdict, Code.DIFFERS), verb))
        elif entry.kind is Kind.SUPPLIED and entry.value is not None:
            wanted = digest(salt, entry.value(settings) or "")
            if state.digests.get(entry.name) != wanted:
                found.append(EnvChange.of(entry.name, Code.DIFFERS, verb))
    found += [
        EnvChange.of(entry.name, Code.UNDECLARED, DROP)
        for entry in withdrawn(settings)
        if state.verdicts.get(entry.name) == "withdrawn"
    ]
    return found


def payload(settings: Settings, found: Iterable[EnvChange]) -> str:
    """The secret text that `env_write.sh` reads on stdin; values are born here and only here."""
    by_name = {entry.name: entry for entry in ENTRIES}
    lines: list[str] = []
    for change in found:
        if not change.name:
            continue
        if change.verb == DROP:
            lines.append(f"{DROP} {change.name}")
            continue
        entry = by_name[change.name]
        value = entry.value(settings) if entry.value else generate(entry)
        lines += [f"note {entry.name} {line}" for line in ("", *entry.comment.splitlines())]
        lines.append(f"{change.verb} {entry.name} {value}")
    return "\n".join(lines)


def example() -> str:
    """The text of `.env.example`."""
    parts = [EXAMPLE_HEAD]
    for entry in ENTRIES:
        comment = "\n".join(f"# {line}" for line in entry.comment.splitlines())
        parts.append(f"{comment}\n{entry.name}={entry.placeholder}\n")
    return "\n".join(parts)
