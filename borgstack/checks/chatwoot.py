"""The judges of what Chatwoot itself tells: its schema, its API's token, its mail server.

Each is a pure function of what was seen. What it takes for granted (an answer of PostgreSQL, of
Redis …) stands in the table of checks; `borgstack.checks.judge` deals with its absence.
"""

from __future__ import annotations

from borgstack.evidence import Evidence
from borgstack.project import ENV_PATH, Project
from borgstack.verdict import DEPLOY, Verdict, failed, skipped, unless


def schema(project: Project, evidence: Evidence) -> Verdict:
    """The database has every migration of the image, and the web process can read it."""
    web = evidence.inside.web or {}
    wanted, found = web.get("migrations", ()), set(evidence.inside.migrated or ())
    if not wanted:
        return failed(
            "db/schema.rb and db/migrate in the image", "neither", "is it Chatwoot's image?"
        )
    missing = [version for version in wanted if version not in found]
    problems = []
    if missing:
        newest = max(found, default="nothing")
        problems.append(f"{newest}; {len(missing)} are missing, the first is {missing[0]}")
    data = web.get("api", {}).get("data_services")
    if data != "ok":
        problems.append(f"the web process says of its database: {data or 'nothing'}")
    return unless(problems, f"the database at the image's version {max(wanted)}", DEPLOY)


def agents(project: Project, evidence: Evidence) -> Verdict:
    """The token lists the account's agents, the administrator among them; strangers get nothing."""
    web = evidence.inside.web or {}
    if not web.get("token"):
        return skipped(f"CHATWOOT_API_TOKEN is not set in {ENV_PATH}")
    found = web.get("agents") or {}
    problems = []
    if found.get("status") != 200 or not found.get("array"):
        status = found.get("status", "no answer")
        problems.append(
            f"inside: {status}{'' if found.get('array') else ', which is not an array'}"
        )
    elif found.get("role") != "administrator":
        role = found.get("role") or "missing"
        problems.append(f"the token's user is {role} among {found.get('count')} agents")
    stranger = evidence.outside.answers.get("agents", "no answer")
    if not isinstance(stranger, str) and stranger.status != 401:
        problems.append(f"from outside, without a token: {stranger.status}, not 401")
    return unless(
        problems,
        "GET /api/v1/accounts/ID/agents: 200 and an array with the administrator; 401 for others",
        DEPLOY,
    )


def token(project: Project, evidence: Evidence) -> Verdict:
    """The token of `.env` is the administrator's, and another one is refused."""
    web = evidence.inside.web or {}
    profile = web.get("profile") or {}
    email = project.settings.admin_email.lower()
    problems = []
    if not web.get("token"):
        problems.append(f"no CHATWOOT_API_TOKEN in {ENV_PATH}")
    elif profile.get("status") != 200:
        problems.append(f"GET /api/v1/profile with the token: {profile.get('status', 'no answer')}")
    else:
        if profile.get("email") != email:
            problems.append(f"it belongs to {profile.get('email')}")
        if not any(one.get("role") == "administrator" for one in profile.get("accounts", ())):
            problems.append("its user is administrator of no account")
    if web.get("wrong_token") != 401:
        problems.append(f"a wrong token is answered by {web.get('wrong_token', 'nothing')}")
    return unless(
        problems,
        f"the token of .env belongs to the administrator {email}; 401 for a wrong one",
        DEPLOY,
    )


def mail(project: Project, evidence: Evidence) -> Verdict:
    """The mail server greets the worker."""
    settings = project.settings
    if not settings.smtp_address:
        return skipped(
            "no mail server is set (smtp_address): invitations and password resets cannot be sent"
        )
    seen = evidence.inside.smtp
    return unless(
        [] if seen == "ok" else [seen or "no answer"],
        f"{settings.smtp_address}:{settings.smtp_port} greets the worker"
        f"{' over TLS' if settings.smtp_tls else ''} and answers EHLO",
        "check smtp_address and smtp_port, whether the provider blocks outgoing mail, and at port "
        "465 whether the server's certificate is for this name",
    )
