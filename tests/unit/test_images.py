"""Which images go and how much room the missing ones need. A wrong answer here removes what is
somebody else's or what the way back needs, or refuses an upgrade for want of room that it has.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from borgstack import images, live_stack
from borgstack.live_stack import StackState
from borgstack.project import render
from borgstack.remote import script_text
from tests.unit.support import (
    default_project,
    fit_stack_lines,
    image_number,
    program,
    run_script,
    settings_of,
)
from tests.unit.told import values

PROJECT = default_project()
CHATWOOT = "chatwoot/chatwoot"
NOW = f"{CHATWOOT}:v4.6.0-ce"


def state(*pulled: str, others: tuple[str, ...] = (), **sizes: str) -> StackState:
    """The whole stack in place, and these images, each with a size, beside the wanted ones."""
    lines = [f"local {image}|{image_number(PROJECT, image)}|1GB" for image in PROJECT.images]
    lines += [f"local {one}|id-of-{one}|{sizes.get('size', '1GB')}" for one in pulled if one != NOW]
    lines += [f"local {one}|id-of-{one}|1GB" for one in others]
    lines += [f"pulled {one}" for one in pulled]
    return live_stack.parse([*fit_stack_lines(PROJECT), *lines])


def tags(*versions: str) -> list[str]:
    return [f"{CHATWOOT}:{version}" for version in versions]


@pytest.mark.parametrize(
    ("pulled", "expected"),
    [
        ([NOW], []),
        (tags("v1", "v4.6.0-ce"), []),  # the way back
        (tags("v1", "v2", "v4.6.0-ce"), ["v1"]),
        (tags("v1", "v2", "v3", "v4.6.0-ce"), ["v1", "v2"]),
        (tags("v1", "v2"), ["v1"]),  # in a plan, before the wanted one is pulled
        (tags("v1", "v4.6.0-ce", "v2"), ["v1"]),  # after a way back
        (["docker.io/chatwoot/chatwoot:v1", *tags("v2")], ["v1"]),
    ],
)
def test_of_what_was_pulled_the_way_back_alone_stays(
    pulled: list[str], expected: list[str]
) -> None:
    live = state(*map(images.plain, pulled))
    live = dataclasses.replace(live, pulled=tuple(pulled))
    assert images.superseded(PROJECT, live) == tags(*expected)


def test_what_others_have_pulled_or_use_stays() -> None:
    theirs = state("redis:7", others=("redis:6", "redis:5", "nginx:1"))
    assert images.superseded(PROJECT, theirs) == []
    strangers = dataclasses.replace(
        theirs, pulled=("nginx:1", "nginx:2", "redis:6", "redis:5", "redis:7")
    )
    assert images.superseded(PROJECT, strangers) == ["redis:6", "redis:5"]
    for reference in ("redis:6", "docker.io/library/redis:6", "id-of-redis:6"):
        other = dataclasses.replace(
            strangers.containers["n8n"], project="", image="", reference=reference
        )
        used = dataclasses.replace(strangers, containers={**strangers.containers, "x": other})
        assert images.superseded(PROJECT, used) == ["redis:5"]


def test_an_image_that_is_no_longer_there_is_no_way_back_and_not_removed() -> None:
    live = state(*tags("v1", "v2", "v3"))
    gone = {name: one for name, one in live.local.items() if name != f"{CHATWOOT}:v3"}
    assert images.superseded(PROJECT, dataclasses.replace(live, local=gone)) == tags("v1")


def test_images_of_what_is_switched_off_stay() -> None:
    live = state("n8nio/n8n:1", "n8nio/n8n:2")
    assert images.superseded(PROJECT, live) == ["n8nio/n8n:1"]
    assert images.superseded(render(settings_of(whatsapp=False)), live) == []


def missing(live: StackState, *names: str) -> StackState:
    kept = {name: one for name, one in live.images.items() if name not in names}
    return dataclasses.replace(live, images=kept)


def test_room_is_asked_for_what_is_missing_and_no_more() -> None:
    live = state(*tags("v1"), size="2GB")
    assert images.room(PROJECT, live) == 0
    assert images.room(PROJECT, missing(live, NOW)) == 3_000_000_000 + images.SPARE
    live = dataclasses.replace(live, local={"caddy:2.9": ("x", 50_000_000)})
    assert images.room(PROJECT, missing(live, "caddy:2.10-alpine")) == 75_000_000 + images.SPARE
    unknown = images.UNKNOWN * 3 // 2 + images.SPARE
    assert images.room(PROJECT, missing(live, "n8nio/n8n:1.112.6")) == unknown
    assert images.room(PROJECT, StackState()) == images.FIRST_DEPLOY
    assert images.room(PROJECT, StackState(engine="stopped")) == images.SPARE


@pytest.mark.parametrize(
    ("size", "expected"),
    [("194MB", 194_000_000), ("1.23GB", 1_230_000_000), ("12.5kB", 12_500), ("0B", 0)],
)
def test_sizes_are_read_as_docker_prints_them(size: str, expected: int) -> None:
    assert live_stack.parse([f"local a:1|id|{size}"]).local == {"a:1": ("id", expected)}


def test_what_is_pulled_is_noted_first_the_newest_last(tmp_path: Path) -> None:
    folder = tmp_path / "opt"
    for names in (["a:1", "b:1"], ["a:2"], ["a:1"], ["a:1", "b:1", "a:2"]):
        assert run_script("images_note", str(folder), *names).said == ""
    assert (folder / "pulled-images").read_text() == "a:1\nb:1\na:2\n"
    assert [path.name for path in folder.iterdir()] == ["pulled-images"]
    assert run_script("images_note", str(folder), "b:1").status == 0
    assert (folder / "pulled-images").read_text() == "a:1\na:2\nb:1\n"


def test_the_look_reads_what_a_pull_has_noted() -> None:
    assert f"{images.NOTED_IN}/pulled-images" in script_text("stack_state")


def test_an_image_that_docker_keeps_is_named(tmp_path: Path) -> None:
    program(tmp_path / "bin", "docker", f'echo "$*" >>{tmp_path}/calls')
    ran = run_script("images_remove", "a:1", "b:1", first_on_path=tmp_path / "bin")
    assert ran.status == 0
    assert [line.split()[-1] for line in ran.out.splitlines()] == ["a:1", "b:1"]
    assert (tmp_path / "calls").read_text() == "image rm a:1\nimage rm b:1\n"
    program(tmp_path / "bin", "docker", "echo 'conflict: x' >&2; exit 1")
    ran = run_script("images_remove", "a:1", first_on_path=tmp_path / "bin")
    assert ran.status == 1
    shown, told = ran.err.split("\n", 1)
    assert shown == "conflict: x"
    assert "a:1" in values(told)
