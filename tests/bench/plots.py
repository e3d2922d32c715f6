"""Plots of the benches as plain SVG, into docs/plots: lines, no library.

`make bench` draws what its row brings (`of`); the soak draws its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

PLOTS = Path(__file__).parent.parent.parent / "docs" / "plots"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 64, 16, 36, 44
COLOURS = ("#1f5fa8", "#c4501b", "#2f7d4f", "#6b4fa0", "#8a6d1c")
Points = Sequence[Sequence[float]]


def of(row: Mapping[str, object], folder: Path = PLOTS) -> None:
    """The plot of a bench's row, if it has one."""
    if row["bench"] == "verify_api_full":
        shares = {"empty": "empty endpoint, closed", "full": "verification, closed at saturation", "half": "verification, open at half"}
        lines = {title: [(latency, share) for share, latency in row["distribution"][name]] for name, title in shares.items()}
        _write(folder / "verify_api_full.svg", curves("verify_api_full: answers within a latency", "ms (log)", "%", lines, log=True))


def soak(samples: Points, folder: Path = PLOTS) -> None:
    """(seconds, MiB) → soak.svg, the axis from zero."""
    _write(folder / "soak.svg", curves("soak: resident memory of all hub processes", "s", "MiB", {"half load": samples}))


def curves(title: str, across: str, up: str, lines: Mapping[str, Points], *, log: bool = False) -> str:
    """One line each. `log`: the axis across is logarithmic."""
    scale = (lambda value: math.log10(max(value, 1e-3))) if log else (lambda value: value)
    xs = [scale(x) for points in lines.values() for x, _ in points]
    highest = max(y for points in lines.values() for _, y in points) * 1.05
    low, high = (math.floor(min(xs)), math.ceil(max(xs))) if log else (0.0, max(xs))
    place_x = lambda value: LEFT + (scale(value) - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT)  # noqa: E731
    place_y = lambda value: HEIGHT - BOTTOM - value / highest * (HEIGHT - TOP - BOTTOM)  # noqa: E731
    ticks = [10.0**one for one in range(int(low), int(high) + 1)] if log else [high * one / 5 for one in range(6)]
    made = [_text(place_x(one), HEIGHT - BOTTOM + 16, f"{one:g}" if log else f"{one:.0f}", "middle") for one in ticks]
    made += [_text(LEFT - 6, place_y(one) + 4, f"{one:.0f}", "end") for one in (highest * part / 5 for part in range(6))]
    for number, (name, points) in enumerate(lines.items()):
        path = " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in points)
        colour = COLOURS[number % len(COLOURS)]
        made.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
        made.append(_text(WIDTH - RIGHT, HEIGHT - BOTTOM - 12 - 16 * number, name, "end", colour))
    return _frame(title, across, up, made)


def _frame(title: str, across: str, up: str, inside: Sequence[str]) -> str:
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">']
    lines.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>')
    lines.append(_text(LEFT, 20, title, "start"))
    corner = f"{LEFT},{TOP} {LEFT},{HEIGHT - BOTTOM} {WIDTH - RIGHT},{HEIGHT - BOTTOM}"
    lines.append(f'<polyline fill="none" stroke="#444" points="{corner}"/>')
    lines += [*inside, _text(WIDTH - RIGHT, HEIGHT - 8, across, "end"), _text(8, TOP - 4, up, "start"), "</svg>"]
    return "\n".join(lines) + "\n"


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
