"""The benchmark: what is measured, as tables, and the order in which it happens.

Usage: python -m bench [--rounds N] [--keep]     (`make bench` makes the environments first)

Progress goes to stderr, a table and then one line of JSON to stdout, the same JSON to
bench/results.json. bench/README.md says how to read it.
"""

from __future__ import annotations

import argparse
import compileall
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import hosts, machine, report
from bench.contenders import (
    ANSIBLE_FIRST,
    ANSIBLE_NOOP,
    ANYHOW,
    FIRST,
    FLOOR,
    NOOP,
    NOOP_WHATSAPP,
    PLAN,
    PLAN_AND_RUN,
    SSH,
    STOCK,
)
from bench.count import close_connections, count
from bench.errors import BenchError
from bench.hosts import NAMES, WITH_WHATSAPP, Route
from bench.measure import CONTROL_SOCKETS, Cell, Spread, ratio, run, say, take_turns
from bench.proxy import Proxy
from bench.wire import measured_round_trip
from tests import lab
from tests.lab.console import LabError
from tests.lab.hosts import endpoint

FAR = 40
"""Milliseconds there and back in the far experiments."""


@dataclass(frozen=True)
class Experiment:
    """Cells that take turns, so that any two of them were measured at the same time."""

    name: str
    rounds: int
    cells: tuple[Cell, ...]


EXPERIMENTS_ON_ONE = (
    Experiment("near", 9, tuple(Cell(c) for c in (SSH, FLOOR, NOOP, PLAN_AND_RUN, PLAN))),
    Experiment("near_others", 5, tuple(Cell(c) for c in (NOOP, ANSIBLE_NOOP, STOCK))),
    Experiment("far", 7, tuple(Cell(c, 1, FAR) for c in (SSH, FLOOR, NOOP, PLAN_AND_RUN, PLAN))),
    Experiment("far_others", 5, tuple(Cell(c, 1, FAR) for c in (NOOP, ANSIBLE_NOOP, STOCK))),
)
EXPERIMENT_WITH_WHATSAPP = Experiment(
    "whatsapp", 9, tuple(Cell(c) for c in (FLOOR, NOOP, NOOP_WHATSAPP))
)
EXPERIMENTS_ON_MORE = (Experiment("hosts", 9, tuple(Cell(NOOP, number) for number in (1, 3, 6))),)


@dataclass(frozen=True)
class Ratio:
    """A number to judge by: two cells of one experiment, and what the project promises of them.

    :ivar below: None where the seconds of the other cell are the number.
    :ivar promise: `<=` or `>=` and a number, or nothing.
    """

    name: str
    experiment: str
    above: Cell
    below: Cell | None
    promise: str = ""

    def of(self, seconds: Mapping[tuple[str, Cell], list[float]]) -> Spread:
        """The number, and its ends over the rounds."""
        above = seconds[self.experiment, self.above]
        if self.below is None:
            return Spread.of(above)
        return ratio(above, seconds[self.experiment, self.below])


RATIOS = (
    Ratio("noop_over_floor", "near", Cell(NOOP), Cell(FLOOR), "<= 3"),
    Ratio("plan_and_run_over_floor", "near", Cell(PLAN_AND_RUN), Cell(FLOOR), "<= 5"),
    Ratio("ansible_over_noop", "near_others", Cell(ANSIBLE_NOOP), Cell(NOOP), ">= 5"),
    Ratio(
        "ansible_over_noop_40ms",
        "far_others",
        Cell(ANSIBLE_NOOP, 1, FAR),
        Cell(NOOP, 1, FAR),
        ">= 8",
    ),
    Ratio("noop_whatsapp_seconds", "whatsapp", Cell(NOOP_WHATSAPP), None, "<= 2.5"),
    Ratio("hosts6_over_1", "hosts", Cell(NOOP, 6), Cell(NOOP, 1), "<= 2.5"),
    Ratio("stock_over_noop", "near_others", Cell(STOCK), Cell(NOOP)),
    Ratio("stock_over_noop_40ms", "far_others", Cell(STOCK, 1, FAR), Cell(NOOP, 1, FAR)),
    Ratio("noop_over_floor_40ms", "far", Cell(NOOP, 1, FAR), Cell(FLOOR, 1, FAR)),
    Ratio("plan_over_floor", "near", Cell(PLAN), Cell(FLOOR)),
    Ratio("noop_whatsapp_over_floor", "whatsapp", Cell(NOOP_WHATSAPP), Cell(FLOOR)),
    Ratio("noop_whatsapp_over_noop", "whatsapp", Cell(NOOP_WHATSAPP), Cell(NOOP)),
)
COUNTED = (SSH, FLOOR, NOOP, NOOP_WHATSAPP, PLAN_AND_RUN, PLAN, ANSIBLE_NOOP, STOCK)
FIRST_DEPLOYS = 3


class Benchmark:
    """One run of the benchmark, and what it has found so far."""

    def __init__(self, rounds: int | None) -> None:
        self.rounds = rounds
        self.runs: list[dict[str, Any]] = []
        self.seconds: dict[tuple[str, Cell], list[float]] = {}
        self.round_trips: dict[str, float] = {}

    def record(self, experiment: str, cell: Cell, seconds: list[float]) -> None:
        """Keep the seconds of a cell."""
        self.seconds[experiment, cell] = seconds
        self.runs.append(
            {
                "experiment": experiment,
                "contender": cell.contender.name,
                "hosts": cell.hosts,
                "round_trip_ms": cell.round_trip_ms,
                **asdict(Spread.of(seconds)),
                "seconds": [round(one, 3) for one in seconds],
            }
        )

    def first_deploys(self) -> None:
        """From bare to Chatwoot with this project, on the first host."""
        route = Route(NAMES[:1])
        seconds: list[float] = []
        for _ in range(self.rounds or FIRST_DEPLOYS):
            lab.reset(NAMES[0])
            seconds.append(run(FIRST, route))
            say(f"  {FIRST.name}: {seconds[-1]:.1f} s")
        self.record("first", Cell(FIRST), seconds)

    def first_deploy_of_ansible(self) -> None:
        """From bare to Chatwoot with Ansible, on the second host.

        This project then has to find nothing to do there: the proof that both reach one state.
        """
        route = Route(NAMES[1:2])
        lab.reset(NAMES[1])
        with_python(NAMES[1])
        seconds = run(ANSIBLE_FIRST, route)
        say(f"  {ANSIBLE_FIRST.name}: {seconds:.1f} s")
        self.record("first", Cell(ANSIBLE_FIRST), [seconds])
        run(PLAN, route)

    def measure(self, experiment: Experiment) -> None:
        """Let the cells of an experiment take turns."""
        rounds = self.rounds or experiment.rounds
        say(f"{experiment.name}: {rounds} rounds")
        with ExitStack() as stack:
            routes = {c: Route(c.contender.names[: c.hosts]) for c in experiment.cells}
            (round_trip,) = {cell.round_trip_ms for cell in experiment.cells}
            near = Route(NAMES[:1])
            self.round_trips["near"] = measured_round_trip(near)
            if round_trip:
                port = int(endpoint(NAMES[0])["port"])
                proxy = stack.enter_context(Proxy(port, round_trip))
                stack.callback(close_connections)
                hosts.trust({proxy.port: NAMES[0]})
                far = Route(NAMES[:1], proxy.port)
                self.round_trips["far"] = measured_round_trip(far, least=round_trip)
                routes = dict.fromkeys(experiment.cells, far)
            for cell, seconds in take_turns(experiment.cells, rounds, routes).items():
                self.record(experiment.name, cell, seconds)

    def results(self, counts: dict[str, dict[str, int]], took: float) -> dict[str, Any]:
        """Everything found, in the form of bench/README.md."""
        spreads = {one.name: one.of(self.seconds) for one in RATIOS}
        return {
            "schema": 1,
            **{name: spread.median for name, spread in spreads.items()},
            "commands_noop": counts[NOOP.name]["commands"],
            "ratios": {
                one.name: {**asdict(spreads[one.name]), "promise": one.promise} for one in RATIOS
            },
            "counts": counts,
            "runs": self.runs,
            "round_trip_ms": self.round_trips,
            **machine.described(),
            "minutes": round(took / 60, 1),
        }


def with_python(name: str) -> None:
    """Give a host what Ansible needs there and this project does not; not counted for Ansible."""
    lab.ssh(
        name,
        "command -v python3 >/dev/null && python3 -c 'import apt' 2>/dev/null || { "
        "apt-get -q update && DEBIAN_FRONTEND=noninteractive "
        "apt-get -q install -y --no-install-recommends python3 python3-apt; }",
    )


def converge(names: Sequence[str]) -> None:
    """Bring hosts to the state that every contender leaves alone."""
    say(f"converging_operation {', '.join(names)}")
    route = Route(tuple(names))
    run(ANYHOW, route)
    with ThreadPoolExecutor() as pool:
        list(pool.map(with_python, names))
    run(ANSIBLE_NOOP, route)
    run(PLAN, route)


def converge_with_whatsapp() -> None:
    """Have the host with WhatsApp in the state that this project leaves alone."""
    say(f"converging_operation {', '.join(WITH_WHATSAPP)}")
    hosts.bring_up_with_whatsapp()
    route = Route(WITH_WHATSAPP)
    run(ANYHOW, route)
    run(PLAN, route)


def run_now(rounds: int | None) -> dict[str, Any]:
    """The whole benchmark: first on one host, while no other one keeps the machine busy."""
    started = time.monotonic()
    benchmark = Benchmark(rounds)
    one, all_of_them = NAMES[:1], NAMES
    for part in ("borgstack", "tasks"):  # as `make setup` does: pyinfra writes no byte code
        compileall.compile_dir(hosts.REPOSITORY / part, quiet=1)
    hosts.bring_up(one)
    benchmark.first_deploys()
    converge(one)
    for experiment in EXPERIMENTS_ON_ONE:
        benchmark.measure(experiment)
    converge_with_whatsapp()
    benchmark.measure(EXPERIMENT_WITH_WHATSAPP)
    counts = {}
    for contender in COUNTED:
        counts[contender.name] = count(contender, contender.names[0])
        say(f"counted {contender.name}: {counts[contender.name]}")
    hosts.remove(WITH_WHATSAPP)  # n8n alone would keep the two cores from the others
    hosts.bring_up(all_of_them)
    benchmark.first_deploy_of_ansible()
    converge(all_of_them)
    for experiment in EXPERIMENTS_ON_MORE:
        benchmark.measure(experiment)
    run(PLAN, Route(all_of_them))
    return benchmark.results(counts, time.monotonic() - started)


def main(words: Iterable[str]) -> int:
    """Measure, write the results, print the table and the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, help="as many of everything; for work on this")
    parser.add_argument("--keep", action="store_true", help="leave the hosts, take those left")
    options = parser.parse_args(list(words))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    hosts.WORK.mkdir(exist_ok=True)
    sockets = Path(CONTROL_SOCKETS)
    sockets.mkdir(mode=0o700, exist_ok=True)
    if sockets.is_symlink() or sockets.stat().st_uid != os.getuid():
        raise BenchError(f"{sockets} to be this user's own folder", "somebody else's")
    with (hosts.WORK / "lock").open("w") as alone:
        say("starting; waits while another benchmark runs")
        fcntl.flock(alone, fcntl.LOCK_EX)
        close_connections()  # what a killed run left, as below
        try:
            if not options.keep:
                hosts.remove()
            results = run_now(options.rounds)
        finally:
            close_connections()
            if not options.keep:
                hosts.remove()
    report.RESULTS.write_text(report.as_file(results))
    print(report.as_text(results))
    print(json.dumps(results))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (BenchError, LabError) as error:
        print(f"bench: error\n{error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
