"""The plots of the page, as PNG: the same colours as the pictures of the program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.validation.drift import STEPS, Drifted, changes
from benchmarks.validation.examples import Shown, captions
from benchmarks.validation.injection import CONTRASTS, SIZE_OF, SIZES_UM
from benchmarks.validation.statistics import REACHED, Pod, Values, wilson
from dscope_blink.reporting.figures import png_bytes
from dscope_blink.reporting.look import CLASS_TITLES, STATUS_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito, from the weakest to the strongest contrast
COLOURS = ("#56B4E9", "#009E73", "#CC79A7", "#E69F00", "#D55E00")
ENGINE_COLOURS = ("#777777", "#0072B2", "#D55E00")  # Okabe and Ito again: they are told apart by everyone
SIZE_TICKS = (0.5, 1, 2, 5, 10, 20, 50, 100)  # um
BINS = 5  # of sizes, for the dots beside the curves


def _figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for each in axes:
        each.tick_params(labelsize=7)
        each.set_axisbelow(True)
        each.grid(color="#E4E4E4", linewidth=0.6)
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


def detection(fitted: Mapping[tuple[str, str, float], Pod]) -> bytes:
    """Probability of detection over size, a panel for each region and kind, a curve for each contrast."""
    panels = [(region, kind) for region, kinds in SIZES_UM.items() for kind in kinds]
    figure, axes = _figure(11, 7.5, 3, 4)
    for (region, kind), panel in zip(panels, axes, strict=False):
        for colour, contrast in zip(COLOURS, CONTRASTS, strict=True):
            if (region, kind, contrast) in fitted:
                _draw_curve(panel, fitted[region, kind, contrast], colour, f"{contrast:.0%}")
        _dress(panel, region, kind)
    for unused in axes[len(panels) :]:
        unused.axis("off")
    handles, labels = axes[0].get_legend_handles_labels()
    title = "contrast; line: fit,\ndashes: lower 95 % bound,\ndots: share found with 95 % interval"
    axes[-1].legend(handles, labels, title=title, loc="center", fontsize=9, title_fontsize=8, frameon=False)
    return png_bytes(figure)


def _draw_curve(panel: Axes, curve: Pod, colour: str, label: str) -> None:
    sizes = np.geomspace(curve.sizes_um.min(), curve.sizes_um.max(), 200)
    panel.plot(sizes, curve.probability(sizes), color=colour, linewidth=1.6, label=label)
    panel.plot(sizes, curve.lower_bound(sizes), color=colour, linewidth=0.9, linestyle="--")
    for group in np.array_split(np.argsort(curve.sizes_um), BINS):
        if group.size:
            _draw_share(panel, float(np.exp(np.log(curve.sizes_um[group]).mean())), curve.found[group], colour)


def _draw_share(panel: Axes, size_um: float, found: np.ndarray, colour: str) -> None:
    hits, n = int(found.sum()), len(found)
    low, high = wilson(hits, n)
    panel.errorbar(
        size_um, hits / n, [[hits / n - low], [high - hits / n]], fmt="o", ms=3, color=colour, lw=0.6, alpha=0.7
    )


def _dress(panel: Axes, region: str, kind: str) -> None:
    panel.set_xscale("log")
    ticks = [t for t in SIZE_TICKS if SIZES_UM[region][kind][0] <= t <= SIZES_UM[region][kind][1]]
    panel.set_xticks(ticks, [f"{t:g}" for t in ticks])
    panel.minorticks_off()
    panel.axhline(REACHED, color="#888888", linewidth=0.6)
    panel.set_ylim(-0.03, 1.03)
    panel.set_title(f"{CLASS_TITLES[kind]}, {region}", fontsize=9)
    size = SIZE_OF[kind].removesuffix("_um").replace("length", "arc")
    panel.set_xlabel(f"{size}, um", fontsize=8)


def sizing(sizes: Mapping[str, tuple[Values, Values]]) -> bytes:
    """Measured over true size, a panel for each kind."""
    from matplotlib.ticker import FixedLocator

    figure, axes = _figure(11, 2.6, 1, len(sizes))
    for panel, (title, (true, measured)) in zip(axes, sizes.items(), strict=True):
        panel.set_title(title, fontsize=9)
        panel.set_xlabel("true, um", fontsize=8)
        if true.size:
            both = np.concatenate([true, measured])
            line = [both.min() * 0.9, both.max() * 1.1]
            panel.plot(line, line, color="#888888", linewidth=0.8)
            panel.loglog(true, measured, "o", ms=3, color=COLOURS[0], markeredgecolor="#0072B2", markeredgewidth=0.4)
            for axis in (panel.xaxis, panel.yaxis):
                axis.set_major_formatter("{x:g}")
                axis.set_minor_formatter("")
                axis.set_major_locator(FixedLocator(SIZE_TICKS))
    axes[0].set_ylabel("measured, um", fontsize=8)
    return png_bytes(figure)


def drift(pictures: Sequence[Drifted]) -> bytes:
    """Share of the verdicts that flip or are withdrawn at each step, a panel for each drift."""
    backgrounds = list(dict.fromkeys(p.background for p in pictures))
    figure, axes = _figure(11, 2.8, 1, len(STEPS))
    for panel, (way, steps) in zip(axes, STEPS.items(), strict=True):
        for background, line in zip(backgrounds, ("-", "--"), strict=False):
            found = [changes([p for p in pictures if p.background == background], way, step) for step in steps]
            for what, colour in (("flipped", STATUS_COLOURS["FAIL"]), ("not_graded", STATUS_COLOURS["NOT_GRADED"])):
                shares = [getattr(each, what) / max(each.pictures, 1) for each in found]
                label = f"{background}: {what.replace('_', ' ')}"
                panel.plot(steps, shares, line, marker="o", ms=3, color=colour, label=label)
        panel.set_title(way, fontsize=9)
        panel.set_xticks(steps)
        panel.set_ylim(-0.02, 1.02)
    axes[0].set_ylabel("share of the verdicts", fontsize=8)
    axes[0].legend(fontsize=7, frameon=False)
    return png_bytes(figure)


def comparison(points: Mapping[str, tuple[int, int, float]]) -> bytes:
    """Share of the blemishes found, and false marks per face, for each variant."""
    names = list(points)[::-1]
    figure, (found, false) = _figure(9, 0.4 * len(names) + 1, 1, 2)
    for row, name in enumerate(names):
        hits, n, wrong = points[name]
        low, high = wilson(hits, n) if n else (0.0, 0.0)
        at = hits / max(n, 1)
        found.errorbar(at, row, xerr=[[at - low], [high - at]], fmt="o", color=STATUS_COLOURS["PASS"])
        false.barh(row, wrong, color=STATUS_COLOURS["FAIL"], height=0.6)
    found.set_yticks(range(len(names)), names, fontsize=8)
    false.set_yticks(range(len(names)), [""] * len(names))
    found.set_xlabel("share of the blemishes found, with 95 % interval", fontsize=8)
    false.set_xlim(left=0, right=max(1.1 * max(wrong for _, _, wrong in points.values()), 0.1))
    false.set_xlabel("false marks per face in A and B", fontsize=8)
    return png_bytes(figure)


def found_by_engine(panels: Mapping[str, Mapping[str, Sequence[tuple[str, int, int]]]]) -> bytes:
    """Share found with its 95 % interval: panels by way to bin, lines by engine; bins as name, hits and n."""
    figure, axes = _figure(9, 3, 1, len(panels))
    for panel, (title, engines) in zip(axes, panels.items(), strict=True):
        for k, (engine, bins) in enumerate(engines.items()):
            shares = np.array([hits / n for _, hits, n in bins])
            low, high = np.array([wilson(hits, n) for _, hits, n in bins]).T
            at = np.arange(len(bins)) + 0.08 * (k - 1)
            beside = [shares - low, high - shares]
            panel.errorbar(at, shares, beside, fmt="o-", ms=4, color=ENGINE_COLOURS[k], label=engine)
        names = [name for name, _, _ in next(iter(engines.values()))]
        panel.set_xticks(range(len(names)), names)
        panel.set_ylim(-0.02, 1.02)
        panel.set_xlabel(title, fontsize=8)
    axes[0].set_ylabel("share found", fontsize=8)
    axes[0].legend(fontsize=8, frameon=False, loc="lower right")
    return png_bytes(figure)


def sheet(name: str, shown: Sequence[Shown]) -> dict[str, bytes]:
    """The examples under this name, if there are any."""
    return {name: examples(shown)} if shown else {}


def examples(shown: Sequence[Shown]) -> bytes:
    """Each example bare, and below with what is reported there; contrast as the middle of the part asks for."""
    figure, axes = _figure(11, 4.3, 2, len(shown))
    bare, drawn = axes[: len(shown)], axes[len(shown) :]
    for example, words, above, below in zip(shown, captions(shown), bare, drawn, strict=True):
        rim = len(example.part) // 4
        low, high = np.percentile(example.part[rim:-rim, rim:-rim], (0.5, 99.5))
        for panel in (above, below):
            panel.imshow(example.part, cmap="gray", vmin=low - 4, vmax=high + 4)
            panel.set_xticks([])
            panel.set_yticks([])
            panel.spines[:].set_visible(False)
        for outline in example.outlines_px:
            below.plot(*np.concatenate([outline, outline[:1]]).T, color=STATUS_COLOURS["FAIL"], linewidth=0.8)
        above.set_title(example.title, fontsize=8)
        below.set_xlabel(words, fontsize=7)
    return png_bytes(figure)
