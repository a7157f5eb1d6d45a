"""Everything an operator may set, typed, with defaults that serve a 4 GB server.

Values come from pyinfra's host data (`group_data/*.py`, host data in `inventory.py`, `--data`);
`borgstack.host_data` reads it. docs/settings.md is generated from the same fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from borgstack import chatwoot_resources
from borgstack.chatwoot_resources import Agent, Inbox, Label, Team, Webhook
from borgstack.values import (
    AddressPool,
    ByteSize,
    ChatwootImage,
    Domain,
    Email,
    EnvSafeText,
    Fingerprint,
    Image,
    InstanceName,
    Locale,
    Login,
    MailServer,
    Mirror,
    PhoneVersion,
    PostgresqlImage,
    SingleLine,
    TimeZone,
    Url,
    address,
    proxies,
)

DOCKER_FINGERPRINT = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"
"""Docker's published apt key: https://docs.docker.com/engine/install/debian/."""


class Settings(BaseModel):
    """One host's settings. The field descriptions are the operator's reference."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domain: Domain = Field(description="the domain under which the public names live")
    caddy_email: Email = Field(description="where the certificate authority sends its warnings")
    chatwoot_host: Domain = Field(default="", description="Chatwoot's name; chatwoot.DOMAIN")
    n8n_host: Domain = Field(default="", description="n8n's name; n8n.DOMAIN")
    evolution_host: Domain = Field(default="", description="Evolution's name; evolution.DOMAIN")
    size: Literal["4gb", "8gb", "16gb"] = Field(
        default="4gb", description="the server's memory; sets every memory limit and pool"
    )
    memory_limits: Mapping[str, ByteSize] = Field(
        default={}, description="overrides of single limits, such as {'chatwoot': '1g'}"
    )

    installation_name: EnvSafeText = Field(
        default="BorgStack Chatwoot", description="the name that Chatwoot shows"
    )
    account_name: SingleLine = Field(
        default="BorgStack", description="the account's name, put right"
    )
    admin_name: SingleLine = Field(
        default="Administrator", description="the first administrator's name at first"
    )
    admin_email: Email = Field(default="", description="the administrator's login; CADDY_EMAIL")
    locale: Locale = Field(default="en", description="the language of account and installation")
    timezone: TimeZone = Field(
        default="UTC", description="the time zone of the account and the containers"
    )
    agents: tuple[Agent, ...] = Field(default=(), description="people who answer, see below")
    former_agents: tuple[Email, ...] = Field(
        default=(), description="who has to leave the account; their messages stay"
    )
    teams: tuple[Team, ...] = Field(default=(), description="groups of agents, see below")
    labels: tuple[Label, ...] = Field(default=(), description="words for conversations, see below")
    inboxes: tuple[Inbox, ...] = Field(
        default=chatwoot_resources.INBOXES, description="inboxes of the kind API, see below"
    )
    webhooks: tuple[Webhook, ...] = Field(
        default=(), description="who is told of events, see below"
    )

    whatsapp: bool = Field(
        default=True, description="n8n and Evolution API, and their wiring; False leaves it all out"
    )
    whatsapp_instance: InstanceName = Field(
        default="whatsapp", description="the name under which Evolution keeps the paired phone"
    )
    former_instances: tuple[InstanceName, ...] = Field(
        default=(), description="earlier names of the instance, whose phones are to be unlinked"
    )
    whatsapp_inbox: SingleLine = Field(
        default=chatwoot_resources.WHATSAPP,
        description="the one of `inboxes` that WhatsApp comes in through",
    )
    own_workflows: tuple[Literal["inbound", "replies", "errors"], ...] = Field(
        default=(),
        description="n8n workflows that you edit (inbound, replies, errors): made once, then left",
    )
    editors: tuple[Literal["n8n", "evolution"], ...] = Field(
        default=(),
        description="user interfaces (n8n, evolution) to open to the public, behind a password",
    )
    editors_user: Login = Field(default="admin", description="the login in front of `editors`")
    editors_password: SecretStr | None = Field(
        default=None, description="a reference: 'env:NAME' or 'file:PATH', read on the laptop"
    )
    evolution_phone_version: PhoneVersion | None = Field(
        default=None,
        description="the version of WhatsApp Web to claim; None asks for the newest",
    )

    chatwoot_image: ChatwootImage = Field(
        default="chatwoot/chatwoot:v4.6.0-ce",
        description="web, worker and prepare; changing it is the upgrade",
    )
    postgresql_image: PostgresqlImage = Field(
        default="pgvector/pgvector:pg18", description="PostgreSQL 18 with pgvector; not 17 or older"
    )
    redis_image: Image = Field(default="redis:8.2-alpine", description="Redis")
    caddy_image: Image = Field(default="caddy:2.10-alpine", description="the web server in front")
    n8n_image: Image = Field(default="n8nio/n8n:1.112.6", description="n8n; 2.x is not supported")
    evolution_image: Image = Field(
        default="atendai/evolution-api:v2.2.3",
        description="Evolution API; newer ones are evoapicloud/evolution-api:v2.3.x",
    )

    acme_directory: Url = Field(
        default="https://acme-v02.api.letsencrypt.org/directory",
        description="the certificate authority; Let's Encrypt's staging endpoint for trials",
    )
    acme_root: Path | None = Field(
        default=None, description="on the laptop: the PEM root of a certificate authority's own"
    )
    dns_check: Literal["strict", "warn", "off"] = Field(
        default="strict", description="what preflight does when a public name points elsewhere"
    )
    public_addresses: tuple[Annotated[str, AfterValidator(address)], ...] = Field(
        default=(), description="addresses that lead to this host beside its own, behind NAT"
    )
    connect_to: Annotated[str, AfterValidator(address)] | None = Field(
        default=None, description="where `borgstack verify` connects instead of asking DNS"
    )
    trusted_proxies: tuple[Annotated[str, AfterValidator(proxies)], ...] = Field(
        default=(),
        description="addresses and networks of proxies in front whose X-Forwarded-For says who the "
        "visitor is; Cloudflare's ranges go here",
    )
    allowed_ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        default=(), description="ports of your own that others may reach, for `borgstack verify`"
    )

    docker_source: Literal["docker", "distribution"] = Field(
        default="docker", description="whose packages: Docker's apt repository or Debian/Ubuntu's"
    )
    docker_apt_url: Url = Field(
        default="https://download.docker.com", description="Docker's apt repository or a copy"
    )
    docker_apt_fingerprint: Fingerprint = Field(
        default=DOCKER_FINGERPRINT, description="the only key accepted for that repository"
    )
    docker_address_pools: tuple[AddressPool, ...] = Field(
        default=(), description="where Docker takes its networks from; empty leaves its default"
    )
    docker_mtu: int | None = Field(
        default=None,
        ge=1280,
        le=9000,
        description="MTU of the stack's networks, where the server's is below 1500",
    )
    docker_log_max_size: ByteSize = Field(
        default="10m", description="size at which a container's log is rotated"
    )
    docker_log_max_files: int = Field(
        default=3, ge=1, le=100, description="rotated logs kept for each container"
    )
    registry_mirrors: tuple[Mirror, ...] = Field(
        default=(), description="mirrors of Docker Hub, asked first"
    )

    smtp_address: MailServer | None = Field(
        default=None, description="the mail server; without one Chatwoot sends no mail"
    )
    smtp_port: int = Field(
        default=587,
        ge=1,
        le=65535,
        description="the mail server's port; at 465 TLS from the start, at others STARTTLS",
    )
    smtp_username: EnvSafeText | None = Field(default=None, description="login at the mail server")
    smtp_password: SecretStr | None = Field(
        default=None, description="a reference: 'env:NAME' or 'file:PATH', read on the laptop"
    )
    smtp_authentication: Literal["plain", "login", "cram_md5"] = Field(
        default="plain", description="how the login is sent"
    )
    mail_sender: Email = Field(
        default="", description="the sender of Chatwoot's mails; CADDY_EMAIL"
    )

    lock_wait: int = Field(
        default=0, ge=0, le=86400, description="seconds to wait while another run holds the host"
    )
    start_timeout: int = Field(
        default=300, ge=10, le=3600, description="seconds that a service may take to get healthy"
    )
    prepare_timeout: int = Field(
        default=1800, ge=60, le=86400, description="seconds that Chatwoot's migrations may take"
    )

    @model_validator(mode="before")
    @classmethod
    def _names_from_domain(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        """Fill names that follow from others, so that a validated field is never empty."""
        if not isinstance(data, dict):
            return data
        derived = dict(data)
        domain, email = (
            data.get("domain", "missing.invalid"),
            data.get("caddy_email", "a@b.invalid"),
        )
        for field, value in {
            "chatwoot_host": f"chatwoot.{domain}",
            "n8n_host": f"n8n.{domain}",
            "evolution_host": f"evolution.{domain}",
            "admin_email": email,
            "mail_sender": email,
        }.items():
            derived.setdefault(field, value)
        return derived

    @property
    def smtp_tls(self) -> bool:
        """Whether the mail server speaks TLS from the first byte on (RFC 8314)."""
        return self.smtp_port == 465
