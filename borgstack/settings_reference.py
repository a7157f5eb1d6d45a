"""docs/settings.md, written from the fields of `Settings` and of what it declares."""

from __future__ import annotations

from collections.abc import Mapping

from borgstack.chatwoot_resources import Agent, Declared, Inbox, Label, Team, Webhook
from borgstack.settings import Settings

_REFERENCE_HEAD = """\
# Settings

Set them in `group_data/all.py`, `staging.py` or `prod.py`, for one host in `inventory.py`, for one
run with `--data NAME=VALUE`. A name that does not exist, or a value that cannot be used, stops the
run before it touches any host. Generated from `borgstack/settings.py` by `make settings-doc`.

| setting | default | what it is |
|---|---|---|
"""


def reference() -> str:
    """The text of `docs/settings.md`."""
    rows = []
    for name, field in Settings.model_fields.items():
        description, _, derived = (field.description or "").partition("; ")
        if field.is_required():
            default = "required"
        elif field.default == "":
            default = f"`{derived}`"
        else:
            default = f"`{_plain(field.default)!r}`"
            description = field.description or ""
        rows.append(f"| `{name}` | {default} | {description} |")
    parts = [_REFERENCE_HEAD + "\n".join(rows) + "\n"]
    parts += [_entry_reference(name, model) for name, model in _DECLARED.items()]
    return "\n".join(parts)


_DECLARED: Mapping[str, type[Declared]] = {
    "agents": Agent,
    "teams": Team,
    "labels": Label,
    "inboxes": Inbox,
    "webhooks": Webhook,
}


def _plain(value: object) -> object:
    if isinstance(value, tuple) and any(isinstance(one, Declared) for one in value):
        return [one.model_dump(exclude_defaults=True) for one in value]
    return value


def _entry_reference(setting: str, model: type[Declared]) -> str:
    """The part of `docs/settings.md` about the entries of one setting."""
    rows = [
        f"| `{name}` | {'required' if field.is_required() else f'`{field.default!r}`'} "
        f"| {field.description} |"
        for name, field in model.model_fields.items()
    ]
    head = ["", "| key | default | what it is |", "|---|---|---|"]
    return "\n".join([f"## An entry of `{setting}`\n\n{model.__doc__}", *head, *rows, ""])
