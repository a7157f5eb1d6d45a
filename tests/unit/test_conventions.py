"""The conventions that a reader of this repository relies on, checked with `ast`.

Every check is a function from text to the violations in it. It runs twice: over a sample that has
to be caught, so that a check which cannot fail is noticed, and over the repository.
"""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from borgstack import remote, services
from borgstack.remote import script_text
from borgstack.services.base import Service
from tests.unit.support import REPOSITORY, SCRIPT_FILES

PYTHON = [
    REPOSITORY / "deploy.py",
    *sorted((REPOSITORY / "tasks").rglob("*.py")),
    *sorted((REPOSITORY / "borgstack").rglob("*.py")),
]
HOST = REPOSITORY / "borgstack" / "remote"
SERVICES = REPOSITORY / "borgstack" / "services"
SCRIPTS = sorted(SCRIPT_FILES)
PARTS = {path.name: path for path in HOST.iterdir() if path.suffix not in {".py", ""}} | {
    f"{path.parent.name}_{path.name}": path
    for path in SERVICES.glob("*/*")
    if path.suffix not in {".py", ""}
}
"""What scripts are put together from, by the names that the marks in them have."""
JAVASCRIPT = [
    *(path for name, path in sorted(PARTS.items()) if name.endswith(".js")),
    *sorted((REPOSITORY / "files" / "n8n").glob("*.js")),
]
NODE = shutil.which("node")
DOCUMENTS = [
    path
    for path in (
        REPOSITORY / "README.md",
        REPOSITORY / "CONTRIBUTING.md",
        *sorted((REPOSITORY / "docs").rglob("*.md")),
    )
    if path.exists()
]
CHANGE_MEMORY = {"changed", "will_change", "did_change", "did_not_change"}


def label(value: object) -> str:
    return getattr(value, "__name__", repr(value)[:40])


def calls(text: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))


def imported(text: str) -> Iterator[tuple[int, str, str]]:
    """Every import, as (line, dotted name of what is imported, name that it gets here)."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for one in node.names:
                yield node.lineno, one.name, one.asname or one.name
        elif isinstance(node, ast.ImportFrom):
            for one in node.names:
                yield node.lineno, f"{node.module}.{one.name}", one.asname or one.name


def operations_without_name(text: str) -> list[str]:
    """An operation without `name=` prints all its arguments, secrets included."""
    modules = {
        name
        for _, source, name in imported(text)
        if source.startswith(("borgstack.operations.", "pyinfra.operations."))
    }
    return [
        f"line {call.lineno}"
        for call in calls(text)
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in modules
        and "name" not in {keyword.arg for keyword in call.keywords}
    ]


def modes_that_are_no_strings(text: str) -> list[str]:
    """pyinfra reads mode=0o640 as the decimal digits 416 and applies them (facts: pyinfra A1)."""
    found = [
        f"line {call.lineno}"
        for call in calls(text)
        for keyword in call.keywords
        if keyword.arg == "mode"
        and isinstance(keyword.value, ast.Constant)
        and not isinstance(keyword.value.value, str)
    ]
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return found + [
        f"line {token.start[0]}"
        for token in tokens
        if token.type == tokenize.NUMBER and token.string.lower().startswith("0o")
    ]


def memory_of_changes(text: str) -> list[str]:
    """What changed earlier in a run is forgotten when it dies; live state is compared instead."""
    return [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and node.attr in CHANGE_MEMORY
    ]


def secrets_taken_out(text: str) -> list[str]:
    return [
        f"line {node.lineno}"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and node.attr == "get_secret_value"
    ]


def bare_conditions(text: str) -> list[str]:
    """`_if=` would bring the memory of changes back by another door."""
    return [
        f"line {call.lineno}"
        for call in calls(text)
        if "_if" in {keyword.arg for keyword in call.keywords}
    ]


CHECKS: list[tuple[Callable[[str], list[str]], str]] = [
    (operations_without_name, "from borgstack.operations import files\nfiles.put(project=p)"),
    (operations_without_name, "from pyinfra.operations import apt as a\na.packages(['x'])"),
    (modes_that_are_no_strings, "f(mode=640)"),
    (modes_that_are_no_strings, "f(mode='600', other=0o640)"),
    (memory_of_changes, "x = op()\nif x.changed: pass"),
    (memory_of_changes, "x.did_change()"),
    (memory_of_changes, "y = x.will_change"),
    (secrets_taken_out, "settings.smtp_password.get_secret_value()"),
    (bare_conditions, "f(_if=g)"),
]
IN_ONE_MODULE: dict[Callable[[str], list[str]], str] = {
    secrets_taken_out: "borgstack/services/base.py",
    memory_of_changes: "borgstack/plan.py",  # it only tells what pyinfra has found out
}


@pytest.mark.parametrize(("check", "sample"), CHECKS, ids=label)
def test_a_check_catches_its_sample(check: Callable[[str], list[str]], sample: str) -> None:
    assert check(sample)


@pytest.mark.parametrize(
    ("check", "sample"),
    [
        (
            operations_without_name,
            "from borgstack.operations import files\nfiles.put(name='x', project=p)",
        ),
        (modes_that_are_no_strings, "f(mode='640'); g(640)"),
    ],
    ids=label,
)
def test_a_check_lets_pass_what_is_right(check: Callable[[str], list[str]], sample: str) -> None:
    assert check(sample) == []


def violations(check: Callable[[str], list[str]], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(REPOSITORY)}: {found}"
        for path in paths
        for found in check(path.read_text())
    ]


@pytest.mark.parametrize(
    "check",
    list(dict.fromkeys(check for check, _ in CHECKS if check not in IN_ONE_MODULE)),
    ids=lambda check: check.__name__,
)
def test_the_repository_keeps_the_convention(check: Callable[[str], list[str]]) -> None:
    assert violations(check, PYTHON) == []


@pytest.mark.parametrize(("check", "module"), IN_ONE_MODULE.items(), ids=label)
def test_one_module_alone_may_do_what_the_others_must_not(
    check: Callable[[str], list[str]], module: str
) -> None:
    assert {line.split(":")[0] for line in violations(check, PYTHON)} == {module}


def test_every_task_is_one_deploy_that_calls_operations() -> None:
    tasks = [path for path in (REPOSITORY / "tasks").glob("*.py") if path.stem != "__init__"]
    assert tasks
    for path in tasks:
        decorators = [
            node.func.id
            for node in calls(path.read_text())
            if isinstance(node.func, ast.Name) and node.func.id == "deploy"
        ]
        assert decorators == ["deploy"], path.name


def test_the_deploy_tells_every_task_once() -> None:
    text = (REPOSITORY / "deploy.py").read_text()
    told = [source.split(".")[1] for _, source, _ in imported(text) if source.startswith("tasks.")]
    tasks = {path.stem for path in (REPOSITORY / "tasks").glob("*.py")} - {"__init__"}
    assert sorted(told) == sorted(tasks)


def between_quotes(text: str) -> set[str]:
    """The files that a script puts between single quotes, and not into a heredoc."""
    runs = re.findall(r"(?m)^(?!.*<<).*'\n((?:@\S+@\n)+)", text)
    return {name for run in runs for name in re.findall(r"@(\S+)@", run)}


def quoted() -> list[Path]:
    """Every file that stands between single quotes, by itself or inside another."""
    found: set[str] = set()
    new = {name for path in SCRIPT_FILES.values() for name in between_quotes(path.read_text())}
    while new - found:
        found |= new
        texts = [PARTS[name].read_text() for name in found]
        new = {name for text in texts for name in re.findall(r"(?m)^@(\S+)@$", text)}
    return [PARTS[name] for name in sorted(found)]


def taken_for_comments(text: str) -> list[str]:
    """Lines that `script_text` leaves out, though they mean something in their own language."""
    return [line for line in text.splitlines() if line.lstrip().startswith("#")]


def errors_of_javascript(text: str) -> list[str]:
    if NODE is None:
        return []  # the end-to-end tests run each of them
    words = [NODE, "--check", "-"]
    done = subprocess.run(words, input=text, text=True, capture_output=True, check=False)
    return done.stderr.splitlines()


def quotes_in_awk(text: str) -> list[str]:
    """Such a file is put between single quotes; only its lines of comment are taken out before."""
    return [line for line in text.splitlines() if "'" in line and not line.lstrip().startswith("#")]


def without_an_opening_comment(text: str) -> list[str]:
    first = text.splitlines()[0]
    return [] if re.match(r"(#|//) \S.{20,}", first) else [first]


def without_usage(text: str) -> list[str]:
    """A script that takes words says which; caddy_converge and such take none."""
    takes = re.search(r"(?m)^[^#]*[ \"=]\$(1|@)", text)
    return ["no Usage line"] if takes and not re.search(r"(?m)^# Usage: \w+ ", text) else []


def errors_of_sh(text: str) -> list[str]:
    done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False)
    marks = re.findall(r"(?m)^@\S+@$", text)
    return [*done.stderr.splitlines(), *marks]


def leavings_of_a_cut_connection(text: str) -> list[str]:
    """sh skips its EXIT trap when a signal kills it; a line written to nobody is SIGPIPE."""
    kept = "trap 'exit 1' HUP INT TERM PIPE" in text
    return [line for line in text.splitlines() if line.endswith("' EXIT") and not kept]


def unset_variables_allowed(text: str) -> list[str]:
    return [] if re.search(r"(?m)^set -e?u$", text) else ["no `set -u`"]


LOST = re.compile(r"(?<!2>&1 )[12&]?>>?\s*/dev/null 2>&1|2>\s*/dev/null|\|\| (true|:)(\s|$)")
ASKED = re.compile(r"command -v [^\s;|&]+ >/dev/null 2>&1")
"""Whether a program is there has no other answer than yes and no."""


def unexplained_silence(text: str) -> list[str]:
    """Paragraphs that lose messages and do not say why they may, behind `# quiet:`.

    What a look that never worked had to say was thrown away for months: a message is shown when the
    result is not as expected, or somebody has thought of what is lost.
    """
    return [
        paragraph.splitlines()[0]
        for paragraph in re.split(r"\n\s*\n", text)
        if LOST.search(ASKED.sub("", paragraph)) and "# quiet: " not in paragraph
    ]


def backslashes_for_echo(text: str) -> list[str]:
    """dash's echo expands them; ShellCheck knows some, and not that `\\c` ends the output."""
    return re.findall(r"(?m)^[^#\n]*(?<![\\\w])echo +(?:[^;|&\n]*[^\n\\])?\\[^\n$`\"].*$", text)


def refused_by_shellcheck(text: str) -> list[str]:
    words = [str(Path(sys.executable).parent / "shellcheck"), "--format=gcc", "-"]
    done = subprocess.run(
        words, input=text, text=True, capture_output=True, check=False, cwd=REPOSITORY
    )
    assert not done.stderr
    return done.stdout.splitlines()


SCRIPT_CHECKS: list[tuple[Callable[[str], list[str]], str]] = [
    (quotes_in_awk, "# it's fine here\n{ print 'x' }\n"),
    (without_an_opening_comment, "set -u\n"),
    (without_an_opening_comment, "# short\n"),
    (without_an_opening_comment, "// short\n"),
    (without_an_opening_comment, "const one = 1; // what is said of it comes too late\n"),
    (quotes_in_awk, "// it's no comment to the shell\n"),
    (taken_for_comments, "class One {\n  #two = 2;\n}\n"),
    *([(errors_of_javascript, "if (one {\n")] if NODE else []),
    (without_usage, '# Does a thing with its argument.\nset -u\ncd "$1"\n'),
    (without_usage, '# Does a thing.\nfor word in "$@"; do :; done\n'),
    (errors_of_sh, "if true; then echo\n"),
    (errors_of_sh, "echo 'open\n"),
    (errors_of_sh, "program='\n@env.awk@\n'\n"),
    (leavings_of_a_cut_connection, "trap 'rm x' EXIT\ntrap 'exit 1' HUP INT TERM\n"),
    (unset_variables_allowed, "set -e\necho\n"),
    (unexplained_silence, "set -u\n\nrm x 2>/dev/null\n"),
    (unexplained_silence, "rm x 2> /dev/null && y\n"),
    (unexplained_silence, "rm x >/dev/null 2>&1\n"),
    (unexplained_silence, "rm x &>/dev/null 2>&1\n"),
    (unexplained_silence, "rm x || true\n"),
    (unexplained_silence, "rm x || :\n"),
    (unexplained_silence, "# quiet: it may be gone\nrm x || true\n\nrm y || true\n"),
    (unexplained_silence, "command -v x >/dev/null 2>&1 && x 2>/dev/null\n"),
    (refused_by_shellcheck, 'echo "select 1 \\\\echo done"\n'),
    (refused_by_shellcheck, "echo 'a\\nb'\n"),
    (refused_by_shellcheck, "rm $1/*\n"),
    (backslashes_for_echo, 'echo "select 1 \\\\echo done"\n'),
    (backslashes_for_echo, "x | echo '\\connect y'\n"),
]


@pytest.mark.parametrize(("check", "sample"), SCRIPT_CHECKS, ids=label)
def test_a_check_of_scripts_catches_its_sample(
    check: Callable[[str], list[str]], sample: str
) -> None:
    assert check(sample)


@pytest.mark.parametrize("path", quoted(), ids=lambda path: path.name)
def test_a_file_for_another_language_can_stand_between_single_quotes(path: Path) -> None:
    assert quotes_in_awk(path.read_text()) == []


def test_what_stands_between_single_quotes_is_found() -> None:
    text = "program='\n@env.awk@\n@one.js@\n'\ncat <<'SQL'\n@two.sql@\nSQL\n"
    text += "docker exec -i x sh -s <<'INNER' &\n@three.sh@\nINNER\n"
    assert between_quotes(text) == {"env.awk", "one.js"}
    found = quoted()
    assert {PARTS[f"{name}.js"] for name in ("n8n_claim", "evolution_converge")} <= {*found}
    others = [path for name, path in PARTS.items() if name.endswith((".awk", ".lua", ".rb"))]
    assert {*others} <= {*found}


@pytest.mark.parametrize("path", JAVASCRIPT, ids=lambda path: path.name)
def test_a_program_for_node_says_what_it_is_for_and_reaches_node_whole(path: Path) -> None:
    text = path.read_text()
    assert without_an_opening_comment(text) == []
    assert taken_for_comments(text) == []
    name = next((one for one, part in PARTS.items() if part == path), "")
    whole = remote.with_inclusions(name) if name else text
    assert errors_of_javascript(whole) == []


@pytest.mark.parametrize("check", [without_an_opening_comment, without_usage])
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_what_it_does_and_takes(name: str, check: Callable[[str], list[str]]) -> None:
    assert check(SCRIPT_FILES[name].read_text()) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_cleans_up_when_nobody_listens_any_more(name: str) -> None:
    assert leavings_of_a_cut_connection(script_text(name)) == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_why_a_message_may_be_lost(name: str) -> None:
    text = SCRIPT_FILES[name].read_text()
    assert unexplained_silence(text) == []
    fine = "# quiet: it may be gone\nrm x || true\n\ncommand -v y >/dev/null 2>&1 || exit\n"
    assert unexplained_silence(fine + 'message=$(z 2>&1 >/dev/null) || echo "$message"\n') == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_gives_echo_no_backslash(name: str) -> None:
    assert backslashes_for_echo(SCRIPT_FILES[name].read_text()) == []
    assert backslashes_for_echo('echo "{{.Paused \\"x\\"}}"\nprintf "\\n"\n') == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_as_it_is_sent_is_valid_sh(name: str) -> None:
    assert errors_of_sh(script_text(name)) == []


# postgresql_look runs inside a container, where a variable may be missing.
@pytest.mark.parametrize("name", sorted(set(SCRIPTS) - {"postgresql_look"}))
def test_a_script_stops_at_an_unset_variable(name: str) -> None:
    assert unset_variables_allowed(script_text(name)) == []


@pytest.mark.parametrize("service", services.SERVICES, ids=lambda one: one.name)
def test_the_scripts_of_a_state_take_what_they_are_given(service: Service) -> None:
    """One operation runs them all, see `State`; what they take beyond that is the service's own."""
    taken = {"state": "DIRECTORY SALT", "converge": "DIRECTORY"}
    for kind, words in taken.items():
        name = f"{service.name}_{kind}"
        if name in SCRIPT_FILES:
            assert f"# Usage: {name} {words}" in SCRIPT_FILES[name].read_text()


def make_targets_without_rule(document: str, makefile: str) -> set[str]:
    """The targets that a document tells the reader to make and the Makefile does not have."""
    told = re.findall(r"(?:^|`|\$ |&& )make (?:-s )?([a-z][a-z0-9-]*)", document, re.MULTILINE)
    return set(told) - set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE))


def test_a_target_without_a_rule_is_noticed() -> None:
    document = "`make demo`\n$ make -s lab-ssh CMD=x\nmake nothing\nto make sure"
    assert make_targets_without_rule(document, "demo: setup\nlab-ssh:\n") == {"nothing"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_only_targets_that_exist(path: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    assert make_targets_without_rule(path.read_text(), makefile) == set()


def test_every_target_is_phony_and_every_phony_is_a_target() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    targets = re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE)
    assert set(phony.split()) == set(targets)
