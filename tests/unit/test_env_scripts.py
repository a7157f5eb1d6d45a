"""`.env` is the only file of a server that cannot be made anew. These tests run the real scripts
that look at it and write it, through `sh` and every awk that is installed, on temp directories.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from borgstack import entries
from borgstack.entries import ENTRIES, FIT_OWNER, FLAWS, EnvMistake, EnvState, Flaw, Kind
from borgstack.facts.env import Env
from borgstack.remote import locked_command, script_text
from borgstack.settings import Settings
from tests.unit.changes import keys
from tests.unit.support import Ran, program, run_script, run_text, settings_of

SALT = "0123456789abcdef"
AWKS = [name for name in ("mawk", "gawk", "original-awk", "busybox") if shutil.which(name)]
NAMES = [entry.name for entry in entries.entries_for(settings_of())]
SECRET_NAMES = [e.name for e in ENTRIES if e.kind is not Kind.PLAIN and e.name in NAMES]

KEPT = "KeptPasswordOfThirtyTwoLetters42"
"""A fit PASSWORD that a test puts into the file and never wants to see anywhere else."""


@dataclass(frozen=True)
class EnvFile:
    """An `.env` in a temp directory, looked at and written by the real scripts."""

    path: Path
    first_on_path: Path | None = None

    def look(self, one: Settings | None = None) -> EnvState:
        return Env().process(self.state(one).out.splitlines())

    def state(self, one: Settings | None = None) -> Ran:
        one = one or settings_of()
        rules = entries.rules(one)
        ran = run_script(
            "env_state", str(self.path), SALT, *rules, first_on_path=self.first_on_path
        )
        assert (ran.status, ran.err) == (0, "")
        return ran

    def write(self, payload: str) -> Ran:
        return run_script(
            "env_write", str(self.path), stdin=payload, first_on_path=self.first_on_path
        )

    def complete(self, one: Settings | None = None) -> Ran:
        """What the operation `env.complete` does."""
        one = one or settings_of()
        return self.write(self.payload(one) or "\n")

    def payload(self, one: Settings) -> str:
        return entries.payload(one, entries.changes(one, self.look(one), SALT))

    def put(self, text: str | bytes, mode: int = 0o600) -> None:
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.path.chmod(mode)

    def value(self, name: str) -> str:
        found = re.findall(rf"^{name}=(.*)$", self.path.read_text(), re.MULTILINE)
        assert len(found) == 1
        return str(found[0])

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.path.parent.iterdir() if path != self.path)


@pytest.fixture(params=AWKS)
def env(request: pytest.FixtureRequest, tmp_path: Path) -> EnvFile:
    """An empty folder, and an awk of each kind that this machine has."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "awk").symlink_to(str(shutil.which(request.param)))
    folder = tmp_path / "borgstack"
    folder.mkdir()
    return EnvFile(folder / ".env", bin_folder)


def test_at_least_one_awk_is_here() -> None:
    assert "mawk" in AWKS


def test_a_missing_file_is_made_whole_private_and_documented(env: EnvFile) -> None:
    assert env.look() == EnvState(None, (), {}, {})
    assert env.complete().status == 0
    state = env.look()
    assert state.owner == FIT_OWNER
    assert state.verdicts == dict.fromkeys(NAMES, "ok")
    text = env.path.read_text()
    for entry in entries.entries_for(settings_of()):
        comment = "".join(f"# {line}\n" for line in entry.comment.splitlines())
        assert f"\n{comment}{entry.name}=" in text


def test_the_folder_is_made_when_it_is_not_there(env: EnvFile) -> None:
    env.path.parent.rmdir()
    assert env.complete().status == 0
    assert env.look().verdicts == dict.fromkeys(NAMES, "ok")
    assert f"{env.path.parent.stat().st_mode & 0o777:o}" == "750"


def test_a_second_look_finds_nothing_to_do(env: EnvFile) -> None:
    env.complete()
    assert entries.changes(settings_of(), env.look(), SALT) == []


def test_writing_what_is_complete_changes_no_byte(env: EnvFile) -> None:
    env.complete()
    before = env.path.read_bytes()
    payload = "".join(f"fill {name} Replacement{'x' * 130}\n" for name in SECRET_NAMES)
    assert env.write(payload).status == 0
    assert env.path.read_bytes() == before


def test_a_supplied_value_goes_with_its_setting_and_comes_back_with_it(
    env: EnvFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_KEPT", KEPT)
    given = {"smtp_password": "env:TEST_KEPT", "editors_password": "env:TEST_KEPT"}
    supplied = settings_of(**SUPPLIED, editors=["n8n"], **given)
    env.complete(supplied)
    assert env.value("SMTP_PASSWORD") == KEPT
    others = {name: env.value(name) for name in NAMES}
    changes = entries.changes(settings_of(), env.look(), SALT)
    assert keys(one.change for one in changes) == [
        f".env: {name} undeclared" for name in ("SMTP_PASSWORD", "EDITORS_PASSWORD_HASH")
    ]
    env.complete()
    assert (env.value("SMTP_PASSWORD"), env.value("EDITORS_PASSWORD_HASH")) == ("", "")
    assert {name: env.value(name) for name in NAMES} == others
    assert entries.changes(settings_of(), env.look(), SALT) == []
    env.complete(supplied)
    assert env.value("SMTP_PASSWORD") == KEPT
    assert entries.changes(supplied, env.look(supplied), SALT) == []


@pytest.mark.parametrize(
    "own",
    [f"SMTP_PASSWORD={KEPT}\n", f"# for my own relay\nSMTP_PASSWORD='{KEPT}'\n"],
)
def test_a_key_that_an_operator_wrote_stays_though_no_setting_gives_it(
    env: EnvFile, own: str
) -> None:
    env.complete()
    env.put(env.path.read_text() + own)
    assert entries.changes(settings_of(), env.look(), SALT) == []


OPERATORS_LINES = [
    pytest.param("MY_KEY=my value\n", id="a key of the operator's own"),
    pytest.param("# a comment\n\n   \n\t# another\n", id="comments and blank lines"),
    pytest.param("MY_KEY=1\r\n# c\r\n\r\n", id="CRLF"),
    pytest.param("export MY_KEY='it is' # why\n", id="export, quotes, inline comment"),
    pytest.param('MY_KEY="a \\" b" # c\n', id="an escaped quote"),
    pytest.param("  MY.KEY-2 = x=y\n", id="spaces, dots, dashes, a second ="),
    pytest.param("MY_KEY=$(reboot) `reboot` \\ & ; |\n", id="what a shell would run"),
    pytest.param(f"REDIS_PASSWORD={KEPT}\n", id="a secret that is there"),
    pytest.param(f'REDIS_PASSWORD="{KEPT}"   # mine\n', id="a quoted secret with a comment"),
    pytest.param(f"export REDIS_PASSWORD='{KEPT}'\r\n", id="an exported secret with CRLF"),
    pytest.param("MÜLLER_ÄÖ\xff".join(("# ", "\n")), id="bytes beyond ASCII"),
    pytest.param("MY_KEY=%s %d \\n \\\\\n", id="what printf would expand"),
    pytest.param("MY_KEY=last line", id="no newline at the end"),
    pytest.param(f"REDIS_PASSWORD={KEPT}", id="a secret without a newline at the end"),
]


@pytest.mark.parametrize("text", OPERATORS_LINES)
def test_what_stands_there_stays_byte_for_byte(env: EnvFile, text: str) -> None:
    env.put(text)
    assert env.look().problems == ()
    ran = env.complete()
    assert ran.status == 0
    start = text.encode() if text.endswith("\n") else f"{text}\n".encode()
    assert env.path.read_bytes().startswith(start)
    assert env.look().verdicts == dict.fromkeys(NAMES, "ok")
    assert KEPT not in ran.said


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("REDIS_PASSWORD=", "REDIS_PASSWORD=V"),
        ("REDIS_PASSWORD=\r", "REDIS_PASSWORD=V\r"),
        ("REDIS_PASSWORD=   ", "REDIS_PASSWORD=V   "),
        ("export REDIS_PASSWORD=''", "export REDIS_PASSWORD=V"),
        ('REDIS_PASSWORD="" # mine', "REDIS_PASSWORD=V # mine"),
        ("REDIS_PASSWORD=<generate-strong-password>", "REDIS_PASSWORD=V"),
        ("REDIS_PASSWORD='<generate-strong-password>' # mine", "REDIS_PASSWORD=V # mine"),
        ("REDIS_PASSWORD= # mine", "REDIS_PASSWORD=V # mine"),
        ('REDIS_PASSWORD=""# mine', "REDIS_PASSWORD=V # mine"),
        ("REDIS_PASSWORD=# mine", "REDIS_PASSWORD=V # mine"),
        ("REDIS_PASSWORD = ''", "REDIS_PASSWORD = V"),
        ("REDIS_PASSWORD=''\t# mine", "REDIS_PASSWORD=V\t # mine"),  # a tab makes no comment
    ],
)
def test_an_emptied_secret_or_a_placeholder_is_filled_in_its_place(
    env: EnvFile, line: str, pattern: str
) -> None:
    env.put(f"# above\n{line}\nBELOW=1\n")
    assert env.look().verdicts["REDIS_PASSWORD"] == "empty"
    env.complete()
    first, filled, third = env.path.read_bytes().decode().split("\n")[:3]
    assert (first, third) == ("# above", "BELOW=1")
    assert re.fullmatch(re.escape(pattern).replace("V", "[A-Za-z0-9]{32}"), filled)
    assert env.look().verdicts["REDIS_PASSWORD"] == "ok"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("CHATWOOT_HOST=old.example.com", "CHATWOOT_HOST=chatwoot.example.com"),
        ("CHATWOOT_HOST=chatwoot.${DOMAIN}", "CHATWOOT_HOST=chatwoot.example.com"),
        ("export CHATWOOT_HOST='old' # x", "export CHATWOOT_HOST=chatwoot.example.com # x"),
        ("CHATWOOT_HOST=", "CHATWOOT_HOST=chatwoot.example.com"),
    ],
)
def test_a_plain_value_follows_the_settings(env: EnvFile, line: str, expected: str) -> None:
    env.put(f"{line}\n")
    assert env.look().verdicts["CHATWOOT_HOST"] == "differs"
    env.complete()
    assert env.path.read_text().splitlines()[0] == expected
    assert env.look().verdicts["CHATWOOT_HOST"] == "ok"


def test_a_supplied_value_follows_its_reference_and_may_hold_odd_characters(
    env: EnvFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("first pass", 'sec"ond $HOME \\ # & `x` ü'):
        monkeypatch.setenv("TEST_SMTP", value)
        one = settings_of(
            smtp_address="smtp.example.com", smtp_username="c", smtp_password="env:TEST_SMTP"
        )
        assert "SMTP_PASSWORD" in [c.name for c in entries.changes(one, env.look(one), SALT)]
        ran = env.complete(one)
        assert env.value("SMTP_PASSWORD") == f"'{value}'"
        assert entries.changes(one, env.look(one), SALT) == []
        assert value not in ran.said + env.state(one).out


SUPPLIED = {"smtp_address": "smtp.example.com", "smtp_username": "c"}


@pytest.mark.parametrize("line", ["pa$$word", '"pa$$word"', "pa$$word # mine"])
def test_a_supplied_value_that_compose_would_expand_is_put_between_quotes(
    env: EnvFile, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setenv("TEST_SMTP", "pa$$word")
    one = settings_of(**SUPPLIED, smtp_password="env:TEST_SMTP")
    env.put(f"SMTP_PASSWORD={line}\n")
    assert env.look(one).verdicts["SMTP_PASSWORD"] == "differs"
    env.complete(one)
    assert env.path.read_text().startswith("SMTP_PASSWORD='pa$$word'")
    assert entries.changes(one, env.look(one), SALT) == []


def test_a_supplied_value_may_look_like_a_placeholder(
    env: EnvFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SMTP", "<really>")
    one = settings_of(**SUPPLIED, smtp_password="env:TEST_SMTP")
    env.complete(one)
    assert env.value("SMTP_PASSWORD") == "'<really>'"
    assert entries.changes(one, env.look(one), SALT) == []


@pytest.mark.parametrize(("mode", "uid", "gid"), [(0o644, 0, 0), (0o600, 999, 0), (0o600, 0, 5)])
def test_wrong_mode_and_owner_are_put_right_and_the_content_stays(
    env: EnvFile, mode: int, uid: int, gid: int
) -> None:
    env.complete()
    before = env.path.read_bytes()
    env.path.chmod(mode)
    os.chown(env.path, uid, gid)
    assert env.look().owner == f"regular file|{mode:o}|{uid}|{gid}"
    env.complete()
    assert env.look().owner == FIT_OWNER
    assert env.path.read_bytes() == before


@pytest.mark.parametrize(
    "text", ["# the operator's first comment\n", "", "# one\n# two\n\n"], ids=repr
)
def test_putting_the_mode_right_loses_no_comment_and_adds_no_line(env: EnvFile, text: str) -> None:
    env.complete()
    lines = "".join(f"{name}={env.value(name)}\n" for name in NAMES)
    env.put(text + lines, mode=0o644)
    env.complete()
    assert env.path.read_text() == text + lines
    assert env.look().owner == FIT_OWNER
    assert entries.mistakes(env.look()) == []


def test_a_symbolic_link_becomes_a_file_with_the_content_that_it_led_to(env: EnvFile) -> None:
    env.complete()
    target = env.path.parent / "elsewhere"
    env.path.rename(target)
    env.path.symlink_to(target)
    before = target.read_bytes()
    assert str(env.look().owner).startswith("symbolic link|")
    env.complete()
    assert not env.path.is_symlink()
    assert env.path.read_bytes() == target.read_bytes() == before
    assert env.look().owner == FIT_OWNER


REDIS, KEY, ADMIN = "REDIS_PASSWORD", "CHATWOOT_SECRET_KEY_BASE", "CHATWOOT_ADMIN_PASSWORD"
PROBLEMS = [
    ("REDIS_PASSWORD", EnvMistake(Flaw.NO_ENTRY, line=1)),
    ("A=1\n9KEY=1\n", EnvMistake(Flaw.NO_ENTRY, line=2)),
    ("=value\n", EnvMistake(Flaw.NO_ENTRY, line=1)),
    (f"REDIS_PASSWORD='{KEPT}\n", EnvMistake(Flaw.OPEN_QUOTE, line=1)),
    (f'REDIS_PASSWORD="{KEPT}\\"\n', EnvMistake(Flaw.OPEN_QUOTE, line=1)),
    (f"REDIS_PASSWORD='{KEPT}\\'\n", EnvMistake(Flaw.OPEN_QUOTE, line=1)),
    (f"REDIS_PASSWORD={KEPT}\t# c\n", EnvMistake(Flaw.LETTERS, REDIS)),
    (f"REDIS_PASSWORD='{KEPT}' more\n", EnvMistake(Flaw.AFTER_QUOTE, line=1)),
    (f"REDIS_PASSWORD={KEPT}\nREDIS_PASSWORD={KEPT}\n", EnvMistake(Flaw.TWICE, REDIS)),
    (f"DOMAIN=example.com\nexport DOMAIN={KEPT}\n", EnvMistake(Flaw.TWICE, "DOMAIN")),
    (f"MY_KEY={KEPT}\0\n", EnvMistake(Flaw.NUL)),
    (f"REDIS_PASSWORD={KEPT[:31]}\n", EnvMistake(Flaw.SHORT, REDIS)),
    (f"REDIS_PASSWORD={KEPT}-\n", EnvMistake(Flaw.LETTERS, REDIS)),
    (f"REDIS_PASSWORD=4{KEPT}\n", EnvMistake(Flaw.LETTERS, REDIS)),
    (f"REDIS_PASSWORD=${{{KEPT}}}\n", EnvMistake(Flaw.LETTERS, REDIS)),
    (f"CHATWOOT_SECRET_KEY_BASE={'1' * 128}\n", EnvMistake(Flaw.DIGITS, KEY)),
    (f"CHATWOOT_SECRET_KEY_BASE={KEPT[:29]}\n", EnvMistake(Flaw.SHORT, KEY)),
    (f'CHATWOOT_SECRET_KEY_BASE="{KEPT}$x"\n', EnvMistake(Flaw.UNQUOTED, KEY)),
    (f"CHATWOOT_ADMIN_PASSWORD={'aA1' * 9}\n", EnvMistake(Flaw.UNIFORM, ADMIN)),
    (f"CHATWOOT_ADMIN_PASSWORD={'a1-' * 9}\n", EnvMistake(Flaw.UNIFORM, ADMIN)),
    (f"CHATWOOT_ADMIN_PASSWORD={'A1-' * 9}\n", EnvMistake(Flaw.UNIFORM, ADMIN)),
    (f"CHATWOOT_ADMIN_PASSWORD={'Aa-' * 9}\n", EnvMistake(Flaw.UNIFORM, ADMIN)),
    (f"CHATWOOT_ADMIN_PASSWORD={'Aa1- ' * 9}x\n", EnvMistake(Flaw.UNIFORM, ADMIN)),
]


@pytest.mark.parametrize(
    "held",
    [
        "q7+Zk/0rT1mVb3yXw8Lc5Hd2Nf9Gj4Sa=",
        "Zq7RtY8pLm2nBv5cXs3dFg6hJk9wQe1uIo4aSz0TxCrVbNyMlKjHgFdSaPoIuY1",
        "'with $ and # and spaces in it, as somebody once chose'",
    ],
)
@pytest.mark.parametrize("name", ["CHATWOOT_SECRET_KEY_BASE", "N8N_ENCRYPTION_KEY"])
def test_the_key_of_an_installation_that_moves_here_is_taken_as_it_is(
    env: EnvFile, name: str, held: str
) -> None:
    """Base64 of 32 characters, letters and digits of Rails' generator, whatever there is."""
    env.put(f"{name}={held}\n")
    assert env.look().verdicts[name] == "ok"


@pytest.mark.parametrize("held", ["mysecret", "20240131"])
def test_n8ns_key_may_be_whatever_somebody_once_chose(env: EnvFile, held: str) -> None:
    """n8n itself asks nothing of it, and no other key opens the credentials that are there."""
    env.put(f"N8N_ENCRYPTION_KEY={held}\n")
    assert env.look().verdicts["N8N_ENCRYPTION_KEY"] == "ok"


def test_every_flaw_has_its_words_and_is_seen_here() -> None:
    assert set(FLAWS) == set(Flaw)
    assert {one.flaw for _, one in PROBLEMS} | {Flaw.DANGLING, Flaw.NO_FILE} == set(Flaw)


@pytest.mark.parametrize(("text", "expected"), PROBLEMS)
def test_what_no_run_may_guess_at_is_named_without_its_value(
    env: EnvFile, text: str, expected: EnvMistake
) -> None:
    env.put(text)
    said = env.state().said
    assert expected in entries.mistakes(env.look())
    for value in re.findall(r"[A-Za-z0-9-]{20,}", text):
        assert value not in said


def test_a_link_that_leads_nowhere_is_named_and_left_alone(env: EnvFile) -> None:
    env.path.symlink_to("nowhere")
    assert EnvMistake(Flaw.DANGLING) in entries.mistakes(env.look())
    assert env.write("fill REDIS_PASSWORD x\n").status != 0
    assert env.path.is_symlink()
    assert env.leftovers() == []


def test_a_directory_in_its_place_is_named_and_left_alone(env: EnvFile) -> None:
    env.path.mkdir()
    assert entries.mistakes(env.look()) == [EnvMistake(Flaw.NO_FILE)]
    assert list(env.path.iterdir()) == []


def test_no_output_and_no_command_ever_shows_a_value(env: EnvFile) -> None:
    env.put(f"REDIS_PASSWORD={KEPT}\nPOSTGRES_PASSWORD=\n")
    payload = env.payload(settings_of())
    command = locked_command("env_write", str(env.path), stdin=payload)
    said = [env.state().said, env.write(payload).said, env.state().said]
    said += [str(command), repr(command), command.get_raw_value()]
    for name in SECRET_NAMES:
        value = env.value(name)
        assert len(value) >= 24
        assert not any(value in text for text in said)


def test_the_names_that_were_written_are_told(env: EnvFile) -> None:
    env.complete()
    env.put(re.sub(r"^REDIS_PASSWORD=.*\n", "", env.path.read_text(), flags=re.MULTILINE))
    ran = env.complete()
    assert ran.said.splitlines() == ["wrote REDIS_PASSWORD"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for one page of data: enough for an old .env, not for a new one."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        pytest.skip("this machine does not allow mounts")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tiny_disk: Path) -> None:
    env = EnvFile(tiny_disk / ".env")
    old = f"REDIS_PASSWORD={KEPT}\n# {'x' * 4000}\n"
    env.put(old)
    ran = env.complete()
    assert ran.status != 0
    assert env.path.read_text() == old
    assert env.leftovers() == []
    assert KEPT not in ran.said


def test_a_full_disk_is_named_to_the_operator(tiny_disk: Path) -> None:
    env = EnvFile(tiny_disk / ".env")
    env.put(f"# {'x' * 4000}\n")
    assert re.search(r"disk|space", env.complete().err)


def test_a_write_beyond_the_file_size_limit_leaves_the_old_file_and_nothing_else(
    env: EnvFile,
) -> None:
    old = f"REDIS_PASSWORD={KEPT}\n# {'x' * 4000}\n"
    env.put(old)
    limited = "ulimit -f 1\n" + script_text("env_write")
    ran = run_text(limited, str(env.path), stdin="set DOMAIN example.com\n")
    assert ran.status != 0
    assert env.path.read_text() == old
    assert env.leftovers() == []


@pytest.mark.parametrize("victim", ["awk", "chown", "sync"])
def test_a_killed_write_leaves_the_old_file_and_nothing_else(
    victim: str, env: EnvFile, tmp_path: Path
) -> None:
    old = f"REDIS_PASSWORD={KEPT}\n"
    env.put(old)
    payload = env.payload(settings_of())
    killers = tmp_path / "killers"
    program(killers, victim, 'kill -TERM "$PPID"; sleep 0.1; exit 0')
    ran = EnvFile(env.path, killers).write(payload)
    assert ran.status != 0
    assert env.path.read_text() == old
    assert env.leftovers() == []


def test_what_a_killed_write_left_is_found_and_taken_away_by_the_next_one(
    env: EnvFile, tmp_path: Path
) -> None:
    env.put(f"REDIS_PASSWORD={KEPT}\n")
    payload = env.payload(settings_of())
    killers = tmp_path / "killers"
    program(killers, "sync", 'kill -KILL "$PPID"')
    assert EnvFile(env.path, killers).write(payload).status != 0
    assert env.path.read_text() == f"REDIS_PASSWORD={KEPT}\n"
    (left,) = env.path.parent.glob(".env-borgstack.*")
    assert f"{left.stat().st_mode & 0o777:o}" == "600"
    assert env.look().leftovers == (str(left),)
    changes = [one.change for one in entries.changes(settings_of(), env.look(), SALT)]
    assert f"file {left}: unfinished" in keys(changes)
    assert env.complete().status == 0
    assert env.leftovers() == []
    assert env.look().leftovers == ()


def test_files_of_the_operators_beside_it_are_no_leftovers(env: EnvFile) -> None:
    env.complete()
    for name in (".env.bak", ".env-borgstack", ".env.0123456789"):
        (env.path.parent / name).touch()
    assert env.look().leftovers == ()
    env.complete()
    assert env.leftovers() == [".env-borgstack", ".env.0123456789", ".env.bak"]
