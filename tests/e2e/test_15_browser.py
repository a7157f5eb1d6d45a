"""Chatwoot in a person's browser: headless Chromium inside the lab, which checks certificates.

`CHATWOOT_URL` points these tests at a Chatwoot that was deployed elsewhere:

    CHATWOOT_URL=https://chatwoot.example.com CHATWOOT_EMAIL=ops@example.com \\
    CHATWOOT_PASSWORD=... CHATWOOT_WEBSITE_TOKEN=... .venv/bin/pytest tests/e2e/test_15_browser.py

The website token is that of any website inbox there. Without the variable it is the lab's host.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests import lab
from tests.e2e.support import HostUnderTest

SECONDS = 30
OTHER_SITE = "https://ca.lab.test/"  # any page of another origin that the browser trusts
PASSWORD_FIELD = (By.CSS_SELECTOR, "input[type=password]")
EMAIL_FIELD = (By.CSS_SELECTOR, "input[name=email_address], input[type=email]")
STAND_IN = "Chatwoot double"
ERROR_PAGE = "chrome-error://chromewebdata/"


@dataclass(frozen=True)
class Site:
    """A Chatwoot, and a person who may log in there."""

    url: str
    email: str
    password: str = field(repr=False)
    website_token: str = "any"  # the stand-in takes any

    @property
    def widget(self) -> str:
        return f"/widget?website_token={self.website_token}"


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Site:
    """The Chatwoot that the variables name, or the one on the lab's host."""
    if url := os.environ.get("CHATWOOT_URL"):
        lab.up(())
        names = ("CHATWOOT_EMAIL", "CHATWOOT_PASSWORD", "CHATWOOT_WEBSITE_TOKEN")
        return Site(url.rstrip("/"), *(os.environ[name] for name in names))
    stack: HostUnderTest = request.getfixturevalue("fresh")[0]
    password = stack.ssh("sed -n 's/^CHATWOOT_ADMIN_PASSWORD=//p' /opt/borgstack/.env").strip()
    return Site(f"https://{stack.chatwoot}", "ops@lab.test", password)


@pytest.fixture(scope="module")
def driver_url(site: Site) -> str:
    """The lab's browser, once the lab is up."""
    return lab.browser()


@pytest.fixture
def browser(driver_url: str) -> Iterator[webdriver.Remote]:
    """A browser without a past. It shows no page whose certificate it does not trust."""
    options = webdriver.ChromeOptions()
    options.add_argument("--headless=new")
    options.add_argument("--disable-features=HttpsUpgrades")  # the server has to lead to HTTPS
    options.accept_insecure_certs = False
    driver = webdriver.Remote(driver_url, options=options)
    driver.set_page_load_timeout(SECONDS)
    driver.set_script_timeout(SECONDS)
    yield driver
    driver.quit()


def address(browser: webdriver.Remote) -> str:
    """Of the page that is shown, be it Chromium's own about an error: WebDriver's is the wanted."""
    return str(browser.execute_script("return location.href"))


def content_of_the_app(browser: webdriver.Remote) -> str:
    """What the page's own script has put in place; empty as long as it has not run."""
    return str(browser.execute_script("return document.getElementById('app')?.innerHTML ?? ''"))


def wait_for_the_app(browser: webdriver.Remote) -> str:
    return WebDriverWait(browser, SECONDS).until(
        content_of_the_app, f"expected the page's script to show something at {browser.current_url}"
    )


def fetch(browser: webdriver.Remote, path: str, form: dict[str, str] | None = None) -> Any:  # noqa: ANN401
    """Status, headers and text of an answer to the page's own script."""
    return browser.execute_async_script(
        """
        const [path, form, done] = arguments;
        fetch(path, form ? {method: 'POST', body: new URLSearchParams(form)} : {})
          .then(async r => done([r.status, Object.fromEntries(r.headers), await r.text()]))
          .catch(error => done([0, {}, String(error)]));
        """,
        path,
        form,
    )


def log_in(browser: webdriver.Remote, site: Site) -> None:
    """By the login page's form; the stand-in has none, there the page's origin asks directly."""
    browser.get(f"{site.url}/app/login")
    if STAND_IN in wait_for_the_app(browser):
        wrong = {"email": site.email, "password": "not the password"}
        assert fetch(browser, "/auth/sign_in", wrong)[0] == 401
        right = {"email": site.email, "password": site.password}
        status, headers, text = fetch(browser, "/auth/sign_in", right)
        assert (status, "access-token" in headers, site.email in text) == (200, True, True)
        return
    wait = WebDriverWait(browser, SECONDS)
    wait.until(
        lambda b: b.find_elements(*PASSWORD_FIELD), "expected a password field at /app/login"
    )
    browser.find_element(*EMAIL_FIELD).send_keys(site.email)
    browser.find_element(*PASSWORD_FIELD).send_keys(site.password)
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    wait.until(lambda b: "/app/accounts/" in address(b), "expected the dashboard after the login")


def test_the_certificate_is_trusted_and_plain_http_leads_to_https(
    browser: webdriver.Remote, site: Site
) -> None:
    browser.get(f"{site.url.replace('https:', 'http:', 1)}/app/login")
    assert address(browser) == f"{site.url}/app/login"
    assert browser.execute_script("return window.isSecureContext") is True
    assert wait_for_the_app(browser)


def test_a_person_logs_in_and_is_never_led_to_the_onboarding(
    browser: webdriver.Remote, site: Site
) -> None:
    log_in(browser, site)
    for path in ("/", "/app", "/app/login"):
        browser.get(f"{site.url}{path}")
        assert "onboarding" not in address(browser)
        assert wait_for_the_app(browser)
    assert fetch(browser, "/installation/onboarding")[0] == 404


SECURE = {
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
}


def test_the_browser_sees_the_security_headers(browser: webdriver.Remote, site: Site) -> None:
    browser.get(f"{site.url}/app/login")
    for path, framing in (("/app/login", "SAMEORIGIN"), (site.widget, None)):
        status, headers, _ = fetch(browser, path)
        seen = {name: headers.get(name) for name in (*SECURE, "x-frame-options")}
        assert (status, seen) == (200, {**SECURE, "x-frame-options": framing}), path


def frame(browser: webdriver.Remote, address: str) -> None:
    """Show a page in a frame of another site's page, and step into the frame."""
    browser.get(OTHER_SITE)
    browser.execute_async_script(
        """
        const [address, done] = arguments;
        const frame = document.createElement('iframe');
        frame.onload = () => done();
        frame.src = address;
        document.body.append(frame);
        """,
        address,
    )
    browser.switch_to.frame(0)


def test_the_widget_runs_in_a_frame_on_another_site(browser: webdriver.Remote, site: Site) -> None:
    frame(browser, f"{site.url}{site.widget}")
    assert address(browser) == f"{site.url}{site.widget}"
    assert wait_for_the_app(browser)


@pytest.mark.parametrize("path", ["/", "/app", "/app/login", "/super_admin/sign_in"])
def test_no_other_page_can_be_framed_by_another_site(
    browser: webdriver.Remote, site: Site, path: str
) -> None:
    frame(browser, f"{site.url}{path}")
    assert address(browser) == ERROR_PAGE


def test_the_websocket_opens_from_the_page(browser: webdriver.Remote, site: Site) -> None:
    browser.get(f"{site.url}/app/login")
    first = browser.execute_async_script(
        """
        const done = arguments[0];
        const socket = new WebSocket(`wss://${location.host}/cable`, ['actioncable-v1-json']);
        socket.onmessage = message => done(JSON.parse(message.data).type);
        socket.onclose = event => done(`closed with ${event.code}`);
        """
    )
    assert first == "welcome"
