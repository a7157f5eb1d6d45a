"""`.env`: what the services' entries have to be there, and how it is brought to that.

Secrets are born on first need and never travel back: a fact says of each entry only whether it
is fit (`borgstack/remote/env_state.sh`), and what is missing goes to the host over stdin.
`.env.example` is generated from the same list.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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
    least = str(entry.least or entry.length)
    return "\t".join((entry.name, entry.kind, least, expected or ""))


@dataclass(frozen=True)
class EnvState:
    """`.env` as it lies on the host, without its values.

    :ivar owner: `TYPE|MODE|UID|GID`, or None when there is no such file.
    :ivar problems: lines that cannot be read, as (line number, why); 0 means the file as a whole.
    :ivar verdicts: by name: `ok`, `empty`, `missing`, `differs`, `withdrawn`, or `refused WHY`.
    :ivar digests: by name of a supplied entry, see `digest`.
    :ivar leftovers: half-written files that a killed run left beside it.
    """

    owner: str | None
    problems: tuple[tuple[int, str], ...]
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


def mistakes(state: EnvState) -> list[str]:
    """Why `.env` cannot be used as it is; it is then left byte for byte as it was."""
    lines = [f"line {number} {why}" if number else why for number, why in state.problems]
    lines += [
        f"{name} {verdict.removeprefix('refused ')}"
        for name, verdict in state.verdicts.items()
        if verdict.startswith("refused ")
    ]
    return lines


def remedy(mistake: str) -> str:
    """What to do about one of `mistakes`: nobody is told to give up the key of his data."""
    kinds = {entry.name: entry.kind for entry in ENTRIES}
    kind = kinds.get(mistake.partition(" ")[0])
    if kind in {Kind.HEX, Kind.KEY}:
        return (
            "Put the very key of the existing data there, in single quotes if need be: with "
            "another one that data cannot be read."
        )
    if kind is None:
        return "Correct it on the host."
    return "Correct it on the host, or empty the value to have a new one generated."


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
