"""What docs/chatwoot.md says of trouble: each symptom as people see it, and gone after its cure.

tests/unit/test_docs.py says which row of the document is shown by which test, here and elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.support import HostUnderTest, until
from tests.lab import config

P = "/opt/borgstack"
CADDYFILE = f"{P}/config/caddy/Caddyfile"
V = "/var/lib/docker/volumes"
CERTIFICATES = f"{V}/borgstack_caddy_data/_data/caddy/certificates"
SCRIPT = "/vite/assets/upgrade-5f0c9a1e.js"
"""A script that only the next release has."""
REJECT = "-j REJECT --reject-with tcp-reset"
CLOSED = f"DOCKER-USER -i eth0 -p tcp -m multiport --dports 80,443 {REJECT}"
"""The world does not reach Caddy, as with a firewall in front."""
NO_AUTHORITY = f"DOCKER-USER -d {config.CA_ADDRESS} -p tcp --dport 443 {REJECT}"


def shown(stack: HostUnderTest, path: str = "/app") -> int:
    """The status of a page; 0 without a connection or with a certificate that is not trusted."""
    try:
        return stack.request(path)[0]
    except OSError:
        return 0


@contextmanager
def filtered(stack: HostUnderTest, rule: str) -> Iterator[None]:
    stack.ssh(f"iptables -I {rule}")
    try:
        yield
    finally:
        stack.ssh(f"iptables -D {rule}")


def test_ports_that_do_not_reach_the_server_are_no_connection(stack: HostUnderTest) -> None:
    with filtered(stack, CLOSED):
        assert shown(stack) == 0
        assert stack.verify().named("failed") == {"ui", "redirect", "certificate"}
    assert shown(stack) == 200


def test_without_a_certificate_the_log_names_the_cause_and_caddy_tries_again(
    stack: HostUnderTest,
) -> None:
    tried = "docker logs --since 1m borgstack_caddy 2>&1 | grep '\"will retry\"' | tail -1"
    restart = "docker restart -t 5 borgstack_caddy"
    with filtered(stack, NO_AUTHORITY):
        stack.ssh(f"rm -rf {CERTIFICATES}; {restart}")
        until("Caddy's first attempt", lambda: stack.ssh(tried))
        assert "connection refused" in json.loads(stack.ssh(tried))["error"]
        assert shown(stack) == 0
    stack.ssh(restart)  # or it takes a minute
    until("a certificate", lambda: shown(stack) == 200)


def test_without_the_web_process_it_is_error_502_until_the_next_deploy(
    stack: HostUnderTest,
) -> None:
    stack.ssh("docker stop chatwoot")
    assert shown(stack) == 502
    assert stack.ssh("docker logs --tail 5 chatwoot 2>&1")
    stack.deploy()
    assert shown(stack) == 200


def test_a_token_that_was_reset_is_put_back_by_a_deploy(stack: HostUnderTest) -> None:
    token = stack.ssh(f"sed -n 's/^CHATWOOT_API_TOKEN=//p' {P}/.env").strip()

    def profile() -> tuple[int, str]:
        status, _, body = stack.request("/api/v1/profile", headers={"api_access_token": token})
        return status, body

    assert profile()[0] == 200
    stack.sql("UPDATE access_tokens SET token = md5(token)")
    status, body = profile()
    assert (status, "Invalid Access Token" in body) == (401, True)
    stack.deploy()
    assert profile()[0] == 200


def test_the_onboarding_flag_leads_people_astray_until_the_next_deploy(
    stack: HostUnderTest,
) -> None:
    flag = "alfred:CHATWOOT_INSTALLATION_ONBOARDING"
    stack.ssh(f"docker exec borgstack_redis redis-cli set {flag} true")
    status, headers, _ = stack.request("/app")
    assert (status, headers["location"].endswith("/installation/onboarding")) == (302, True)
    assert shown(stack, "/installation/onboarding") == 404  # closed to strangers all the same
    stack.deploy()
    assert shown(stack) == 200


def test_after_an_upgrade_by_hand_scripts_are_missing_until_the_next_deploy(
    stack: HostUnderTest,
) -> None:
    image = f"{stack.inspect('chatwoot')['Config']['Image']}-next"
    stack.ssh(
        f"rm -f {V}/borgstack_chatwoot_public/_data{SCRIPT}; "  # an earlier upgrade has kept it
        f"cd {P} && sed -i 's#v4.6.0-ce\"#v4.6.0-ce-next\"#' docker-compose.yml && "
        "docker compose pull -q chatwoot && docker compose up -d --no-deps --wait chatwoot"
    )
    assert stack.inspect("chatwoot")["Config"]["Image"] == image
    assert shown(stack, SCRIPT) == 404
    stack.deploy(chatwoot_image=image)
    assert shown(stack, SCRIPT) == 200  # the deploy of the next test goes back


def test_a_header_that_forbids_frames_is_named_and_goes_with_a_deploy(
    stack: HostUnderTest,
) -> None:
    line = "\\theader /widget >X-Frame-Options DENY"
    reload = "docker exec borgstack_caddy caddy reload --config /etc/caddy/Caddyfile 2>&1"
    stack.ssh(f"sed -i 's#^\\tencode zstd gzip#{line}\\n&#' {CADDYFILE} && {reload}")
    widget = stack.verify().checks["widget"]
    assert (widget["result"], "x-frame-options: DENY" in widget["seen"]) == ("failed", True)
    stack.deploy()
    _, headers, _ = stack.request("/widget?website_token=x")
    assert headers["x-frame-options"] == "SAMEORIGIN"  # Chatwoot's own, of a refusal
