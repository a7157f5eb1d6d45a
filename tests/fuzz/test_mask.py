"""What `mask.awk` lets through: no value of `.env`, and every text that holds none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.support import awk, awks, bytes_without

PLAIN = b"ABab019 .:/@-_=\\$%&|[](){}+?^~,;!<>\xc3\xa9\xff\t"
letters = st.lists(st.sampled_from([PLAIN[i : i + 1] for i in range(len(PLAIN))]), min_size=4)
drawn = st.one_of(
    letters.map(b"".join),  # a backslash at the end would keep the quote from closing
    bytes_without(b"\n\0\r'\"#*", most=20).filter(lambda value: len(value) >= 4),
)
values = drawn.filter(lambda value: not value.endswith(b"\\"))  # it would keep the quote open


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An `.env` for one example after the other."""
    return tmp_path_factory.mktemp("mask") / ".env"


def masked(kind: str, path: Path, hidden: list[bytes], text: bytes) -> bytes:
    """The text after masking with an `.env` of these values."""
    path.write_bytes(b"".join(b"KEY_%d='%s'\n" % pair for pair in enumerate(hidden)))
    return awk(kind, "files_masked", "part=env", path, "part=log", "-", stdin=text)


@given(
    awks, st.lists(values, min_size=1, max_size=5), st.lists(bytes_without(b"\n\0*"), max_size=6)
)
def test_no_value_of_env_survives(
    path: Path, kind: str, hidden: list[bytes], between: list[bytes]
) -> None:
    """Side by side, within words, one inside the other, and without their backslashes."""
    spoken = [*hidden, *(value.replace(b"\\", b"") for value in hidden)]
    text = b"\n".join(
        b"".join([before, *spoken[number:], *spoken[:number]])
        for number, before in enumerate([b"", *between])
    )
    after = masked(kind, path, hidden, text)
    for value in spoken:
        if len(value) >= 4:
            assert value not in after


@given(awks, st.lists(values, max_size=5), bytes_without(b"\0", most=200))
def test_a_text_without_a_value_stays_as_it_is(
    path: Path, kind: str, hidden: list[bytes], text: bytes
) -> None:
    for value in hidden:
        for form in (value, value.replace(b"\\", b"")):
            text = text.replace(form, b"") if len(form) >= 4 else text
    clean = not any(
        form in text
        for value in hidden
        for form in (value, value.replace(b"\\", b""))
        if len(form) >= 4
    )
    if clean:
        end = b"" if not text or text.endswith(b"\n") else b"\n"
        assert masked(kind, path, hidden, text) == text + end
