"""What `borgstack pair` draws and takes: the code can be read again, a number is one."""

from __future__ import annotations

import argparse

import pytest
import segno

from borgstack import pair
from borgstack.pair import drawn

CODE = "2@" + "aB3+/" * 45
PIXELS = {" ": (0, 0), "▄": (0, 1), "▀": (1, 0), "█": (1, 1)}


@pytest.mark.parametrize("code", ["2@a", CODE])
def test_every_module_of_the_code_is_drawn_with_light_around_it(code: str) -> None:
    pairs = [[PIXELS[character] for character in line] for line in drawn(code)]
    rows = [[pixel[half] for pixel in line] for line in pairs for half in (0, 1)]
    wanted = [
        list(row) for row in segno.make(code, error="l", micro=False, boost_error=False).matrix
    ]
    size = len(wanted)
    assert [row[2 : 2 + size] for row in rows[2 : 2 + size]] == wanted
    assert not any(any(row) for row in (*rows[:2], *rows[2 + size :]))
    assert not any(any(row[:2] + row[2 + size :]) for row in rows)
    assert len({len(line) for line in drawn(code)}) == 1


def test_a_code_of_whatsapps_length_fits_a_terminal() -> None:
    assert len(drawn(CODE)[0]) <= 70
    assert len(drawn(CODE)) <= 35


@pytest.mark.parametrize("text", ["5511987654321", "+55 (11) 98765-4321", "55.11.98765.4321"])
def test_a_number_is_taken_as_people_write_it(text: str) -> None:
    assert pair._digits(text) == "5511987654321"


@pytest.mark.parametrize("text", ["", "12345", "005511987654321", "5511x7654321", "1" * 16, "1;id"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="with its country"):
        pair._digits(text)
