"""From the data of pyinfra's hosts to settings, or to everything that is wrong with it.

`settings_of_all` reads the data of every host of a run and names every mistake of every host in
one message, so that nothing is touched anywhere while something is wrong anywhere.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, TypeAdapter, ValidationError
from pyinfra.api.arguments import all_global_arguments
from pyinfra.api.exceptions import DeployError
from pyinfra.connectors.ssh import ConnectorData as SSHConnectorData

from borgstack import chatwoot_resources, services
from borgstack.mistakes import Code, Mistake
from borgstack.settings import Settings

_CONNECTOR_KEYS = frozenset(SSHConnectorData.__annotations__)
_GLOBAL_KEYS = frozenset(name for name, _ in all_global_arguments())

# Compose takes a backslash before the closing quote for an escape, and then cannot read the file.
_UNFIT_SECRET = re.compile(r"[\x00-\x1f\x7f'\ud800-\udfff]|\\\Z")


def resolve_reference(reference: str) -> str:
    """Read a secret that the operator supplies from where `reference` says.

    :param reference: `env:NAME` or `file:PATH`.
    :raises ValueError: the reference has another form or leads nowhere; it never quotes a value.
    """
    kind, _, where = reference.partition(":")
    if kind == "env" and where:
        if not os.environ.get(where):
            raise ValueError(f"the environment variable {where} is not set")
        value = os.environ[where]
    elif kind == "file" and where:
        try:
            value = Path(where).expanduser().read_text(encoding="utf-8").rstrip("\n")
        except FileNotFoundError:
            raise ValueError(f"there is no file {where}") from None
        except (OSError, RuntimeError, UnicodeDecodeError) as error:
            raise ValueError(f"the file {where} cannot be read: {type(error).__name__}") from None
    else:
        raise ValueError("write a reference, 'env:NAME' or 'file:PATH', not the secret itself")
    if not value or _UNFIT_SECRET.search(value):
        raise ValueError(
            "the secret is empty, ends with a \\, or has a ', a line break or another control "
            "character: .env cannot hold that"
        )
    return value


def referred_file(reference: str) -> Path | None:
    """The file that a reference which resolves reads; None if it reads none."""
    kind, _, where = reference.partition(":")
    return Path(where).expanduser() if kind == "file" else None


_LONGEST_SECRET = {"editors_password": 72}
"""In bytes: bcrypt, with which Caddy checks it, takes no more."""


def _fitting(field: str, secret: str) -> str:
    """The secret, unless it is longer than what checks it can take.

    :raises ValueError: tells how long it is and may be.
    """
    longest, length = _LONGEST_SECRET.get(field), len(secret.encode())
    if longest is not None and length > longest:
        raise ValueError(
            f"the secret has {length} bytes; {longest} is the most that can be checked"
        )
    return secret


_PARTNERS = {"smtp_password": "smtp_username", "editors_password": "editors"}
_SECRET_FIELDS = tuple(_PARTNERS)


def read_secrets(data: Mapping[str, object]) -> tuple[dict[str, SecretStr], dict[str, str]]:
    """Read the secrets that one host's data refers to.

    :return: the secrets, and for those that cannot be had the reason; both by setting.
    """
    secrets: dict[str, SecretStr] = {}
    mistakes: dict[str, str] = {}
    for field in _SECRET_FIELDS:
        if data.get(field) is not None:
            try:
                secret = _fitting(field, resolve_reference(str(data[field])))
            except ValueError as error:
                mistakes[field] = str(error)
            else:
                secrets[field] = SecretStr(secret)
    return secrets, mistakes


def read_settings(data: Mapping[str, object]) -> tuple[Settings | None, list[Mistake]]:
    """Turn one host's data into settings, or into the list of everything wrong with it."""
    own = {
        key: value
        for key, value in data.items()
        if not key.startswith("_") and key not in _CONNECTOR_KEYS and key not in _GLOBAL_KEYS
    }
    mistakes = [_unknown(key) for key in own if key not in Settings.model_fields]
    known = {key: value for key, value in own.items() if key in Settings.model_fields}
    secrets, without = read_secrets(known)
    known.update(secrets)
    for field, mistake in without.items():
        mistakes.append(Mistake(field, Code.NO_SECRET, f"{field}: {mistake}"))
        known.pop(field)
        known.pop(_PARTNERS[field], None)  # or its lonely partner is named as well
    mistakes += _cross_field_errors(known)
    try:
        settings = Settings.model_validate(known)
    except ValidationError as error:
        # A derived value repeats the mistake of the one that it comes from.
        named = [
            detail
            for detail in error.errors()
            if detail["type"] == "missing" or detail["loc"][0] in known
        ]
        return None, mistakes + [_explain(detail) for detail in named]
    return (None, mistakes) if mistakes else (settings, [])


def _cross_field_errors(data: Mapping[str, object]) -> list[Mistake]:
    """What single values cannot show; read from raw data, so that it is named with the rest."""
    mistakes = []

    def add(setting: str, code: Code, text: str) -> None:
        mistakes.append(Mistake(setting, code, text))

    domain = data.get("domain")
    names = [
        str(data.get(f"{name}_host", f"{name}.{domain}"))
        for name in ("chatwoot", "n8n", "evolution")
    ]
    if len(set(names)) < len(names):
        add("chatwoot_host", Code.SAME, "chatwoot_host, n8n_host and evolution_host must differ")
    if ("smtp_username" in data) != ("smtp_password" in data):
        add("smtp_username", Code.ALONE, "smtp_username and smtp_password go together")
    if "smtp_username" in data and "smtp_address" not in data:
        add("smtp_username", Code.USELESS, "smtp_username is of no use without smtp_address")
    if bool(data.get("editors")) != ("editors_password" in data):
        add("editors", Code.ALONE, "editors and editors_password go together")
    mistakes += _whatsapp_errors(data)
    limits = data.get("memory_limits")
    if isinstance(limits, dict) and (unknown := set(limits) - set(services.containers())):
        text = f"memory_limits names no service of the stack: {sorted(map(str, unknown))}"
        add("memory_limits", Code.NAMES_NOTHING, text)
    mistakes += chatwoot_resources.cross_field_errors(
        data, data.get("admin_email", data.get("caddy_email"))
    )
    root = data.get("acme_root")
    # Path.is_file raises where a name is too long to be one.
    if root is not None and not os.path.isfile(str(root)):  # noqa: PTH113
        text = f"acme_root: there is no file {root} on this machine"
        add("acme_root", Code.NAMES_NOTHING, text)
    return mistakes


def _is_off(value: object) -> bool:
    """Whether a raw value means False, in any of the ways in which pydantic takes it."""
    try:
        return not TypeAdapter(bool).validate_python(value)
    except ValidationError:
        return False


def _whatsapp_errors(data: Mapping[str, object]) -> Iterable[Mistake]:
    if _is_off(data.get("whatsapp", True)):
        if data.get("editors"):
            text = "editors is of no use while whatsapp is False"
            yield Mistake("editors", Code.USELESS, text)
        return
    name = data.get("whatsapp_inbox", chatwoot_resources.WHATSAPP)
    inbox = chatwoot_resources.inbox_named(data, name)
    if inbox is None:
        text = f"whatsapp_inbox: inboxes has no {name!r}; add it there, or set whatsapp to False"
        yield Mistake("whatsapp_inbox", Code.NAMES_NOTHING, text)
    elif inbox.get("webhook_url") is not None:
        text = f"inboxes: {name}: webhook_url is the deploy's to set while whatsapp is True"
        yield Mistake("inboxes", Code.NOT_YOURS, text)
    instance, former = data.get("whatsapp_instance", "whatsapp"), data.get("former_instances", ())
    if isinstance(former, list | tuple) and instance in former:
        text = f"former_instances: {instance} is whatsapp_instance; take it out of one of the two"
        yield Mistake("former_instances", Code.CONTRADICTS, text)


def settings_of_all(hosts: Iterable[tuple[str, Mapping[str, object]]]) -> dict[str, Settings]:
    """Settings by host name.

    :raises DeployError: names every mistake of every host; raised before any command runs.
    """
    settings: dict[str, Settings] = {}
    lines: list[str] = []
    for name, data in hosts:
        one, mistakes = read_settings(data)
        lines += [f"  {name}: {mistake}" for mistake in mistakes]
        if one is not None:
            settings[name] = one
    if lines:
        raise DeployError(
            "\n".join(
                [
                    "These settings cannot be used; nothing was touched on any host.",
                    *lines,
                    "  Settings are set in group_data/*.py, in inventory.py or with --data.",
                ]
            )
        )
    return settings


def _unknown(key: str) -> Mistake:
    close = difflib.get_close_matches(key, Settings.model_fields, n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return Mistake(key, Code.UNKNOWN, f"{key}: no such setting{meant}")


def _explain(detail: Any) -> Mistake:  # noqa: ANN401 - pydantic's ErrorDetails
    where = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "missing":
        message = "is required; set it in group_data/ or in inventory.py"
    elif detail["type"] != "value_error":
        message = f"{message}, not {detail['input']!r}"
    return Mistake(where, detail["type"], f"{where}: {message}" if where else message)
