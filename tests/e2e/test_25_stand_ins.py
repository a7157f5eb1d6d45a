"""What each image of the stack does by itself, asked of whatever the lab serves under its name: the
stand-in, or the official image where Docker Hub answers (image_contract.py). And that these tests
see a stand-in that is kinder again. No lab host is needed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.image_contract import (
    CONFIGURED,
    NEEDED,
    ROWS,
    TOOLS,
    UP,
    Row,
    Without,
    ends_like,
    has_tool,
    is_configured,
    needs_its_capability,
)
from tests.e2e.kinder_images import KINDER, Kinder
from tests.e2e.stand_ins import Stage, docker, ending, service
from tests.lab import engine, images
from tests.lab.shell import lock


@pytest.fixture(scope="module")
def served() -> dict[str, str]:
    """The local image for each name of the stack."""
    with lock():
        engine.ensure()
        return images.ensure()


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, served: dict[str, str], tmp_path: Path
) -> Iterator[Stage]:
    """A service as the compose file has it, but for the network."""
    name = request.param
    stage = Stage(name, served[name], tmp_path)
    stage.lay_files()
    yield stage
    stage.clean()


@pytest.mark.parametrize("stage", UP, indirect=True)
def test_the_compose_files_capabilities_are_enough(stage: Stage) -> None:
    with stage.started() as container:
        assert ending(container, UP[stage.name]).status == -1


@pytest.mark.parametrize(
    ("stage", "case"),
    [pytest.param(one.service, one, id=str(one)) for one in NEEDED],
    indirect=["stage"],
)
def test_no_capability_is_there_for_nothing(stage: Stage, case: Without) -> None:
    needs_its_capability(stage, case)


def test_each_capability_of_the_compose_file_is_a_row() -> None:
    """FOWNER silences two warnings of PostgreSQL's entry point; nothing fails without it."""
    given = {(name, one) for name in UP for one in service(name).get("cap_add", [])}
    assert given == {(one.service, one.capability) for one in NEEDED} | {("postgresql", "FOWNER")}


@pytest.mark.parametrize("row", [pytest.param(row, id=str(row)) for row in ROWS])
def test_an_image_ends_and_says_what_the_official_one_does(
    served: dict[str, str], row: Row
) -> None:
    ends_like(served[row.image], row)


@pytest.mark.parametrize(
    ("image", "line"),
    [
        pytest.param(image, line, id=f"{image}: {name}")
        for image, lines in TOOLS.items()
        for name, line in lines.items()
    ],
)
def test_an_image_has_the_official_ones_tools_and_no_others(
    served: dict[str, str], image: str, line: str
) -> None:
    has_tool(served[image], line)


@pytest.mark.parametrize("image", CONFIGURED)
def test_an_image_is_configured_as_the_official_one(served: dict[str, str], image: str) -> None:
    is_configured(served[image], image)


# --- Kinder again ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [pytest.param(one, id=str(one), marks=pytest.mark.family(one.image)) for one in KINDER],
)
def test_a_stand_in_that_is_kinder_again_is_seen(served: dict[str, str], case: Kinder) -> None:
    made = subprocess.run(
        ["docker", "build", "--quiet", "-"],
        input=f"FROM {served[case.image]}\n{case.build}\n",
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    image = made.stdout.strip()
    try:
        with pytest.raises(AssertionError):
            hold_to(case, image)
    finally:
        docker("rmi", "--force", image)


def hold_to(case: Kinder, image: str) -> None:
    """Hold the image to the row that the case names."""
    for row in ROWS:
        if (row.image, row.name) == (case.image, case.row):
            ends_like(image, row, seconds=15)
            return
    if case.row:
        has_tool(image, TOOLS[case.image][case.row])
    else:
        is_configured(image, case.image)


def test_each_kinder_stand_in_names_a_row() -> None:
    names = {(row.image, row.name) for row in ROWS}
    names |= {(image, name) for image, lines in TOOLS.items() for name in lines}
    assert all(case.row == "" or (case.image, case.row) in names for case in KINDER)
