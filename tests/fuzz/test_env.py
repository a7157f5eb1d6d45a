"""`.env` through the awk programs of `env_state.sh` and `env_write.sh`, whatever stands in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from borgstack import entries
from borgstack.entries import EnvState, Kind
from borgstack.facts.env import Env
from borgstack.host_data import resolve_reference
from tests.fuzz.support import AWKS, ENTRIES, awk, awks, env_files
from tests.unit.support import run_script, settings_of

RULES = [entries.rule(entry, settings_of()) for entry in ENTRIES]
PLAIN = entries.plain_values(settings_of())
KEY = re.compile(rb"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An `.env` for one example after the other."""
    return tmp_path_factory.mktemp("env") / ".env"


def look(kind: str, path: Path, rules: list[str] = RULES) -> EnvState:
    """What `env_state.sh` says of the content."""
    said = awk(kind, "env_state", path, *rules).decode()
    return Env().process(said.splitlines())


def write(kind: str, path: Path, payload: str) -> bytes:
    """What `env_write.sh` puts in its place."""
    words = ("part=payload", "-", "part=env", path)
    return awk(kind, "env_write", *words, stdin=f"{payload}\n".encode())


def wanted(path: Path, kind: str) -> str:
    """What a run sends for it."""
    found = entries.changes(settings_of(), look(kind, path), "salt")
    return entries.payload(settings_of(), found)


def managed(payload: str) -> dict[bytes, str]:
    """Verb by name."""
    words = (line.split(" ", 2) for line in payload.splitlines())
    return {name.encode(): verb for verb, name, _ in words if verb != "note"}


@given(awks, env_files())
def test_no_byte_of_the_operators_is_lost_but_the_values_replaced(
    path: Path, kind: str, text: bytes
) -> None:
    path.write_bytes(text)
    payload = wanted(path, kind)
    after = write(kind, path, payload)
    before = text.removesuffix(b"\n").split(b"\n") if text else []
    lines_after = after.removesuffix(b"\n").split(b"\n")
    replaceable = managed(payload)
    for old, new in zip(before, lines_after[: len(before)], strict=True):
        key = KEY.match(old)
        if key and key[1] in replaceable and new != old:
            replaceable.pop(key[1])
            assert new.startswith(key[0])
            comment = re.search(rb"[ \t]*( #[^'\"]*)$", old)
            assert not comment or new.endswith(comment[1]) or b"<" in old, (old, new)
        else:
            assert new == old
    for line in lines_after[len(before) :]:
        assert (
            not line
            or line.startswith(b"# ")
            or (KEY.match(line) or [b"", b""])[1] in managed(payload)
        )


@given(awks, env_files())
def test_what_is_written_is_read_back_as_fit_and_written_once(
    path: Path, kind: str, text: bytes
) -> None:
    path.write_bytes(text)
    assume(entries.mistakes(look(kind, path)) == [])
    payload = wanted(path, kind)
    path.write_bytes(write(kind, path, payload))
    state = look(kind, path)
    assert state.verdicts == {entry.name: "ok" for entry in ENTRIES}
    assert entries.mistakes(state) == []
    assert write(kind, path, payload) == path.read_bytes()
    assert wanted(path, kind) == ""


@given(env_files())
def test_every_awk_says_and_writes_the_same(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    payload = "set DOMAIN example.com\nfill REDIS_PASSWORD " + "x" * 32
    assert len({repr(look(kind, path)) for kind in AWKS}) == 1
    assert len({write(kind, path, payload) for kind in AWKS}) == 1


@given(awks, st.text(st.characters(exclude_categories=()), max_size=20))
def test_a_supplied_secret_is_refused_or_held_as_it_is(path: Path, kind: str, value: str) -> None:
    secret = path.with_name("supplied")
    secret.write_bytes(value.encode(errors="surrogateescape") if _storable(value) else b"\xff")
    try:
        value = resolve_reference(f"file:{secret}")
    except ValueError:
        assume(False)
    one = settings_of(smtp_address="a.bc", smtp_username="x", smtp_password=f"file:{secret}")
    path.write_bytes(b"SMTP_PASSWORD=old\n")
    path.write_bytes(write(kind, path, f"set SMTP_PASSWORD {value}"))
    assert _held(kind, path, "SMTP_PASSWORD") == value.encode()
    rules = [entries.rule(entry, one) for entry in entries.entries_for(one)]
    assert look(kind, path, rules).verdicts["SMTP_PASSWORD"] == "ok"


def _storable(value: str) -> bool:
    try:
        value.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _held(kind: str, path: Path, name: str) -> bytes:
    """The value as Compose reads it, which `env.awk` says."""
    reads = '{ parse($0) } NAME == wanted { printf "%s", VALUE }'
    text = (Path(entries.__file__).parent / "remote/env.awk").read_text()
    command = [*AWKS[kind], "-v", f"wanted={name}", text + reads, str(path)]
    return subprocess.run(command, capture_output=True, check=True, env={"LC_ALL": "C"}).stdout


@given(awks, st.sampled_from([entry for entry in ENTRIES if entry.value is None]))
def test_a_generated_secret_is_what_the_host_calls_fit(
    path: Path, kind: str, entry: entries.Entry
) -> None:
    value = entries.generate(entry)
    path.write_text(f"{entry.name}={value}\n")
    assert look(kind, path).verdicts[entry.name] == "ok"
    assert len(value) == entry.length
    if entry.kind is Kind.LOGIN:
        assert re.search("[A-Z]", value)


@settings(
    max_examples=max(1, settings().max_examples // 20),  # a dozen processes an example
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=env_files(), nul=st.booleans())
def test_the_whole_scripts_do_what_their_programs_do(
    tmp_path: Path, text: bytes, nul: bool
) -> None:
    env = tmp_path / ".env"
    env.write_bytes(text + (b"\0" if nul else b""))
    env.chmod(0o600)
    state = Env().process(run_script("env_state", str(env), "salt", *RULES).out.splitlines())
    assert ((0, entries.Flaw.NUL) in state.problems) is nul
    if nul:
        return
    payload = "set DOMAIN example.com\nfill REDIS_PASSWORD " + "x" * 32
    expected = write(sorted(AWKS)[0], env, payload)
    assert run_script("env_write", str(env), stdin=payload).status == 0
    assert env.read_bytes() == expected
    assert [one.name for one in tmp_path.iterdir()] == [".env"]
