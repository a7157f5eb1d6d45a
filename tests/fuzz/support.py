"""What the fuzz tests share: the host's own awk programs, run as processes, and lines of `.env`."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from hypothesis import strategies as st

from borgstack import entries
from borgstack.remote import script_text
from tests.unit.support import settings_of

AWKS = {
    name: [path, *(["awk"] if name == "busybox" else [])]
    for name in ("mawk", "gawk", "original-awk", "busybox")
    if (path := shutil.which(name))
}
awks = st.sampled_from(sorted(AWKS))
ENTRIES = entries.entries_for(settings_of())


@cache
def program(script: str) -> str:
    """The awk program that a script holds between `program='` or `mask='` and the next quote."""
    (found,) = re.findall(r"^(?:program|mask)='\n(.*?)'$", script_text(script), re.M | re.S)
    return str(found)


def awk(kind: str, script: str, *words: str | Path, stdin: bytes = b"") -> bytes:
    """What the awk program of a script prints; the script itself is a dozen processes more."""
    done = subprocess.run(
        [*AWKS[kind], program(script), *map(str, words)],
        input=stdin,
        capture_output=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        timeout=60,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith(b"wrote ")]
    assert (done.returncode, said) == (0, []), done.stderr
    return done.stdout


def bytes_without(forbidden: bytes, most: int = 12) -> st.SearchStrategy[bytes]:
    """Any bytes but these."""
    allowed = bytes(set(range(256)) - set(forbidden))
    return st.lists(st.sampled_from(allowed), max_size=most).map(bytes)


def joined(*parts: st.SearchStrategy[bytes] | bytes) -> st.SearchStrategy[bytes]:
    """The parts, one behind the other."""
    drawn = [st.just(part) if isinstance(part, bytes) else part for part in parts]
    return st.tuples(*drawn).map(b"".join)


blanks = st.sampled_from([b"", b" ", b"\t", b"  "])
ends = st.sampled_from([b"", b" ", b" # why", b"\t#x", b"\r", b" # why\r"])
names = st.sampled_from(
    [entry.name.encode() for entry in ENTRIES] + [b"MY_KEY", b"my.key-2", b"_", b"DOMAINS"]
)
bare = st.one_of(
    bytes_without(b"\n\0\r'\"#"),
    st.sampled_from([b"", b"<generate-strong-password>", b"a#b", b"x=y", b"a'b", b"$(x)`y`\\"]),
    st.sampled_from([entries.generate(entry).encode() for entry in ENTRIES if not entry.value]),
)
values = st.one_of(
    bare,
    joined(b"'", bytes_without(b"\n\0'"), b"'"),
    joined(b'"', bytes_without(b'\n\0"\\'), b'"'),
    joined(b'"', st.sampled_from([b'a\\"b', b"\\\\", b"a\\nb", b"<x>", b""]), b'"'),
)
prefixes = joined(blanks, st.sampled_from([b"", b"export ", b"export\t "]))
assignments = joined(prefixes, names, blanks, b"=", blanks, values, ends)
comments = joined(blanks, b"#", bytes_without(b"\n\0"))
junk = bytes_without(b"\n\0", most=30)
huge = st.sampled_from([b"#" + b"x" * 70_000, b"HUGE=" + b"y'" * 40_000])
lines = st.one_of(assignments, assignments, comments, blanks, junk, huge)
"""One line of an operator's `.env`, without its end and without NUL, which no run accepts."""


@st.composite
def env_files(draw: st.DrawFn) -> bytes:
    """A whole `.env`, its last line perhaps without an end."""
    text = b"\n".join(draw(st.lists(lines, max_size=8)))
    return text + draw(st.sampled_from([b"", b"\n", b"\n\n"]))
