"""The judges of what everybody can see. Each is a pure function of what was seen."""

from __future__ import annotations

import json
import re

from borgstack.evidence import Answer, Certificate, Evidence
from borgstack.project import Project
from borgstack.verdict import DEPLOY, Verdict, failed, skipped, unless

LEAST_DAYS = 14
LEAST_HSTS = 180 * 24 * 3600
DAY = 24 * 3600
CADDY = f"on the host: docker logs --tail 50 borgstack_caddy; see config/caddy/conf.d; {DEPLOY}"
HEADERS = {
    "x-frame-options": "SAMEORIGIN",
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
}
CLOSED = {401, 403, 404}
NO_WIDGET = "web widget does not exist"
"""Chatwoot's answer to a token that no inbox has: the page's own code has run."""


def _answer(evidence: Evidence, name: str) -> Answer:
    """An answer; what came in place of one is told as its body."""
    found = evidence.outside.answers.get(name, "no answer")
    return Answer(0, {}, found) if isinstance(found, str) else found


def _told(answer: Answer) -> str:
    """A status, or why there is none."""
    return str(answer.status) if answer.status else answer.body


def ui(project: Project, evidence: Evidence) -> Verdict:
    """The user interface comes over HTTPS, its certificate verified."""
    url = f"https://{project.settings.chatwoot_host}/"
    page = _answer(evidence, "page")
    problems = []
    if evidence.outside.silent:
        problems.append(evidence.outside.silent)
    elif page.status != 200:
        where = page.headers.get("location", "")
        problems.append(f"{_told(page)} {where}".strip())
    elif "chatwootConfig" not in page.body and "Chatwoot" not in page.body:
        problems.append("200, but the page is not Chatwoot's")
    return unless(
        problems,
        f"GET {url}: 200 and Chatwoot's page",
        f"does the name lead to this host, are 80 and 443 open in its firewall? {CADDY}",
    )


def api(project: Project, evidence: Evidence) -> Verdict:
    """`/api` says that web process, Redis and database are well."""
    got = _answer(evidence, "api")
    try:
        said = json.loads(got.body) if got.status == 200 else {}
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    problems = [] if got.status == 200 else [_told(got)]
    if got.status == 200:
        problems = [
            f"{part}: {said.get(part, 'missing')}"
            for part in ("queue_services", "data_services")
            if said.get(part) != "ok"
        ]
    return unless(
        problems,
        "GET /api: 200, queue_services and data_services ok",
        "queue_services is Redis, data_services is PostgreSQL; on the host: docker logs chatwoot",
    )


def redirect(project: Project, evidence: Evidence) -> Verdict:
    """Plain HTTP leads to HTTPS, to the same page."""
    name = project.settings.chatwoot_host
    plain = _answer(evidence, "plain")
    where = plain.headers.get("location", "")
    fine = plain.status in {301, 308} and where == f"https://{name}/app"
    return unless(
        [] if fine else [f"{_told(plain)} {where}".strip()],
        f"GET http://{name}/app: 301 or 308 to https://{name}/app",
        f"port 80 must be open, for the certificate too. {CADDY}",
    )


def certificate(project: Project, evidence: Evidence) -> Verdict:
    """The certificate is trusted, is for the name, and is being renewed."""
    found, name = evidence.outside.certificate, project.settings.chatwoot_host
    if not isinstance(found, Certificate):
        return failed(
            f"a certificate for {name} that is trusted",
            found or "no answer",
            "a staging authority's is trusted by nobody, an own one's only with acme_root set. "
            f"Else: {CADDY}",
        )
    left = found.not_after - evidence.now
    # Caddy renews when a third is left: at a sixth, renewal has been failing for long.
    least = min(LEAST_DAYS * DAY, (found.not_after - found.not_before) / 6)
    fits = any(_covers(one, name) for one in found.names)
    problems = [] if fits else [f"it is for {', '.join(found.names) or 'no name'}"]
    if left < least:
        problems.append(f"{left / DAY:.1f} days are left")
    return unless(
        problems,
        f"{name} in the certificate, and {least / DAY:.1f} days left",
        f"renewal fails: {CADDY}",
    )


def _covers(pattern: str, name: str) -> bool:
    """Whether a name of a certificate is this one; a star is the first label (RFC 6125 6.4.3)."""
    return pattern == name or (
        pattern.startswith("*.") and pattern[1:] == name[len(name.partition(".")[0]) :]
    )


def headers(project: Project, evidence: Evidence) -> Verdict:
    """The page carries the security headers."""
    page = _answer(evidence, "page")
    problems = [
        f"{name}: {page.headers.get(name, 'missing')}"
        for name, wanted in HEADERS.items()
        if page.headers.get(name, "").lower() != wanted.lower()
    ]
    age = re.search(r"max-age=(\d+)", page.headers.get("strict-transport-security", ""))
    if age is None or int(age[1]) < LEAST_HSTS:
        problems.append(
            f"strict-transport-security: {page.headers.get('strict-transport-security', 'missing')}"
        )
    wanted = ", ".join(f"{name}: {value}" for name, value in HEADERS.items())
    return unless(problems, f"{wanted}, and HSTS for half a year or more", CADDY)


def widget(project: Project, evidence: Evidence) -> Verdict:
    """Customers' sites can load the chat widget's script and frame its page.

    Chatwoot itself decides who may frame the page; nothing on the way may add to that.
    """
    script, page = _answer(evidence, "script"), _answer(evidence, "widget")
    problems = []
    if script.status != 200 or "javascript" not in script.headers.get("content-type", ""):
        kind = script.headers.get("content-type", "")
        problems.append(f"/packs/js/sdk.js: {_told(script)} {kind}".strip())
    own = (evidence.inside.web or {}).get("widget") or {}
    if page.status == 404 and not own:
        # The inside could not be asked; an answer that it refuses carries what Rails gives to all.
        own = {"x-frame-options": "SAMEORIGIN"}
    if page.status == 429:
        problems.append("/widget: 429, this address is limited; ask again in an hour")
    elif page.status != 200 and not (page.status == 404 and NO_WIDGET in page.body):
        problems.append(f"/widget: {_told(page)}, and it is not Chatwoot's word on the token")
    for name in ("x-frame-options", "content-security-policy"):
        seen = page.headers.get(name)
        forbids = seen if name == "x-frame-options" or "frame-ancestors" in (seen or "") else None
        if forbids and forbids != own.get(name):
            problems.append(f"/widget comes with {name}: {forbids}")
    return unless(
        problems,
        f"the script is served, /widget answers 200 or {NO_WIDGET!r}, nothing forbids to frame it",
        CADDY,
    )


def websocket(project: Project, evidence: Evidence) -> Verdict:
    """The live connection of browsers works."""
    seen = evidence.outside.websocket
    return unless(
        [] if seen == "101 welcome" else [seen or "no answer"],
        f"wss://{project.settings.chatwoot_host}/cable: 101 and Chatwoot's welcome",
        "a proxy in between must pass upgrades on; on the host: docker logs --tail 50 chatwoot",
    )


def onboarding(project: Project, evidence: Evidence) -> Verdict:
    """Nobody is offered to become the first super administrator."""
    problems = []
    jobs = evidence.inside.jobs
    if jobs is not None and jobs.onboarding is not False:
        unsaid = "Redis does not say whether the onboarding flag stands"
        seen = "the onboarding flag stands in Redis" if jobs.onboarding else unsaid
        problems.append(f"inside: {seen}")
    form = _answer(evidence, "onboarding")
    if form.status == 200 or not form.status or form.status >= 500:
        problems.append(f"/installation/onboarding: {_told(form)}")
    page = _answer(evidence, "page")
    if "/installation" in page.headers.get("location", ""):
        problems.append(f"/ leads to {page.headers['location']}")
    return unless(problems, "no onboarding flag, no form, and / leads elsewhere", DEPLOY)


def signup(project: Project, evidence: Evidence) -> Verdict:
    """Strangers cannot sign up: refused at the door, and by Chatwoot's own switch behind it."""
    problems = [
        f"POST {path}: {_told(got)}"
        for path, got in (
            ("/api/v1/accounts", _answer(evidence, "signup v1")),
            ("/api/v2/accounts", _answer(evidence, "signup v2")),
            ("/auth", _answer(evidence, "signup auth")),
        )
        if got.status != 404
    ]
    own = (evidence.inside.web or {}).get("signup") or {}
    problems += [f"inside: POST {path}: {got}" for path, got in own.items() if got != 404]
    return unless(
        problems,
        "404 for every sign-up",
        f"{DEPLOY}; inside: the row ENABLE_ACCOUNT_SIGNUP must hold the string 'false'",
    )


def super_admin(project: Project, evidence: Evidence) -> Verdict:
    """The super administrator's console asks for a login."""
    got = _answer(evidence, "super_admin")
    where = got.headers.get("location", "")
    fine = got.status in CLOSED or (
        got.status in {301, 302, 303, 307, 308} and where.endswith("/super_admin/sign_in")
    )
    return unless(
        [] if fine else [f"{_told(got)} {where}".strip()],
        "GET /super_admin: a redirect to /super_admin/sign_in, or a refusal",
        f"somebody may be in already: look at the users in /super_admin. {CADDY}",
    )


def ports(project: Project, evidence: Evidence) -> Verdict:
    """The data stores and the parts behind Caddy cannot be reached from here."""
    outside = evidence.outside
    if not outside.ports.get(443):
        return skipped("443 takes no connections either, so a closed port proves nothing")
    allowed = set(project.settings.allowed_ports)
    tried = [port for port in outside.ports if port != 443 and port not in allowed]
    problems = [f"{port} takes connections" for port in tried if outside.ports[port]]
    return unless(
        problems,
        f"{outside.address} takes no connections on {', '.join(map(str, tried))}",
        "on the host: ss -ltnp; close the port or bind it to 127.0.0.1",
    )
