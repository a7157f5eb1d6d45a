"""The forms that values in the settings may have; each refuses what some file could not hold.

An unquoted `.env` value and a Caddyfile token must survive as they are: the patterns leave no room
for spaces, quotes, `$`, `#` or braces.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator

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


Domain = Annotated[
    str, matching(rf"({_LABEL}\.)+{_LABEL}", "a domain name in lower case, such as example.com")
]
Email = Annotated[
    str,
    matching(rf"[A-Za-z0-9._%+-]+@({_LABEL}\.)+{_LABEL}", "an e-mail address (name@example.com)"),
]
Image = Annotated[
    str,
    matching(
        r"[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?",
        "an image with a tag, such as caddy:2.10-alpine",
    ),
]
Url = Annotated[str, matching(r"https?://[^\s\"'{}$#]+[^\s\"'{}$#/]", "a URL without a final /")]
# Control characters, line separators, surrogates and the like: YAML refuses or folds them.
_NOT_IN_YAML = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
PlainText = Annotated[
    str,
    matching(
        rf"[^{_NOT_IN_YAML}\"'\\$`{{}}#]{{1,200}}",
        "one line without quotes, $, `, #, braces, \\ or control characters",
    ),
]
Line = Annotated[
    str, matching(rf"[^{_NOT_IN_YAML}]{{1,200}}", "one line of at most 200 characters")
]
"""Text that goes into JSON alone, and so may hold quotes: people are called O'Brien."""
# fmt: off
LOCALES = (
    "en", "ar", "nl", "fr", "de", "hi", "it", "ja", "ko", "pt", "ru", "zh", "es", "ml", "ca", "el",
    "pt_BR", "ro", "ta", "fa", "zh_TW", "vi", "da", "tr", "cs", "fi", "id", "sv", "hu", "no",
    "zh_CN", "pl", "sk", "uk", "th", "lv", "is", "he", "lt", "sr",
)
# fmt: on
"""Chatwoot's languages; the database holds the place (4.6: config/initializers/languages.rb)."""
Locale = Annotated[
    str, matching("|".join(LOCALES), f"a locale of Chatwoot's ({', '.join(LOCALES)})")
]
TimeZone = Annotated[str, matching(r"[A-Za-z0-9_+/-]+", "a time zone such as America/Sao_Paulo")]
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
