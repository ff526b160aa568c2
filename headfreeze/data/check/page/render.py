"""OUT/index.html: everything but the contact sheets, which lie beside it, is in the file, and nothing is fetched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import numpy as np
from jaxtyping import Float, Integer

from headfreeze import __version__
from headfreeze.data.check import table
from headfreeze.data.check.conventions import NormalsStatistics
from headfreeze.data.check.gather import Gathered
from headfreeze.data.check.pair import Checked, pooled
from headfreeze.data.check.poses import EDGES_DEG
from headfreeze.data.check.statistics import (
    ANGLES,
    DEPTH_EDGES_M,
    DepthStatistics,
    KeypointsStatistics,
    SegmentationStatistics,
    Statistics,
)
from headfreeze.files import write_text

_HERE = "headfreeze.data.check.page"
_MOST_CLASSES = 24
_DEPTH_BARS = 40
_MOST_LINES = 500  # of a list; a page is for people


@dataclass(frozen=True)
class Chart:
    """Bars of each dataset above the same places.

    Attributes:
        title: what is shown.
        labels: of the bars; or only those of the two ends.
        bars: heights 0 … 1 by dataset.
        maps: instead of bars, squares of 0 … 1 by dataset, first row at the top.
    """

    title: str
    labels: Sequence[str]
    bars: Mapping[str, Sequence[float]]
    maps: Mapping[str, Sequence[Sequence[float]]]


def write_page(found: Gathered, sheets: Mapping[tuple[str, str], str], out: Path) -> Path:
    """Writes OUT/index.html and gives its path.

    Args:
        found: what it shows.
        sheets: files' names in `out` by dataset and split.
        out: the folder.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(_HERE, ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    columns = table.columns(found.checked)
    html = environment.get_template("check.html").render(
        style=(files(_HERE) / "style.css").read_text(),
        version=__version__,
        roots={name: str(dataset.root) for name, (dataset, _) in found.checked.items()},
        columns=columns,
        groups=table.groups(columns),
        uses=found.uses,
        found=found.differences,
        faults=found.faults[:_MOST_LINES],
        fault_count=found.fault_count,
        doubts=found.doubts[:_MOST_LINES],
        doubt_count=len(found.doubts),
        charts=_charts(found.checked),
        sheets=[(name, split, quote(file)) for (name, split), file in sheets.items()],
    )
    path = out / "index.html"
    # Names of files may hold bytes that are no UTF-8; the page shows them as the terminal does.
    write_text(path, html.encode("utf-8", "backslashreplace").decode())
    return path


def _charts(checked: Mapping[str, Checked]) -> list[Chart]:
    tasks = {name: None for dataset, _ in checked.values() for name in dataset.tasks}
    charts = []
    for task in tasks:
        statistics = {name: pooled(each, task) for name, each in checked.items()}
        charts += _charts_of(task, {name: each for name, each in statistics.items() if each is not None and each.valid})
    return charts


def _charts_of(task: str, statistics: Mapping[str, Statistics]) -> list[Chart]:
    charts = []
    if classes := {n: s for n, s in statistics.items() if isinstance(s, SegmentationStatistics)}:
        names = [name for s in classes.values() for name in s.shares]
        names = list(dict.fromkeys(names))[:_MOST_CLASSES]
        shares = {n: np.array([s.shares.get(name, 0.0) for name in names]) for n, s in classes.items()}
        charts.append(Chart(f"{task}: share of the pixels", names, _scaled(shares), {}))
    if normals := {n: s for n, s in statistics.items() if isinstance(s, NormalsStatistics)}:
        squares = {n: np.sqrt(s.directions[::-1] / max(s.directions.max(), 1)).tolist() for n, s in normals.items()}
        charts.append(Chart(f"{task}: directions, x to the right and y up", (), {}, squares))
        if pitch := {n: s.pitch for n, s in normals.items() if s.rooms}:
            charts.append(_angles(f"{task}: camera looks up by", pitch))
    if depths := {n: s for n, s in statistics.items() if isinstance(s, DepthStatistics)}:
        charts.append(_depths(task, depths))
    if points := {n: s for n, s in statistics.items() if isinstance(s, KeypointsStatistics) and s.poses.any()}:
        for index, angle in enumerate(ANGLES):
            charts.append(_angles(f"{task}: head's {angle}", {n: s.poses[index] for n, s in points.items()}))
    return charts


def _angles(title: str, counts: Mapping[str, Integer[np.ndarray, " steps"]]) -> Chart:
    shares = {name: each.reshape(-1, 2).sum(1) / max(each.sum(), 1) for name, each in counts.items()}
    return Chart(title, (f"{EDGES_DEG[0]:+.0f}°", "0°", f"{EDGES_DEG[-1]:+.0f}°"), _scaled(shares), {})


def _depths(task: str, depths: Mapping[str, DepthStatistics]) -> Chart:
    """Over logarithmic steps between the nearest and the farthest percent of all."""
    steps = [step for s in depths.values() for step in s.steps(0.01, 0.99)]
    first, last = min(steps), max(steps) + 1
    every = -(-(last - first) // _DEPTH_BARS)  # whole steps to a bar, or some bars had more of them than others
    edges = np.arange(first, last, every)
    shares = {name: np.add.reduceat(s.counts[:last], edges) / s.valid for name, s in depths.items()}
    ends = (f"{DEPTH_EDGES_M[first]:.3g} m", f"{DEPTH_EDGES_M[last]:.3g} m")
    return Chart(f"{task}: share of the pixels, logarithmic", ends, _scaled(shares), {})


def _scaled(shares: Mapping[str, Float[np.ndarray, " n"]]) -> dict[str, list[float]]:
    most = max(max(float(each.max()) for each in shares.values()), 1e-9)
    return {name: (each / most).tolist() for name, each in shares.items()}
