"""The forms that values in the settings may have; each refuses what some file could not hold, or
some program could not work with.

An unquoted `.env` value and a Caddyfile token must survive as they are: the patterns leave no room
for spaces, quotes, `$`, `#` or braces.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def matching(pattern: str, expected: str) -> Callable[[str], str]:
    """A validator that accepts a string only when all of it matches `pattern`."""

    def validate(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise ValueError(f"{value!r} is not {expected}")
        return value

    return AfterValidator(validate)  # type: ignore[return-value]


def address(value: str) -> str:
    """An IP address in its usual spelling."""
    return str(ipaddress.ip_address(value))


def network(value: str) -> str:
    """An IP network in its usual spelling."""
    return str(ipaddress.ip_network(value))


def proxies(value: str) -> str:
    """An address or a network, in its usual spelling, whose members may speak for others.

    :raises ValueError: it is none, or holds everybody.
    """
    found = ipaddress.ip_network(value)
    if found.prefixlen == 0:
        raise ValueError(f"{value!r} is everybody: whoever likes could pass for another")
    return str(found)


@cache
def time_zones() -> frozenset[str]:
    """The names that every image of the stack knows: tzdata without its old names.

    Debian keeps those in a package of their own (tzdata-legacy) since trixie, and PostgreSQL does
    not start with a name that its system lacks.
    """
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    places = {line.split("\t")[2] for line in table.splitlines() if line[:1] not in ("#", "")}
    return frozenset(places | {"UTC", "Etc/UTC", "GMT", "Etc/GMT"} | set(_OFFSETS))


_OFFSETS = (
    *(f"Etc/GMT+{hours}" for hours in range(1, 13)),
    *(f"Etc/GMT-{hours}" for hours in range(1, 15)),
)


@cache
def _old_zones() -> Mapping[str, str]:
    """Today's name by old name, as tzdata links them."""
    table = (files("tzdata") / "zoneinfo" / "tzdata.zi").read_text(encoding="utf-8")
    links = (line.split() for line in table.splitlines() if line.startswith("L "))
    return {old: new for _, new, old in links if old not in time_zones()}


def time_zone(value: str) -> str:
    """A name of the time zone database.

    :raises ValueError: names the zone that is meant, as far as it can be guessed.
    """
    if value in time_zones():
        return value
    if offset := re.fullmatch(r"(?:GMT|UTC)([+-])0?([0-9]{1,2})(?::?00)?", value.upper()):
        # The sign of these names is the other way round (POSIX).
        turned, side = ("-", "east") if offset[1] == "+" else ("+", "west")
        if (name := f"Etc/GMT{turned}{offset[2]}") in time_zones():
            hint = f"did you mean {name}, {offset[2]} hours {side} of Greenwich?"
            raise ValueError(f"{value!r} is not a time zone that every part knows; {hint}")
    meant = _old_zones().get(value)
    if meant is None:
        known = {name.lower(): name for name in (*_old_zones(), *time_zones())}
        close = difflib.get_close_matches(value.lower(), known, n=1)
        meant = known[close[0]] if close else None
        meant = _old_zones().get(meant or "", meant)
    hint = f"; did you mean {meant}?" if meant else ", such as America/Sao_Paulo"
    raise ValueError(f"{value!r} is not a time zone that every part knows{hint}")


def lower_case(value: str) -> str:
    """Text that stays as it is in lower case, by Unicode's rules, which are Ruby's too.

    :raises ValueError: it does not.
    """
    if value != value.lower():
        raise ValueError(f"{value!r} is not in lower case; {value.lower()!r} is")
    return value


def postgresql_version(image: str) -> int | None:
    """The version that an image's tag tells: `18.1`, `pg18`, or `0.8.1-pg18`."""
    tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    found = re.search(r"pg([0-9]{1,2})(?![0-9])", tag) or re.match(r"([0-9]{1,2})(?![0-9])", tag)
    return int(found[1]) if found else None


LEAST_POSTGRESQL = 18
"""The first whose image keeps its data where the stack's volume is."""


def _new_enough(image: str) -> str:
    """Refuse an image whose data would lie beside the volume and go with its container."""
    version = postgresql_version(image)
    if version is not None and version < LEAST_POSTGRESQL:
        raise ValueError(
            f"{image!r} keeps its data outside the stack's volume; take PostgreSQL "
            f"{LEAST_POSTGRESQL} or a later one"
        )
    return image


def _not_deaf(image: str) -> str:
    """Refuse the one release that calls no private address and has no switch for it."""
    if ":v4.14.0" in image:
        raise ValueError(
            f"{image!r} sends nothing to n8n, and no setting changes that; "
            "take v4.14.1 or a later one"
        )
    return image


def _without_login(mirror: str) -> str:
    """Refuse what dockerd does not start with; it is not shown, since it holds a password."""
    if "@" in mirror:
        raise ValueError("a mirror with a login keeps dockerd from starting")
    return mirror


_NAME = rf"(?=.{{1,253}}\Z)({_LABEL}\.)+{_LABEL}"
Domain = Annotated[
    str,
    matching(rf"(?!.*\.[0-9]+\Z){_NAME}", "a domain name in lower case, such as example.com"),
]
MailServer = Annotated[str, matching(_NAME, "a domain name in lower case, or an IPv4 address")]
_WORD = r"[A-Za-z0-9_%+-]+"
Email = Annotated[
    str,
    matching(
        rf"{_WORD}(\.{_WORD})*@{_NAME}",
        "an e-mail address in lower case behind the @ (name@example.com)",
    ),
]
Image = Annotated[
    str,
    matching(
        r"[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?",
        "an image with a tag, such as caddy:2.10-alpine",
    ),
]
ChatwootImage = Annotated[Image, AfterValidator(_not_deaf)]
PostgresqlImage = Annotated[Image, AfterValidator(_new_enough)]
Url = Annotated[str, matching(r"https?://[^\s\"'{}$#]+[^\s\"'{}$#/]", "a URL without a final /")]
Mirror = Annotated[Url, AfterValidator(_without_login)]
# Control characters, line separators, surrogates and the like: YAML refuses or folds them.
_NOT_IN_YAML = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
EnvSafeText = Annotated[
    str,
    matching(
        rf"[^{_NOT_IN_YAML}\"'\\$`{{}}#]{{1,200}}",
        "one line without quotes, $, `, #, braces, \\ or control characters",
    ),
]
SINGLE_LINE = rf"(?=.*\S)[^{_NOT_IN_YAML}]{{1,200}}"
"""More than blanks: Chatwoot refuses a name of those."""
SingleLine = Annotated[
    str, matching(SINGLE_LINE, "one line of at most 200 characters that are not all blank")
]
"""Text that goes into JSON alone, and so may hold quotes: people are called O'Brien."""
# fmt: off
LOCALES = (
    "en", "ar", "nl", "fr", "de", "hi", "it", "ja", "ko", "pt", "ru", "zh", "es", "ml", "ca", "el",
    "pt_BR", "ro", "ta", "fa", "zh_TW", "vi", "da", "tr", "cs", "fi", "id", "sv", "hu", "no",
    "zh_CN", "pl", "sk", "uk", "th", "lv", "is", "he", "lt", "sr", "bg",
)
# fmt: on
"""Chatwoot's languages; the database holds the place (4.6: config/initializers/languages.rb)."""
SWITCHED_OFF = ("hi", "zh")
"""Languages that have a place there and that Chatwoot refuses."""
_OFFERED = tuple(name for name in LOCALES if name not in SWITCHED_OFF)
Locale = Annotated[
    str, matching("|".join(_OFFERED), f"a locale of Chatwoot's ({', '.join(_OFFERED)})")
]
TimeZone = Annotated[str, AfterValidator(time_zone)]
ByteSize = Annotated[str, matching(r"[1-9][0-9]*[kmg]", "a size such as 640m or 2g")]
Fingerprint = Annotated[
    str,
    AfterValidator(lambda value: value.replace(" ", "").upper()),
    matching(r"[0-9A-F]{40}", "a key fingerprint of 40 hexadecimal digits"),
]
InstanceName = Annotated[str, matching(r"[a-z0-9][a-z0-9-]{0,39}", "a name of a-z, 0-9 and -")]
Login = Annotated[str, matching(r"[A-Za-z0-9._@-]{1,60}", "a login of letters, digits and . _ @ -")]
PhoneVersion = Annotated[
    str, matching(r"[0-9]+(\.[0-9]+){2}", "a version such as 2.3000.1023223821")
]


class AddressPool(BaseModel):
    """One of dockerd's `default-address-pools`: networks of /`size` cut out of `base`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: Annotated[str, AfterValidator(network)]
    size: Annotated[int, Field(ge=8, le=30)]

    @model_validator(mode="after")
    def _holds_one(self) -> AddressPool:
        """Refuse a pool from which dockerd could cut no network: it would not start."""
        if self.size < ipaddress.ip_network(self.base).prefixlen:
            raise ValueError(f"{self.base} has no room for one of /{self.size}")
        return self
