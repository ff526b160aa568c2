"""DIR/report.html from what lies in DIR, and the figures in DIR/figures."""

import hashlib
import json
import time
from pathlib import Path

from headfreeze import __version__
from headfreeze.comparison.figures.examples import draw_examples
from headfreeze.comparison.report.contents import Contents, read_contents
from headfreeze.comparison.report.drawn import draw_all
from headfreeze.comparison.report.measured import Measured
from headfreeze.comparison.report.page import EXAMPLES, rendered
from headfreeze.files import write_text, write_with


def write_report(folder: Path | str) -> Contents:
    """Writes the report of a comparison, finished or not, and gives what it was made from.

    Pictures and features of the networks are kept in DIR/figures: another call computes those of new runs alone.

    Args:
        folder: what `compare` wrote; gets report.html and figures/.

    Raises:
        InputError: no comparison lies there, or one of its files is damaged.
    """
    folder = Path(folder)
    contents = read_contents(folder)
    figures = folder / "figures"
    measured = Measured(contents, figures)
    shown, features, phases = measured.pictures(), measured.features(), measured.last_phases()
    drawn = draw_all(contents, features, figures, _state(contents))
    if shown:
        picture = draw_examples(shown)
        write_with(folder / EXAMPLES, lambda path: picture.save(path))
    written = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    missing = [*contents.missing, *measured.missing]
    page = rendered(contents, shown, drawn, figures, phases, missing, written)
    write_text(folder / "report.html", page)
    return contents


def _state(contents: Contents) -> str:
    """Changes when any file that figures are drawn from does, or the version that draws them."""
    files = [path for run in contents.runs for path in run.files] + [contents.folder / "comparison.json"]
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file()]
    return hashlib.blake2b(json.dumps([__version__, stats]).encode(), digest_size=12).hexdigest()
