"""What people find in Chatwoot, as the settings declare it: agents, teams, labels, inboxes, and
webhooks.

Each is looked up by the field that comes first. What is not declared here belongs to the people who
made it in the user interface: no deploy touches it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from borgstack.mistakes import Code, Mistake
from borgstack.values import SINGLE_LINE, Email, SingleLine, Url, lower_case, matching

EventName = Literal[
    "conversation_created",
    "conversation_status_changed",
    "conversation_typing_off",
    "conversation_typing_on",
    "conversation_updated",
    "contact_created",
    "contact_updated",
    "inbox_created",
    "inbox_updated",
    "message_created",
    "message_updated",
    "webwidget_triggered",
]
"""What a webhook of an account may subscribe to in Chatwoot 4.6 (app/models/webhook.rb)."""
# Chatwoot stores both in lower case: another spelling would differ for ever.
TeamName = Annotated[
    str,
    matching(SINGLE_LINE, "a team's name of at most 200 characters that are not all blank"),
    AfterValidator(lower_case),
]
LabelTitle = Annotated[
    str,
    matching(
        r"[a-z0-9][a-z0-9_-]{1,199}",
        "a label of a-z, 0-9, _ and -: two or more, the first a letter or a digit",
    ),
]
Color = Annotated[str, matching(r"#[0-9a-f]{6}", "a colour such as #1f93ff")]


class Declared(BaseModel):
    """One thing that Chatwoot has to have."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Agent(Declared):
    """A person who answers. Taking one out of the settings changes nothing in Chatwoot."""

    email: Email = Field(description="the login")
    name: SingleLine = Field(description="the name at first; people change their own")
    role: Literal["agent", "administrator"] = Field(default="agent", description="put right")
    inboxes: tuple[SingleLine, ...] = Field(
        default=(), description="declared inboxes that they see"
    )
    teams: tuple[TeamName, ...] = Field(default=(), description="declared teams that they are in")


class Team(Declared):
    """A group of agents to which conversations can be assigned."""

    name: TeamName = Field(description="in lower case, as Chatwoot stores it")
    description: SingleLine | None = Field(default=None, description="shown in the settings")


class Label(Declared):
    """A word that agents put on conversations."""

    title: LabelTitle = Field(
        description="of a-z, 0-9, _ and -; two or more, and _ and - not the first"
    )
    color: Color = Field(default="#1f93ff", description="shown beside it")
    description: SingleLine | None = Field(default=None, description="shown in the settings")


class Inbox(Declared):
    """An inbox of the kind API: the one through which WhatsApp comes in."""

    name: SingleLine = Field(description="shown to agents")
    auto_assignment: bool = Field(
        default=True, description="new conversations go to the inbox's agents in turn"
    )
    greeting: SingleLine | None = Field(default=None, description="sent when a conversation begins")
    one_conversation: bool = Field(
        default=True, description="a contact's new messages reopen the conversation they had"
    )
    webhook_url: Url | None = Field(
        default=None, description="gets every event of the inbox; None leaves it as it is"
    )


class Webhook(Declared):
    """An address to which Chatwoot sends events of the whole account."""

    url: Url = Field(description="http or https, at most 255 characters", max_length=255)
    events: tuple[EventName, ...] = Field(description="what it is told of", min_length=1)


KEYS: Mapping[str, str] = {
    "agents": "email",
    "teams": "name",
    "labels": "title",
    "inboxes": "name",
    "webhooks": "url",
}
"""By setting, the field by which one of its entries is known."""


def cross_field_errors(data: Mapping[str, object], admin_email: object) -> list[Mistake]:
    """What single entries cannot show, read from raw data: doubles, and names that lead nowhere."""
    found: list[Mistake] = []
    names: dict[str, list[object]] = {}
    for setting, key in KEYS.items():
        names[setting] = [_folded(one.get(key)) for one in _entries(data.get(setting))]
        doubles = {name for name in names[setting] if names[setting].count(name) > 1}
        found += [
            Mistake(setting, Code.TWICE, f"{setting}: {name} stands there more than once")
            for name in sorted(map(str, doubles))
        ]
    if _folded(admin_email) in names["agents"]:
        text = "agents: the administrator (admin_email) is one already"
        found.append(Mistake("agents", Code.TWICE, text))
    former = data.get("former_agents")
    for email in former if isinstance(former, list | tuple) else ():
        if _folded(email) in [*names["agents"], _folded(admin_email)]:
            text = f"former_agents: {email} is an agent or the administrator"
            found.append(Mistake("former_agents", Code.CONTRADICTS, text))
    if "inboxes" not in data:
        names["inboxes"] = [_folded(inbox.name) for inbox in INBOXES]
    for agent in _entries(data.get("agents")):
        for setting in ("inboxes", "teams"):
            wanted = agent.get(setting)
            for name in wanted if isinstance(wanted, list | tuple) else ():
                if _folded(name) not in names[setting]:
                    text = f"agents: {agent.get('email')}: {setting} has no {name!r}"
                    found.append(Mistake("agents", Code.NAMES_NOTHING, text))
    return found


WHATSAPP = "WhatsApp"
INBOXES = (Inbox(name=WHATSAPP),)
"""Declared unless the settings say otherwise: WhatsApp is what this stack is for."""


def inbox_named(data: Mapping[str, object], name: object) -> Mapping[str, object] | None:
    """The inbox of that name in raw settings, or None."""
    inboxes = data.get("inboxes", INBOXES)
    return next((one for one in _entries(inboxes) if one.get("name") == name), None)


def _entries(value: object) -> Iterable[Mapping[str, object]]:
    for one in value if isinstance(value, list | tuple) else ():
        if isinstance(one, Mapping):
            yield one
        elif isinstance(one, Declared):
            yield one.model_dump()


def _folded(value: object) -> object:
    return value.lower() if isinstance(value, str) else value
