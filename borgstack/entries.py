"""The list of everything in `.env`: each entry's kind, its length, and who reads it.

Secrets are born on first need and never travel back: a fact says of each entry only whether it
is fit (`borgstack/remote/env_state.sh`), and what is missing goes to the host over stdin.
`.env.example` is generated from the same list.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from passlib import pwd

from borgstack.change import Change, Code, compare
from borgstack.settings import Settings


class Kind(StrEnum):
    """What a value looks like and where it comes from."""

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
    :ivar readers: the services whose environment may hold it; a test holds the rendered compose
        file to that.
    :ivar value: for `PLAIN` and `SUPPLIED`, where the value comes from; None leaves the entry out.
    :ivar needed: whether these settings call for a generated entry at all.
    """

    name: str
    kind: Kind
    comment: str
    placeholder: str
    readers: tuple[str, ...] = ()
    length: int = 0
    least: int = 0
    value: Callable[[Settings], str | None] | None = None
    needed: Callable[[Settings], bool] = lambda _: True


_CHATWOOT = ("chatwoot-prepare", "chatwoot", "chatwoot-worker")
_N8N = ("n8n-prepare", "n8n")


def _smtp_password(settings: Settings) -> str | None:
    return settings.smtp_password.get_secret_value() if settings.smtp_password else None


def _editors_password_hash(settings: Settings) -> str | None:
    if settings.editors_password is None:
        return None
    return _hashed(settings.editors_password.get_secret_value(), settings.domain)


@cache
def _hashed(password: str, domain: str) -> str:
    """The password as Caddy wants it: the same at each run, or each would find another there.

    A salt has to differ from server to server, not to be a secret; told by the password it would
    make that quick to guess.
    """
    from passlib.hash import bcrypt  # a slow import that few settings call for
    from passlib.utils.binary import bcrypt64

    salt = hashlib.sha256(f"borgstack editors {domain}".encode()).digest()[:16]
    return str(bcrypt.using(rounds=10, salt=bcrypt64.encode_bytes(salt).decode()).hash(password))


def _whatsapp(settings: Settings) -> bool:
    return settings.whatsapp


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "DOMAIN",
        Kind.PLAIN,
        "The domain under which the public names live; follows the settings.",
        "example.com",
        value=lambda settings: settings.domain,
    ),
    Entry(
        "CADDY_EMAIL",
        Kind.PLAIN,
        "Where the certificate authority sends its warnings; follows the settings.",
        "admin@example.com",
        value=lambda settings: settings.caddy_email,
    ),
    Entry(
        "POSTGRES_PASSWORD",
        Kind.PASSWORD,
        "PostgreSQL's superuser; no application gets it.",
        "<generate-strong-password>",
        readers=("postgresql",),
        length=32,
    ),
    Entry(
        "REDIS_PASSWORD",
        Kind.PASSWORD,
        "Redis, shared by the applications, each in a database of its own.",
        "<generate-strong-password>",
        readers=("redis", *_CHATWOOT, "evolution"),
        length=32,
    ),
    Entry(
        "CHATWOOT_HOST",
        Kind.PLAIN,
        "Chatwoot customer service platform credentials\n"
        "Chatwoot's public name; follows the settings.",
        "chatwoot.${DOMAIN}",
        readers=_CHATWOOT,
        value=lambda settings: settings.chatwoot_host,
    ),
    Entry(
        "CHATWOOT_DB_PASSWORD",
        Kind.PASSWORD,
        "The role chatwoot_user, which owns chatwoot_db and reaches no other database.",
        "<generate-strong-password>",
        readers=("postgresql", *_CHATWOOT),
        length=32,
    ),
    Entry(
        "CHATWOOT_SECRET_KEY_BASE",
        Kind.HEX,
        "SECURITY WARNING: signs every session and attachment link. Whoever has it is anybody;\n"
        "whoever changes it logs everybody out. Keep a copy with your backups.",
        "<generate-secret-key>",
        readers=_CHATWOOT,
        length=128,
        least=30,  # Rails refuses a shorter one
    ),
    Entry(
        "CHATWOOT_API_TOKEN",
        Kind.PASSWORD,
        "SECURITY WARNING: acts with all rights of the administrator.\n"
        "Nobody has to obtain it: it is generated here and written into Chatwoot by the deploy,\n"
        "which shows it under the avatar menu: Profile Settings, Access Token.",
        "<generate-api-token>",
        readers=("chatwoot-prepare", "n8n-prepare"),
        length=24,
    ),
    Entry(
        "CHATWOOT_ADMIN_PASSWORD",
        Kind.LOGIN,
        "The administrator's first password. Chatwoot reads it once, when it makes the user;\n"
        "after that the one set in Chatwoot counts.",
        "<generate-strong-password>",
        readers=("chatwoot-prepare",),
        length=24,
    ),
    Entry(
        "SMTP_PASSWORD",
        Kind.SUPPLIED,
        "The mail server's password; follows the reference in the settings.",
        "<from-the-settings>",
        readers=_CHATWOOT,
        value=_smtp_password,
    ),
    Entry(
        "N8N_HOST",
        Kind.PLAIN,
        "n8n, which carries messages between WhatsApp and Chatwoot\n"
        "n8n's name; follows the settings.",
        "n8n.${DOMAIN}",
        readers=("n8n",),
        value=lambda settings: settings.n8n_host if settings.whatsapp else None,
    ),
    Entry(
        "N8N_DB_PASSWORD",
        Kind.PASSWORD,
        "The role n8n_user, which owns n8n_db and reaches no other database.",
        "<generate-strong-password>",
        readers=("postgresql", *_N8N),
        length=32,
        needed=_whatsapp,
    ),
    Entry(
        "N8N_ENCRYPTION_KEY",
        Kind.KEY,
        "SECURITY WARNING: encrypts the credentials that n8n keeps; without it they are lost.\n"
        "Keep a copy with your backups, and never change it.",
        "<generate-encryption-key>",
        readers=_N8N,
        length=48,
        least=16,
        needed=_whatsapp,
    ),
    Entry(
        "N8N_OWNER_PASSWORD",
        Kind.LOGIN,
        "The first password of n8n's owner, whose login is the administrator's e-mail address.\n"
        "The deploy claims n8n with it once; after that the one set in n8n counts.",
        "<generate-strong-password>",
        length=24,
        needed=_whatsapp,
    ),
    Entry(
        "EVOLUTION_HOST",
        Kind.PLAIN,
        "Evolution API, which speaks with WhatsApp\nEvolution's name; follows the settings.",
        "evolution.${DOMAIN}",
        readers=("evolution",),
        value=lambda settings: settings.evolution_host if settings.whatsapp else None,
    ),
    Entry(
        "EVOLUTION_DB_PASSWORD",
        Kind.PASSWORD,
        "The role evolution_user, which owns evolution_db and reaches no other database.",
        "<generate-strong-password>",
        readers=("postgresql", "evolution"),
        length=32,
        needed=_whatsapp,
    ),
    Entry(
        "EVOLUTION_API_KEY",
        Kind.PASSWORD,
        "SECURITY WARNING: sends and reads WhatsApp messages in the name of the paired phone.",
        "<generate-api-key>",
        readers=("evolution", "n8n-prepare"),
        length=40,
        needed=_whatsapp,
    ),
    Entry(
        "WHATSAPP_BRIDGE_SECRET",
        Kind.PASSWORD,
        "What Evolution shows to n8n with each message; the deploy tells both.",
        "<generate-secret>",
        readers=("n8n-prepare",),
        length=40,
        needed=_whatsapp,
    ),
    Entry(
        "EDITORS_PASSWORD_HASH",
        Kind.SUPPLIED,
        "The password in front of n8n's and Evolution's user interfaces, as bcrypt;\n"
        "follows the reference in the settings.",
        "<from-the-settings>",
        readers=("caddy",),
        value=_editors_password_hash,
    ),
)

EXAMPLE_HEAD = """\
# What /opt/borgstack/.env holds on the server. Nobody has to write that file: the deploy generates
# every missing value, never changes one that is there, and keeps it mode 600. Keys of your own may
# stand in it; they stay. Generated from borgstack/entries.py by `make env-example`.
"""


def entries_for(settings: Settings) -> tuple[Entry, ...]:
    """The entries that these settings call for."""
    return tuple(
        entry
        for entry in ENTRIES
        if entry.needed(settings) and (entry.value is None or entry.value(settings) is not None)
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
        for entry in ENTRIES
        if entry.kind is Kind.PLAIN and entry.value and (value := entry.value(settings))
    }


def generate(entry: Entry) -> str:
    """A fresh value for a generated entry, from passlib's generator (the system's CSPRNG)."""
    if entry.kind is Kind.HEX:
        while (value := pwd.genword(length=entry.length, charset="hex")).isdigit():
            pass  # Chatwoot breaks on a key of digits alone (facts: chatwoot#3852)
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


def digest(salt: str, value: str) -> str:
    """What `env_state.sh` prints for a supplied value: proof of equality, not of content."""
    return hashlib.sha256(f"{salt}{value}".encode()).hexdigest()


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
