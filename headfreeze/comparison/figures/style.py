"""How all figures look: a colour and a dash for each recipe, thin axes, PNG and SVG."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headfreeze.files import write_with

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"
"""Colour of texts and axes. No other thing has it, so that a page can replace it by the colour of its own text."""
WIDTH = 5.0
"""Inches of a figure of one panel: the width of a telephone, so that its texts can be read there."""
_COLOURS = (INK, "#E69F00", "#009E73", "#0072B2", "#CC79A7", "#D55E00", "#56B4E9", "#B8A800")
"""Okabe & Ito, whom colour-blind people can tell apart; their yellow darker, for white paper."""
_DASHES = ("solid", (0, (4, 1.5)), (0, (1, 1.2)), (0, (4, 1.2, 1, 1.2)))
_MARKERS = ("o", "D", "s", "^")
_ADVERSARIAL = "-da"
_DPI = 150


@dataclass(frozen=True)
class Look:
    """How a recipe is drawn: its colour, and the dash (as matplotlib has it) of its lines and shape of its marks."""

    colour: str
    dash: Any
    marker: str


def looks(recipes: Sequence[str]) -> dict[str, Look]:
    """Looks that all differ, up to 16 recipes and their twins with an adversary; such twins share a colour."""
    families: dict[str, list[str]] = {}
    for name in recipes:
        families.setdefault(name.removesuffix(_ADVERSARIAL), []).append(name)
    found = {}
    for number, members in enumerate(families.values()):
        for name in members:
            turn = number // len(_COLOURS) * 2 + name.endswith(_ADVERSARIAL)
            look = turn % len(_DASHES)
            found[name] = Look(_COLOURS[number % len(_COLOURS)], _DASHES[look], _MARKERS[look])
    return {name: found[name] for name in recipes}


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure of that size in inches, laid out by itself and drawn without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second to import, and few commands draw
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def plain(axes: "Axes", x: str, y: str = "") -> "Axes":
    """Axes with these labels, without a box around them."""
    axes.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set(color=INK, linewidth=0.8)
    axes.tick_params(colors=INK, labelsize=8, width=0.8, length=3)
    axes.grid(color="#888888", alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    return axes


def legend(figure: "Figure", drawn: Mapping[str, Look], width_inches: float) -> None:
    """The recipes' names below the figure."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=look.colour, linestyle=look.dash, marker=look.marker, markersize=4, label=name)
        for name, look in drawn.items()
    ]
    columns = max(1, min(len(handles), int(width_inches / 1.5)))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, fontsize=8, frameon=False, labelcolor=INK,
        handlelength=2.6,
    )  # fmt: skip


@contextmanager
def drawing() -> Iterator[None]:
    """Within it, texts are taken as they are: names of recipes and images may hold dollar signs."""
    import matplotlib as mpl

    with mpl.rc_context({"text.parse_math": False}):
        yield


def save(figure: "Figure", folder: Path, name: str) -> None:
    """Writes FOLDER/NAME.png and FOLDER/NAME.svg; the same figure gives the same bytes."""
    import matplotlib as mpl

    write_with(folder / f"{name}.png", lambda p: figure.savefig(p, format="png", dpi=_DPI))
    figure.set_layout_engine("none")  # it is laid out by now
    options: dict[str, Any] = {"dpi": _DPI, "transparent": True, "metadata": {"Date": None}}
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        write_with(folder / f"{name}.svg", lambda p: figure.savefig(p, format="svg", **options))
