"""The benchmark's own parts: what counts as a run, what is shown of the results, the proxy."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import asdict

import pytest

from bench import contenders, report
from bench.__main__ import (
    COUNTED,
    EXPERIMENT_WITH_WHATSAPP,
    EXPERIMENTS_ON_MORE,
    EXPERIMENTS_ON_ONE,
    RATIOS,
    Experiment,
    Ratio,
)
from bench.contenders import Contender
from bench.errors import BenchError
from bench.hosts import Route
from bench.measure import Spread, ratio, run, wrong
from bench.proxy import Proxy
from tests.unit.support import REPOSITORY

EXPERIMENTS = (*EXPERIMENTS_ON_ONE, EXPERIMENT_WITH_WHATSAPP, *EXPERIMENTS_ON_MORE)
UNCHANGED = "    Grand total    12      -         -       12          \r\n"
CHANGED = "    Grand total    12      1         -       11          \r\n"
RECAP = "a : ok=9    changed={}    unreachable=0    failed=0    skipped=2\n"
PLANNED = "a: nothing would change\n{}1 hosts: {} would change, 0 with an error.\n"


@pytest.mark.parametrize(
    ("contender", "code", "output", "right"),
    [
        (contenders.NOOP, 0, UNCHANGED, True),
        (contenders.NOOP, 1, UNCHANGED, False),
        (contenders.NOOP, 0, CHANGED, False),
        (contenders.NOOP, 0, "", False),
        (contenders.PLAN_AND_RUN, 0, f"\x1b[32m{UNCHANGED}", True),
        (contenders.FIRST, 0, CHANGED, True),
        (contenders.FIRST, 0, UNCHANGED, False),
        (contenders.PLAN, 0, PLANNED.format("", 0), True),
        (contenders.PLAN, 2, PLANNED.format("", 0), False),
        (contenders.PLAN, 0, PLANNED.format("", 1), False),
        (contenders.ANSIBLE_NOOP, 0, RECAP.format(0), True),
        (contenders.ANSIBLE_NOOP, 0, RECAP.format(1), False),
        (contenders.ANSIBLE_NOOP, 0, "skipping: no hosts matched\n", False),
        (contenders.SSH, 0, "", True),
        (contenders.SSH, 255, "", False),
    ],
)
def test_a_run_counts_only_if_it_did_what_its_name_says(
    contender: Contender, code: int, output: str, right: bool
) -> None:
    assert (wrong(contender, ["a"], code, output) is None) is right


def test_every_host_has_to_be_told_of() -> None:
    assert wrong(contenders.ANSIBLE_NOOP, ["a", "b"], 0, RECAP.format(0)) is not None


def test_a_question_is_answered_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.measure.LONGEST", 20)
    asks = Contender(
        "asks", "", lambda _: ["sh", "-c", "test -t 0 && printf 'go? ' && read x"], asks="go?"
    )
    silent = Contender("silent", "", lambda _: ["true"], asks="go?")
    assert run(asks, Route(("a",))) > 0
    with pytest.raises(BenchError, match="go"):
        run(silent, Route(("a",)))


def test_a_ratio_is_of_medians_and_its_ends_are_of_rounds() -> None:
    assert ratio([2.0, 4.0, 9.0], [1.0, 2.0, 1.0]) == Spread(4.0, 2.0, 9.0)


@pytest.mark.parametrize("one", RATIOS, ids=lambda one: one.name)
def test_a_ratio_is_of_cells_that_took_turns(one: Ratio) -> None:
    (experiment,) = (each for each in EXPERIMENTS if each.name == one.experiment)
    assert {one.above, one.below} <= {*experiment.cells, None}


def test_a_number_without_a_second_cell_is_of_seconds() -> None:
    (one,) = (each for each in RATIOS if each.below is None)
    assert one.of({(one.experiment, one.above): [2.0, 1.0, 4.0]}) == Spread(2.0, 1.0, 4.0)


def test_the_tables_show_every_promise_and_every_contender() -> None:
    assert {one.name for one in RATIOS if one.promise} == set(report.RATIOS)
    assert {one.name for one in COUNTED} == set(report.LABELS)
    assert set(report.BARS) <= set(report.LABELS)


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)
def test_an_experiment_is_at_one_distance_and_has_enough_rounds(experiment: Experiment) -> None:
    assert len({cell.round_trip_ms for cell in experiment.cells}) == 1
    assert experiment.rounds >= 5
    one_each = all(cell.hosts == 1 for cell in experiment.cells)
    assert one_each == (experiment not in EXPERIMENTS_ON_MORE)
    assert all(cell.hosts <= len(cell.contender.names) for cell in experiment.cells)


@pytest.mark.parametrize(
    ("promise", "value", "kept"), [("<= 3", 3, True), ("<= 3", 3.1, False), (">= 5", 4.9, False)]
)
def test_a_promise_is_kept_or_not(promise: str, value: float, kept: bool) -> None:
    assert report.kept(promise, value) is kept


def run_of(
    experiment: str, contender: str, *seconds: float, hosts: int = 1, far: int = 0
) -> object:
    spread = Spread.of(seconds)
    return {
        "experiment": experiment,
        "contender": contender,
        "hosts": hosts,
        "round_trip_ms": far,
        **asdict(spread),
        "seconds": list(seconds),
    }


SAMPLE: report.Results = {
    "counts": {
        name: {"commands": 6, "bytes_to_host": 31_000, "bytes_from_host": 16_400}
        for name in report.LABELS
    },
    "ratios": {
        name: {"median": 2.04, "least": 1.86, "most": 2.5, "promise": "<= 2.5"}
        for name in report.RATIOS
    },
    "runs": [
        run_of("first", "first", 35, 33, 40),
        *(run_of("near", name, 1.2, 1.1, 1.4) for name in report.LABELS),
        *(run_of("far", name, 22.5, 21.0, 24.2, far=40) for name in report.LABELS),
        *(run_of("hosts", "noop", number, hosts=number) for number in (1, 6)),
    ],
    "machine": {"cpu": "X", "cores": 2},
    "versions": dict.fromkeys(("python", "pyinfra", "ansible", "debian", "docker"), "1.0"),
    "day": "2026-01-02",
}


@pytest.mark.parametrize(
    "line",
    [
        "| **borgstack**, `pyinfra … -y` | 1.20 s (1.10–1.40) | 22.5 s (21.0–24.2) | 6 | 47 |",
        "| **borgstack**, `pyinfra … -y` | 1.00 s (1.00–1.00) | 6.00 s (6.00–6.00) |",
        "| borgstack, six hosts / one host | 2.0 | 1.9–2.5 | ≤ 2.5 |",
    ],
)
def test_the_tables_say_what_was_measured(line: str) -> None:
    assert line in report.as_text(SAMPLE).splitlines()


def test_the_file_holds_all_of_the_results() -> None:
    assert json.loads(report.as_file(SAMPLE)) == SAMPLE


def test_other_results_are_drawn_otherwise() -> None:
    other = {**SAMPLE, "runs": [*SAMPLE["runs"][:2], *SAMPLE["runs"][3:]]}
    assert report.plot(other) != report.plot(SAMPLE)


def test_a_missed_promise_is_not_hidden() -> None:
    missed = {"median": 2.6, "least": 1.9, "most": 3.0, "promise": "<= 2.5"}
    other = {**SAMPLE, "ratios": {**SAMPLE["ratios"], "noop_over_floor": missed}}
    assert report.as_text(SAMPLE).count("**missed**") == 0
    assert report.as_text(other).count("≤ 2.5 **missed**") == 1


def test_the_readme_and_the_plot_show_the_results() -> None:
    readme = report.README.read_text()
    results = json.loads(report.RESULTS.read_text())
    assert report.with_block(readme, report.block(results)) == readme, "run make bench-report"
    assert report.PLOT.read_text() == report.plot(results), "run make bench-report"
    for private in (str(REPOSITORY), socket.gethostname()):
        assert private not in report.RESULTS.read_text()


@pytest.mark.parametrize("readme", ["nothing", f"{report.BEGIN}{report.END}" * 2])
def test_a_readme_without_the_markers_is_refused(readme: str) -> None:
    with pytest.raises(ValueError, match="markers"):
        report.with_block(readme, "x")


def test_the_proxy_carries_and_counts_every_byte() -> None:
    sent = b"x" * 300_000
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.settimeout(10)
            with connection:
                received = b""
                while len(received) < len(sent):
                    received += connection.recv(65536)
                connection.sendall(b"got " + received[:1])

        host = threading.Thread(target=answer, daemon=True)
        host.start()
        with (
            Proxy(server.getsockname()[1], 2) as proxy,
            socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client,
        ):
            client.sendall(sent)
            assert client.makefile("rb").read() == b"got x"
        host.join()
    assert proxy.totals == {"connections": 1, "bytes_to_host": 300_000, "bytes_from_host": 5}
