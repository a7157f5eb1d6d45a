"""Samples of the long suites, and temp directories in memory.

Tests marked `slow` run with `--whole` alone (`make test-slow`). Of those marked `family("NAME")`,
one of each family runs without it, drawn with a seed that is printed. Temp directories are in
memory where there is such a place: the scripts under test call `sync`, and dozens of them on a busy
disk cost half a minute.
"""

from __future__ import annotations

import gc
import os
import random
from pathlib import Path
from typing import Any

import pytest
from gevent import monkey
from hypothesis import HealthCheck, settings

from tests.lab import hub, images

# pyinfra's command line replaces the standard library's threads by gevent's when it is imported.
# In a process of its own, as tests start it, it still does. In this one it would take the threads
# from under pytest-xdist, which then waits for ever for the next test.
monkey.patch_all = lambda *_, **__: None

MEMORY = Path("/dev/shm")


def usable(folder: Path) -> bool:
    """Whether tests may write there and run small programs, which containers often forbid."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    return not os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0)


if usable(MEMORY):
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # on a busy machine
settings.register_profile("sample", max_examples=100, **CALM)
settings.register_profile("whole", max_examples=10_000, **CALM)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real", action="store_true", help="on real programs only: make test-real")
    parser.addoption("--whole", action="store_true", help="all of the long suites, no sample")
    parser.addoption(
        "--sample-seed",
        type=int,
        default=random.randrange(10_000),  # noqa: S311 - no secret
        help="draw the sample that a run with this seed has drawn",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("real") and not (hub.answers() or images.real()):
        pytest.exit(
            "expected real programs to test on; Docker Hub does not answer, and LAB_REAL_IMAGES "
            "names no folder whose `build` makes them (tests/lab/README.md)",
            returncode=1,
        )
    settings.load_profile("whole" if config.getoption("whole") else "sample")


def pytest_collection_finish() -> None:
    """Take what is loaded by now out of the collector's rounds: it stays, and it is a lot."""
    gc.collect()
    gc.freeze()


def pytest_report_header(config: pytest.Config) -> list[str]:
    sample = f"a sample, --sample-seed={config.getoption('sample_seed')}"
    long = "whole" if config.getoption("whole") else sample
    programs = ", ".join(images.real().values()) or "doubles"
    programs = "Docker Hub's" if hub.answers() else programs
    return [f"long suites: {long}", f"Chatwoot and Evolution API: {programs}"]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - pytest-xdist's own
    """Every worker has to draw the same sample."""
    node.workerinput["sample_seed"] = node.config.getoption("sample_seed")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one test of each family and none of the slow ones, unless all are wanted or some were
    chosen by name.
    """
    if config.getoption("real"):
        leave_out(config, items, {one for one in items if one.get_closest_marker("on_doubles")})
    by_name = config.getoption("keyword") or any("::" in word for word in config.args)
    if config.getoption("whole") or by_name:
        return
    families: dict[tuple[Path, str], list[pytest.Item]] = {}
    for item in items:
        for mark in item.iter_markers("family"):
            families.setdefault((item.path, mark.args[0]), []).append(item)
    given = getattr(config, "workerinput", {}).get("sample_seed", config.getoption("sample_seed"))
    draw = random.Random(given)  # noqa: S311 - no secret
    left_out = {item for item in items if item.get_closest_marker("slow")}
    for members in families.values():
        left_out |= set(members) - {draw.choice(members)}
    leave_out(config, items, left_out)


def leave_out(config: pytest.Config, items: list[pytest.Item], left_out: set[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=sorted(left_out, key=lambda item: item.nodeid))
    items[:] = [item for item in items if item not in left_out]
