"""What a stranger gets who keeps asking a host from outside, as long as a `with` block lasts."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

INTERVAL = 0.05
CONNECTED_WITHIN = 3.0
ANSWERED_WITHIN = 30.0  # a sign-up that takes long is a sign-up
ONBOARDING = "/installation/onboarding"
WORKERS = 64  # slow answers must not hold up the next question
LEAST_RATE = 10.0  # questions a second
LONGEST_PAUSE = 5.0  # seconds
# A stranger does not mind whose certificate it is.
TRUSTING = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE
BODY = json.dumps(
    {
        "account_name": "Stranger",
        "user_full_name": "Stranger",
        "email": "stranger@elsewhere.test",
        "password": "Str4nger!Str4nger",
        "user": {
            "name": "Stranger",
            "company": "Stranger",
            "email": "stranger@elsewhere.test",
            "password": "Str4nger!Str4nger",
        },
    }
)


@dataclass(frozen=True)
class Answer:
    """What a stranger reads of an answer."""

    status: int
    location: str
    body: str


def leads_to_https(answer: Answer) -> bool:
    return 300 <= answer.status < 400 and answer.location.startswith("https://")


def shows_no_onboarding(answer: Answer) -> bool:
    """Neither the form nor the way there: both pages, real and double, post to the same path."""
    return ONBOARDING not in answer.location and f'action="{ONBOARDING}"' not in answer.body


def is_not_found(answer: Answer) -> bool:
    return answer.status == 404


def shows_no_page(answer: Answer) -> bool:
    return not 200 <= answer.status < 300


def is_never_given(answer: Answer) -> bool:
    return False


@dataclass(frozen=True)
class Question:
    """What is asked, and which answers do no harm. No connection at all is always harmless."""

    method: str
    port: int
    path: str
    harmless: Callable[[Answer], bool]

    def __str__(self) -> str:
        return f"{self.method} :{self.port}{self.path}"


HOME = Question("GET", 443, "/", shows_no_onboarding)
QUESTIONS = (
    HOME,
    Question("GET", 443, "/app", shows_no_onboarding),
    Question("GET", 443, ONBOARDING, is_not_found),
    Question("GET", 443, "/super_admin", shows_no_page),
    Question("GET", 80, "/", leads_to_https),
    Question("GET", 80, "/app", leads_to_https),
    Question("GET", 80, ONBOARDING, leads_to_https),
    Question("GET", 80, "/super_admin", leads_to_https),
    Question("GET", 3000, ONBOARDING, is_never_given),
    Question("POST", 80, ONBOARDING, leads_to_https),
    Question("POST", 443, "/api/v1/accounts", is_not_found),
    Question("POST", 443, "/api/v2/accounts", is_not_found),
    # Last: where it succeeds, it shuts the onboarding page that the others look for.
    Question("POST", 443, ONBOARDING, is_not_found),
)


class Probe:
    """Asks a host the questions in turn, one each 50 ms, and keeps what did harm."""

    def __init__(self, address: str, name: str) -> None:
        self.address = address
        self.name = name
        self.holes: list[tuple[Question, Answer]] = []
        self.answers = 0
        self.last: dict[Question, Answer | None] = {}
        self._asked: list[float] = []
        self._begin = self._end = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_asking)

    def __enter__(self) -> Probe:
        self._begin = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._end = time.monotonic()

    def found_nothing(self) -> None:
        """Assert that no answer did harm, and that the questions came often enough to tell."""
        shown = [f"{question}: {answer}"[:300] for question, answer in self.holes[:5]]
        assert not self.holes, f"{len(self.holes)} harmful answers, the first: {shown}"
        assert self.rate >= LEAST_RATE, f"{self.rate:.1f} questions a second are too few to tell"
        assert self.pause <= LONGEST_PAUSE, f"for {self.pause:.1f} s nothing was asked"

    @property
    def rate(self) -> float:
        """Questions a second."""
        return len(self._asked) / (self._end - self._begin)

    @property
    def pause(self) -> float:
        """The longest time, in seconds, in which nothing was asked."""
        times = sorted((self._begin, *self._asked, self._end))
        return max(after - before for before, after in itertools.pairwise(times))

    def _keep_asking(self) -> None:
        with ThreadPoolExecutor(WORKERS) as pool:
            for question in itertools.cycle(QUESTIONS):
                pool.submit(self._ask, question)
                if self._stop.wait(INTERVAL):
                    pool.shutdown(cancel_futures=True)
                    return

    def _ask(self, question: Question) -> None:
        begun = time.monotonic()
        try:
            answer = ask(self.address, self.name, question)
        except (OSError, http.client.HTTPException):
            answer = None
        self.last[question] = answer
        if answer:
            self.answers += 1
            if not question.harmless(answer):
                self.holes.append((question, answer))
        self._asked.append(begun)


def ask(address: str, name: str, question: Question) -> Answer:
    """Put one question."""
    raw = socket.create_connection((address, question.port), timeout=CONNECTED_WITHIN)
    raw.settimeout(ANSWERED_WITHIN)
    connection = http.client.HTTPConnection(name)
    connection.sock = raw
    try:
        if question.port == 443:
            connection.sock = TRUSTING.wrap_socket(raw, server_hostname=name)
        body = BODY if question.method == "POST" else None
        headers = {"Content-Type": "application/json"} if body else {}
        connection.request(question.method, question.path, body=body, headers=headers)
        reply = connection.getresponse()
        text = reply.read(100_000).decode(errors="replace")
        return Answer(reply.status, reply.headers.get("Location", ""), text)
    finally:
        connection.close()
        raw.close()
