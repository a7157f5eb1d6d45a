"""Running contenders: one checked and timed run, and rounds in which several take turns."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from bench.contenders import Contender
from bench.errors import BenchError
from bench.hosts import RENDERED, REPOSITORY, WORK, Route

LONGEST = 600
"""Seconds after which a run is given up."""
CONTROL_SOCKETS = f"/tmp/borgstack-bench-{os.getuid()}"  # noqa: S108 - a socket's path must be short
ENVIRONMENT = {
    "PYTHONPATH": str(REPOSITORY),
    "BENCH_RENDERED": str(RENDERED),
    "ANSIBLE_CONFIG": str(REPOSITORY / "bench/ansible/ansible.cfg"),
    "ANSIBLE_HOME": str(WORK / "ansible"),
    "ANSIBLE_SSH_CONTROL_PATH_DIR": CONTROL_SOCKETS,
    "ANSIBLE_NOCOLOR": "1",
    "TERM": "dumb",
}
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Cell:
    """One contender in one place: how many hosts, and how far away."""

    contender: Contender
    hosts: int = 1
    round_trip_ms: int = 0

    @property
    def title(self) -> str:
        """How progress is told."""
        return f"{self.contender.name}, {self.hosts} hosts, {self.round_trip_ms} ms"


def say(line: str) -> None:
    """Tell progress; standard output is for the table and the JSON."""
    print(f"bench: {line}", file=sys.stderr, flush=True)


def run(contender: Contender, route: Route) -> float:
    """Run a contender once; the seconds from its start to its end.

    :raises BenchError: it failed, or did something else than its name says.
    """
    command = contender.command(route)
    environment = {**os.environ, **ENVIRONMENT}
    started = time.perf_counter()
    if contender.asks:
        code, output = _answer(command, environment, contender.asks)
    else:
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        code, output = done.returncode, done.stdout + done.stderr
    seconds = time.perf_counter() - started
    problem = wrong(contender, route.names, code, output)
    if problem is not None:
        raise BenchError(f"{contender.name} on {', '.join(route.names)}: {problem}", output)
    return seconds


def wrong(contender: Contender, names: Iterable[str], code: int, output: str) -> str | None:
    """What a run should have done and did not, or None."""
    names = tuple(names)
    if code != 0:
        return f"exit code 0, not {code}"
    text = ESCAPES.sub("", output).replace("\r", "")
    for pattern in contender.says:
        pattern = pattern.replace("{hosts}", str(len(names)))
        for name in names:
            if not re.search(pattern.replace("{host}", re.escape(name)), text, re.MULTILINE):
                return f"output that matches {pattern!r} for {name}"
    return None


def _answer(command: list[str], environment: Mapping[str, str], asks: str) -> tuple[int, str]:
    """Run a command on a terminal and press Enter when it asks; exit code and output."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    deadline = time.monotonic() + LONGEST
    output, answered = b"", False
    try:
        while select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # how Linux tells that the other end is closed
                break
            output += piece
            if not answered and asks.encode() in output:
                answered = True
                os.write(ours, b"\n")
        code = process.wait(timeout=max(1.0, deadline - time.monotonic()))
    finally:
        process.kill()
        os.close(ours)
    text = output.decode(errors="replace")
    if not answered:
        raise BenchError(f"the question {asks!r}", text)
    return code, text


def take_turns(
    cells: Iterable[Cell], rounds: int, routes: Mapping[Cell, Route]
) -> dict[Cell, list[float]]:
    """Seconds of each cell by round; in every other round the order is reversed.

    The machine's mood changes by the minute: what is compared has to be measured in the same one.
    """
    order = list(cells)
    seconds: dict[Cell, list[float]] = {cell: [] for cell in order}
    for cell in order:
        say(f"  once, not counted: {cell.title}: {run(cell.contender, routes[cell]):.2f} s")
    for number in range(rounds):
        for cell in order if number % 2 == 0 else reversed(order):
            seconds[cell].append(run(cell.contender, routes[cell]))
        told = ", ".join(
            f"{cell.contender.name}@{cell.hosts} {seconds[cell][-1]:.2f}" for cell in order
        )
        say(f"  round {number + 1} of {rounds}: {told}")
    return seconds


@dataclass(frozen=True)
class Spread:
    """The middle of some numbers, and their ends."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of at least one value."""
        values = sorted(values)
        return cls(*(round(value, 3) for value in (median(values), values[0], values[-1])))


def ratio(above: list[float], below: list[float]) -> Spread:
    """How many times `above` is `below`: of the medians, and the ends over the rounds."""
    pairs = [one / other for one, other in zip(above, below, strict=True)]
    middle = median(above) / median(below)
    return Spread(round(middle, 3), round(min(pairs), 3), round(max(pairs), 3))
