"""What docs/chatwoot.md says of trouble is shown by tests: each row of its table by one at least.

The documents' commands are run by tests/e2e/test_18_docs.py.
"""

from __future__ import annotations

import ast
import re

import pytest

from tests.unit.support import REPOSITORY

SHOWN_BY: dict[str, tuple[str, ...]] = {
    "the browser gets no connection, or warns of the certificate": (
        "test_21_trouble.py::test_ports_that_do_not_reach_the_server_are_no_connection",
        "test_21_trouble.py"
        "::test_without_a_certificate_the_log_names_the_cause_and_caddy_tries_again",
        "test_06_refusals.py::test_a_name_that_leads_elsewhere_is_refused",
    ),
    "error 502": (
        "test_21_trouble.py::test_without_the_web_process_it_is_error_502_until_the_next_deploy",
    ),
    "new messages show up only after reloading, no mail, no webhooks": (
        "test_17_conversation.py"
        "::test_without_the_worker_the_reply_does_not_arrive_and_the_next_one_cleans_up",
    ),
    'people are told 429 "Retry later" though they have hardly begun': (
        "test_05_change.py::test_a_stranger_cannot_say_to_be_another",
        "test_05_change.py::test_behind_a_trusted_proxy_each_visitor_counts_alone",
    ),
    'an integration gets 401 "Invalid Access Token"': (
        "test_21_trouble.py::test_a_token_that_was_reset_is_put_back_by_a_deploy",
    ),
    "invitations do not arrive": (
        "test_20_mail.py::test_a_server_that_does_not_listen_is_told",
        "test_20_mail.py::test_a_wrong_password_is_told_and_not_shown",
        "test_20_mail.py::test_a_refused_recipient_is_told",
        "test_20_mail.py::test_without_a_mail_server_in_the_settings_none_is_sent",
    ),
    "the page asks to create the first administrator": (
        "test_21_trouble.py::test_the_onboarding_flag_leads_people_astray_until_the_next_deploy",
    ),
    "a blank page after an upgrade by hand": (
        "test_21_trouble.py"
        "::test_after_an_upgrade_by_hand_scripts_are_missing_until_the_next_deploy",
    ),
    "the chat does not show on a customer's page": (
        "test_21_trouble.py::test_a_header_that_forbids_frames_is_named_and_goes_with_a_deploy",
    ),
}
"""By what people see, the end-to-end tests that bring it about."""


def symptoms(document: str) -> list[str]:
    """The first column of the table of trouble."""
    table = document.split("| what people see |")[1].split("\n\n")[0]
    return re.findall(r"^\| ([^|]+?) \|", table.split("\n", 2)[2], re.M)


def functions_of(text: str) -> set[str]:
    return {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def without_test(rows: list[str], shown_by: dict[str, tuple[str, ...]]) -> list[str]:
    """Rows that no test shows, and tests that are not there or whose row is gone."""
    found = [row for row in rows if not shown_by.get(row)]
    found += [row for row in shown_by if row not in rows]
    for name in (name for names in shown_by.values() for name in names):
        file, _, test = name.partition("::")
        path = REPOSITORY / "tests/e2e" / file
        if not path.is_file() or test not in functions_of(path.read_text()):
            found.append(name)
    return found


def test_each_row_of_the_table_of_trouble_is_shown_by_a_test() -> None:
    rows = symptoms((REPOSITORY / "docs/chatwoot.md").read_text())
    assert len(rows) > 5
    assert without_test(rows, SHOWN_BY) == []


@pytest.mark.parametrize(
    ("rows", "shown_by", "told"),
    [
        (["a row"], {}, ["a row"]),
        (["a row"], {"a row": ()}, ["a row"]),
        ([], {"a row": ()}, ["a row"]),
        (["a row"], {"a row": ("test_01.py::test_x",)}, ["test_01.py::test_x"]),
        (["a row"], {"a row": ("test_20_mail.py::nothing",)}, ["test_20_mail.py::nothing"]),
    ],
)
def test_what_is_not_shown_is_noticed(
    rows: list[str], shown_by: dict[str, tuple[str, ...]], told: list[str]
) -> None:
    assert without_test(rows, shown_by) == told
