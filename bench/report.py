"""What is shown of bench/results.json: README's tables and the plot.

`make bench-report` writes both; a unit test holds README.md and docs/bench.svg equal to it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

REPOSITORY = Path(__file__).parents[1]
RESULTS = REPOSITORY / "bench/results.json"
README = REPOSITORY / "README.md"
PLOT = REPOSITORY / "docs/bench.svg"
BEGIN, END = "<!-- bench: begin, written by make bench-report -->", "<!-- bench: end -->"

Results = dict[str, Any]
Run = dict[str, Any]

LABELS = {
    "ssh": "OpenSSH, `true`",
    "floor": "pyinfra, one operation that runs `true`",
    "noop": "**borgstack**, `pyinfra … -y`",
    "noop_whatsapp": "**borgstack** with WhatsApp, `pyinfra … -y`",
    "plan": "**borgstack**, `borgstack plan`",
    "plan_and_run": "**borgstack**, `pyinfra …`, Enter: plan, then run",
    "stock": "pyinfra's own operations (report three changes, always)",
    "ansible": "Ansible",
}
RATIOS = {
    "noop_over_floor": "borgstack / pyinfra's `true`",
    "plan_and_run_over_floor": "borgstack, plan and run / pyinfra's `true`",
    "ansible_over_noop": "Ansible / borgstack",
    "ansible_over_noop_40ms": "Ansible / borgstack, 40 ms away",
    "noop_whatsapp_seconds": "borgstack with WhatsApp, in seconds",
    "hosts6_over_1": "borgstack, six hosts / one host",
}


def as_file(results: Results) -> str:
    """The text of results.json: one line a run, so that a diff can be read."""
    lines = []
    for key, value in results.items():
        if key == "runs":
            inside = ",\n".join(f"    {json.dumps(one)}" for one in value)
            lines.append(f'  "runs": [\n{inside}\n  ]')
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def kept(promise: str, value: float) -> bool:
    """Whether a ratio keeps its promise, such as `<= 3`."""
    sign, _, limit = promise.partition(" ")
    return value <= float(limit) if sign == "<=" else value >= float(limit)


def as_text(results: Results) -> str:
    """The tables, in Markdown, which a terminal shows as well."""
    return "\n\n".join(
        (
            _runs_table(results),
            _hosts_table(results),
            _ratios_table(results),
            _circumstances(results),
        )
    )


def _find(results: Results, contender: str, hosts: int = 1, far: bool = False) -> Run | None:
    return next(
        (
            one
            for one in results["runs"]
            if (one["contender"], one["hosts"], one["round_trip_ms"] > 0) == (contender, hosts, far)
        ),
        None,
    )


def _seconds(run: Run | None) -> str:
    if run is None:
        return "–"
    digits = 1 if run["median"] >= 10 else 2
    middle, least, most = (f"{run[key]:.{digits}f}" for key in ("median", "least", "most"))
    return f"{middle} s ({least}–{most})"


def _runs_table(results: Results) -> str:
    lines = [
        "| a run that changes nothing | loopback | 40 ms away | SSH commands | kB |",
        "|---|---|---|---|---|",
    ]
    for name, label in LABELS.items():
        counted = results["counts"][name]
        size = (counted["bytes_to_host"] + counted["bytes_from_host"]) / 1000
        near, far = (_seconds(_find(results, name, far=far)) for far in (False, True))
        lines.append(f"| {label} | {near} | {far} | {counted['commands']} | {size:.0f} |")
    return "\n".join(lines)


def _hosts_table(results: Results) -> str:
    numbers = sorted({one["hosts"] for one in results["runs"]})
    head = " | ".join("1 host" if number == 1 else f"{number} hosts" for number in numbers)
    lines = [f"| at once, changing nothing | {head} |", "|---" * (len(numbers) + 1) + "|"]
    found = {one["hosts"]: one for one in results["runs"] if one["experiment"] == "hosts"}
    cells = " | ".join(_seconds(found.get(number)) for number in numbers)
    return "\n".join([*lines, f"| {LABELS['noop']} | {cells} |"])


def _ratios_table(results: Results) -> str:
    lines = ["| ratio | of the medians | over the rounds | promised |", "|---|---|---|---|"]
    for name, label in RATIOS.items():
        one = results["ratios"][name]
        verdict = "" if kept(one["promise"], one["median"]) else " **missed**"
        promise = one["promise"].replace("<=", "≤").replace(">=", "≥")
        lines.append(
            f"| {label} | {one['median']:.1f} | {one['least']:.1f}–{one['most']:.1f} "
            f"| {promise}{verdict} |"
        )
    return "\n".join(lines)


def _circumstances(results: Results) -> str:
    machine, versions = results["machine"], results["versions"]
    first, ansible = _find(results, "first"), _find(results, "ansible_first")
    return (
        f"First deploy of a bare host: {_seconds(first)}; Ansible {_seconds(ansible)}. "
        f"Median (least–most) of {results['day']}, laptop and hosts on one machine: "
        f"{machine['cores']} cores ({machine['cpu']}), Python {versions['python']}, "
        f"pyinfra {versions['pyinfra']}, Ansible {versions['ansible']}, "
        f"Debian {versions['debian']}, Docker {versions['docker']}."
    )


BARS = {
    "floor": "pyinfra, one true",
    "noop": "borgstack",
    "plan_and_run": "borgstack, plan and run",
    "stock": "pyinfra's operations",
    "ansible": "Ansible",
}
LEFT, WIDTH, ROW = 190, 440, 26


def plot(results: Results) -> str:
    """The runs that change nothing as bars: the median, with a line from the least to the most."""
    groups = [
        (
            title,
            [
                (label, run)
                for name, label in BARS.items()
                if (run := _find(results, name, far=far))
            ],
        )
        for title, far in (("loopback", False), ("40 ms away", True))
    ]
    scale = WIDTH / max(run["most"] for _, rows in groups for _, run in rows)
    shapes: list[str] = []
    y = 34
    for title, rows in groups:
        shapes.append(f'<text x="{LEFT}" y="{y}" font-weight="bold">{escape(title)}</text>')
        y += 10
        for label, run in rows:
            shapes += _bar(label, run, y, scale)
            y += ROW
        y += 30
    height = y - 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height}" '
        'font-family="sans-serif" font-size="13" role="img">\n'
        "<title>Seconds of a run that changes nothing</title>\n"
        f'<rect width="760" height="{height}" fill="#ffffff"/>\n' + "\n".join(shapes) + "\n</svg>\n"
    )


def _bar(label: str, run: Run, y: int, scale: float) -> list[str]:
    middle = y + ROW // 2 - 3
    down = f'y1="{middle}" y2="{middle}"'
    ours = "#2166ac" if label.startswith("borgstack") else "#b5bcc4"
    length, least, most = (round(run[key] * scale, 1) for key in ("median", "least", "most"))
    beside = LEFT + max(length, most) + 6
    return [
        f'<text x="{LEFT - 8}" y="{middle + 5}" text-anchor="end">{escape(label)}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{length}" height="{ROW - 6}" fill="{ours}"/>',
        f'<line x1="{LEFT + least}" x2="{LEFT + most}" {down} stroke="#222222"/>',
        f'<text x="{beside:.1f}" y="{middle + 5}">{run["median"]:.1f} s</text>',
    ]


def block(results: Results) -> str:
    """What stands in README.md, markers included."""
    return f"{BEGIN}\n{as_text(results)}\n{END}"


def with_block(readme: str, text: str) -> str:
    """README.md with this text in the place of what stands between the markers.

    :raises ValueError: the markers are not there, or not once.
    """
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    written, found = pattern.subn(lambda _: text, readme)
    if found != 1:
        raise ValueError(f"expected the markers of the benchmark in README.md once; saw {found}")
    return written


def main() -> None:
    """Write README's tables and the plot from results.json."""
    results = json.loads(RESULTS.read_text())
    README.write_text(with_block(README.read_text(), block(results)))
    PLOT.write_text(plot(results))


if __name__ == "__main__":
    main()
