"""Evolution API, which speaks with WhatsApp."""

from __future__ import annotations

from borgstack.services import postgresql, redis
from borgstack.services.base import Database, Entry, Kind, Mount, Page, Service, State, sizes
from borgstack.services.evolution import instance

DATABASE = Database("evolution_db", "evolution_user", "EVOLUTION_DB_PASSWORD")

SERVICE = Service(
    "evolution",
    "Evolution API",
    memory={"evolution": sizes("320m", "512m", "768m")},
    enabled=lambda settings: settings.whatsapp,
    entries=(
        Entry(
            "EVOLUTION_HOST",
            Kind.PLAIN,
            "Evolution API, which speaks with WhatsApp\nEvolution's name; follows the settings.",
            "evolution.${DOMAIN}",
            readers=("evolution",),
            value=lambda settings: settings.evolution_host,
        ),
        Entry(
            "EVOLUTION_DB_PASSWORD",
            Kind.PASSWORD,
            "The role evolution_user, which owns evolution_db and reaches no other database.",
            "<generate-strong-password>",
            readers=("evolution",),
            length=32,
        ),
        Entry(
            "EVOLUTION_API_KEY",
            Kind.PASSWORD,
            "SECURITY WARNING: sends and reads WhatsApp messages in the name of the paired phone.",
            "<generate-api-key>",
            readers=("evolution",),
            length=40,
        ),
        Entry(
            "WHATSAPP_BRIDGE_SECRET",
            Kind.PASSWORD,
            "What Evolution shows to n8n with each message; the deploy tells both.",
            "<generate-secret>",
            length=40,
        ),
    ),
    reads={"REDIS_PASSWORD": ("evolution",)},
    databases=(DATABASE,),
    mounts=(Mount("evolution", "/evolution/instances", "borgstack_evolution_instances"),),
    page=Page(lambda settings: settings.evolution_host, "evolution:8080"),
    # It tells WhatsApp that it has a message before it writes it down: with PostgreSQL away the
    # message is lost, with Redis away it comes late. While it is stopped, WhatsApp keeps them.
    loses_without=(postgresql.NAME, redis.NAME),
    state=State(
        instance.subject,
        "evolution",
        instance.parse,
        lambda wanted, held: instance.changes(wanted.settings, held),
        lambda wanted: instance.words(wanted.settings),
        secrets=lambda _: ("WHATSAPP_BRIDGE_SECRET",),
        shown=True,
    ),
)
