"""Chatwoot in a person's browser: headless Chromium inside the lab, which checks certificates.

`CHATWOOT_URL` points these tests at a Chatwoot that was deployed elsewhere:

    CHATWOOT_URL=https://chatwoot.example.com CHATWOOT_EMAIL=ops@example.com \\
    CHATWOOT_PASSWORD=... CHATWOOT_WEBSITE_TOKEN=... .venv/bin/pytest tests/e2e/test_15_browser.py

The website token is that of any website inbox there. Without the variable it is the lab's host.

The agent who answers needs that host, where a password is read and a webhook is received.
`PARTS` is all that these tests know of Chatwoot's pages; `make test-real` asks the real ones.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests import lab
from tests.e2e.contract import Chatwoot, Receiver, of_lab, pin, unique
from tests.e2e.support import HostUnderTest

SECONDS = 30
OTHER_SITE = "https://ca.lab.test/"  # any page of another origin that the browser trusts
PARTS = {
    "email": "[data-testid=email_input], input[type=email]",
    "password": "input[type=password]",
    "log in": "button[type=submit]",
    "conversation": ".conversation",
    "messages": ".conversation-panel",
    "reply": ".reply-box textarea, .reply-box .ProseMirror",
    "send": ".reply-box button[type=submit]",
}
"""By what a person calls it, where it is; the stand-in's place first where Chatwoot's differs."""
ERROR_PAGE = "chrome-error://chromewebdata/"


@dataclass(frozen=True)
class Site:
    """A Chatwoot, and a person who may log in there."""

    url: str
    email: str
    password: str = field(repr=False)
    website_token: str = ""

    @property
    def widget(self) -> str:
        return f"/widget?website_token={self.website_token}"


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """The Chatwoot that the variables name, or the one on the lab's host."""
    if url := os.environ.get("CHATWOOT_URL"):
        lab.up(())
        names = ("CHATWOOT_EMAIL", "CHATWOOT_PASSWORD", "CHATWOOT_WEBSITE_TOKEN")
        yield Site(url.rstrip("/"), *(os.environ[name] for name in names))
        return
    stack: HostUnderTest = request.getfixturevalue("fresh")[0]
    chatwoot = of_lab(stack)
    channel = {"type": "web_widget", "website_url": "https://shop.test"}
    token = chatwoot.create("inboxes", name="Shop", channel=channel)["website_token"]
    yield Site(f"https://{stack.chatwoot}", "ops@lab.test", chatwoot.password, token)
    chatwoot.clean_up()


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


def part(browser: webdriver.Remote, name: str, text: str = "") -> WebElement:
    """A part of the page, once it is there; with `text`, the first that holds it."""

    def there(browser: webdriver.Remote) -> WebElement | None:
        found = browser.find_elements(By.CSS_SELECTOR, PARTS[name])
        return next((one for one in found if text in one.text), None)

    wait = WebDriverWait(browser, SECONDS, ignored_exceptions=[StaleElementReferenceException])
    return wait.until(there, f"expected {name} with {text!r} at {address(browser)}")


def log_in(browser: webdriver.Remote, site: Site) -> None:
    """By the login page's form, as a person does."""
    browser.get(f"{site.url}/app/login")
    part(browser, "password").send_keys(site.password)
    part(browser, "email").send_keys(site.email)
    part(browser, "log in").click()
    WebDriverWait(browser, SECONDS).until(
        lambda b: "/app/accounts/" in address(b), "expected the dashboard after the login"
    )


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
    browser.get(f"{site.url}/app/login")
    wrong = {"email": site.email, "password": "not the password"}
    assert fetch(browser, "/auth/sign_in", wrong)[0] == 401
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
    assert address(browser).removesuffix("#/") == f"{site.url}{site.widget}"  # Chatwoot's router
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


AGENT = "dora@lab.test"


@dataclass(frozen=True)
class Desk:
    """A host with a declared agent, whose inbox tells a receiver what goes out to customers."""

    host: HostUnderTest
    chatwoot: Chatwoot
    receiver: Receiver
    address: str

    def customer(self, text: str) -> int:
        """A message of a customer's, as an integration brings it in; the conversation's number."""
        (inbox,) = (i for i in self.chatwoot.get("inboxes")["payload"] if i["name"] == "WhatsApp")
        ids = {"inbox_id": inbox["id"], "source_id": unique()}
        contact = self.chatwoot.contact(name="Customer", inbox_id=inbox["id"])
        made = self.chatwoot.made_by("conversations", contact_id=contact["id"], **ids)
        self.write(made["id"], text)
        (agent,) = (one for one in self.chatwoot.get("agents") if one["email"] == AGENT)
        # The list of the real dashboard opens at what is assigned to whoever looks.
        self.chatwoot.made_by(f"conversations/{made['id']}/assignments", assignee_id=agent["id"])
        return int(made["id"])

    def write(self, conversation: int, text: str) -> None:
        """One more message of the customer's."""
        path = f"conversations/{conversation}/messages"
        self.chatwoot.made_by(path, content=text, message_type="incoming")

    def sent(self, conversation: int) -> list[tuple[str, str]]:
        """What went out, by the API: who wrote what."""
        found = self.chatwoot.get(f"conversations/{conversation}/messages")["payload"]
        return [(m["sender"]["name"], m["content"]) for m in found if m["message_type"] == 1]


@pytest.fixture(scope="module")
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    """The lab's host with an agent at work; plain again afterwards."""
    if "CHATWOOT_URL" in os.environ:
        pytest.skip("the first password is read on the lab's host; see LAB_IMAGE_CHATWOOT above")
    plain: HostUnderTest = request.getfixturevalue("fresh")[0]
    receiver = Receiver(plain.address)
    inbox = {"name": "WhatsApp", "webhook_url": receiver.url()}
    agent = {"email": AGENT, "name": "Dora", "inboxes": ["WhatsApp"]}
    plain.deploy(agents=[agent], inboxes=[inbox])
    token = plain.ssh("sed -n 's/^CHATWOOT_API_TOKEN=//p' /opt/borgstack/.env").strip()
    chatwoot = Chatwoot(f"https://{plain.chatwoot}", 1, token)
    pin(chatwoot, plain.chatwoot, plain.address, str(lab.ca_root_path()))
    try:
        yield Desk(plain, chatwoot, receiver, inbox["webhook_url"])
    finally:
        chatwoot.clean_up()
        receiver.close()
        plain.sql(
            f"UPDATE channel_api SET webhook_url = NULL; DELETE FROM inbox_members; "
            "DELETE FROM account_users USING users WHERE users.id = user_id "
            f"AND email = '{AGENT}'; DELETE FROM users WHERE email = '{AGENT}'"
        )
        plain.ssh(f"rm -f /opt/borgstack/first-passwords/{shlex.quote(AGENT)}")
        plain.deploy()


def test_a_declared_agent_logs_in_sees_the_customers_message_and_answers(
    browser: webdriver.Remote, desk: Desk
) -> None:
    question, again, reply = (f"{word} {unique()}" for word in ("Is it open?", "Hello?", "Yes,"))
    conversation = desk.customer(question)
    password = desk.host.ssh(f"cat /opt/borgstack/first-passwords/{AGENT}").strip()
    log_in(browser, Site(desk.chatwoot.url, AGENT, password))
    part(browser, "conversation", question).click()
    part(browser, "messages", question)
    desk.write(conversation, again)  # shows up by itself, over the websocket
    part(browser, "messages", again)
    part(browser, "reply").send_keys(reply)
    part(browser, "send").click()
    part(browser, "messages", reply)
    assert desk.sent(conversation) == [("Dora", reply)]
    out = [
        one.body["content"]
        for one in desk.receiver.wait(desk.address, "message_created", count=3)
        if one.body["message_type"] == "outgoing"
    ]
    assert out == [reply]
