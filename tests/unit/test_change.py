"""A change as people and as scripts read it."""

from __future__ import annotations

import pytest

from borgstack.change import SENTENCES, Change, Code, compare
from tests.unit.support import REPOSITORY


def test_a_sentence_names_subject_attribute_and_both_values() -> None:
    changes = [
        Change("image redis:8.2", Code.MISSING),
        Change("role x", Code.DIFFERS, "password"),
        Change("network n", Code.DIFFERS, "internal", expected=True, actual=False),
        Change("service web", Code.NOT_RUNNING, actual="exited"),
        Change("account", Code.DIFFERS, "name", "Acme, Inc.", ""),
        Change("team t", Code.DIFFERS, "description", "a", "b\n\x1b[2Jaccount: fine"),
    ]
    assert [str(one) for one in changes] == [
        "image redis:8.2: is missing",
        "role x: password differs",
        "network n: internal differs (expected true, actual false)",
        "service web: is not running (actual exited)",
        "account: name differs (expected Acme, Inc., actual '')",
        "team t: description differs (expected a, actual 'b\\n\\x1b[2Jaccount: fine')",
    ]


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ("fit", []),
        ("other", [Change("s", Code.DIFFERS, "a", "fit", "other")]),
        (None, [Change("s", Code.MISSING, "a", "fit", None)]),
        ("", [Change("s", Code.DIFFERS, "a", "fit", "")]),
    ],
)
def test_two_values_are_compared(actual: str | None, expected: list[Change]) -> None:
    assert compare("s", "a", "fit", actual) == expected


def test_each_code_has_a_sentence_and_a_row_in_the_document() -> None:
    text = (REPOSITORY / "docs/plan.md").read_text()
    assert list(SENTENCES) == list(Code)
    assert [code for code in Code if f"| `{code}` | {SENTENCES[code]} |" not in text] == []
