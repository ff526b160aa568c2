"""Does the predicted main task go with the anchors that are known? A network learnt on the source's labels judges.

It gets the main task's label as a picture, in the colours of `Task.render`, and gives the anchors. So it takes any
tasks; of depth it sees the shape and not the scale, which these colours leave out. Of several main tasks the first is
meant.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from headfreeze.data.folder import CONFIG, Sample, fingerprint
from headfreeze.data.images import read_image
from headfreeze.data.pair import OpenPair
from headfreeze.evaluation.evaluate import own_metric
from headfreeze.evaluation.unlabelled import IMAGES, split_with, together
from headfreeze.files import write_bytes, write_text
from headfreeze.pictures import spread
from headfreeze.recipes import SOURCE_MAIN, Phase, Recipe
from headfreeze.run import Run
from headfreeze.settings import Architecture, Pair, Training
from headfreeze.tasks.base import Task
from headfreeze.tasks.images import write_png
from headfreeze.training.fit import fit

_RECIPE = Recipe("main-to-anchor", (Phase(SOURCE_MAIN),), "the anchor from a picture of the main task's label")
_SAMPLES, _STEPS, _BATCH = 512, 300, 16
_SIDE = 64
"""Largest shorter side in pixels at which the map is learnt."""


def cross_task_energy(run: Run, pair: OpenPair, map_: Run) -> float:
    """The anchors' scores of what the map makes of the predicted main task, against the anchors on the target.

    The consistency energy of Zamir et al., CVPR 2020 (arXiv 2006.04096, §3.4), with one path, from the main task to the
    anchors, see `together`. Where the target has no labels of an anchor, those that the run predicts stand in; NaN if
    it predicts none.
    """
    found = []
    for anchor in [anchor for anchor in pair.anchors if anchor.name in map_.trained]:
        if metrics := _metrics(run, pair, map_, anchor):
            found.append((anchor, metrics))
    return together(found)


def _metrics(run: Run, pair: OpenPair, map_: Run, anchor: Task) -> dict[str, float]:
    """One anchor's, on images of the target; empty where neither labels nor predictions of it are there."""
    target, split = pair.datasets["target"], split_with(pair, "target", anchor.name)
    labelled = target.has(split, anchor.name)
    if not labelled and anchor.name not in run.trained:
        return {}
    samples = target.samples(split, [anchor.name] if labelled else [])
    total = own_metric(anchor)
    for sample in spread([s for s in samples if not labelled or anchor.name in s.labels], IMAGES):
        found = run.predict(read_image(sample.image))
        known = sample.label(anchor) if labelled else found[anchor.name]
        total.update(map_.predict(run.main.render(found[run.main.name]))[anchor.name][None], known[None])
    return dict(total.compute())


def learnt_map(pair: OpenPair, settings: Pair, folder: Path, device: str = "auto") -> Run | None:
    """The map from main to anchors, learnt on labels of the source's training images; None where it has no anchors.

    Args:
        pair: the source's labels of the first main task and of all anchors are read.
        settings: of the pair; gives the resolution.
        folder: the map is kept in it and learnt once.
        device: where it is learnt, and computes.
    """
    source, main = pair.datasets["source"], pair.main
    anchors = [anchor for anchor in pair.anchors if source.has("train", anchor.name)]
    if not anchors:
        return None
    wanted = [main.name, *(anchor.name for anchor in anchors)]
    both = [s for s in source.samples("train", wanted) if main.name in s.labels and len(s.labels) > 1]
    samples = spread(both, _SAMPLES) if both else []
    if not samples:
        return None
    anchors = [anchor for anchor in anchors if any(anchor.name in sample.labels for sample in samples)]
    names = [main.name, *(anchor.name for anchor in anchors)]
    out = folder / f"{'-'.join(names)}-{fingerprint(samples, source.root)[:12]}-{_size(settings)}"
    if not (out / "run.json").is_file():
        with TemporaryDirectory(prefix="headfreeze-") as temporary:
            root = Path(temporary) / "labels"
            _write(main, anchors, samples, root)
            fit(
                _RECIPE,
                Pair(root, root, tuple(names[1:]), main.name, _size(settings), settings.resize, augment="none"),
                out,
                architecture=Architecture("tiny"),
                training=Training(_STEPS, min(_BATCH, len(samples)), workers=0, device=device),
                phases=Path(temporary) / "phases",
            )
    return Run(out, device)


def _write(main: Task, anchors: Sequence[Task], samples: Sequence[Sample], root: Path) -> None:
    """A dataset whose images are pictures of the main task's labels. A picture mirrored is no mirrored label's."""
    for number, sample in enumerate(samples):
        write_png(np.ascontiguousarray(main.render(sample.label(main))), root / f"train/image/{number:04d}.png")
        for name in [anchor.name for anchor in anchors if anchor.name in sample.labels]:
            file = sample.labels[name]
            write_bytes(root / f"train/{name}/{number:04d}{file.suffix.lower()}", file.read_bytes())
    tasks = {task.name: task.options() for task in (main, *anchors)}
    write_text(root / CONFIG, yaml.safe_dump({"tasks": tasks}, sort_keys=False))


def _size(settings: Pair) -> str:
    """The pair's resolution, its shorter side at most 64."""
    height, width = settings.height_width
    scale = min(_SIDE / min(height, width), 1.0)
    return f"{round(height * scale)}x{round(width * scale)}"
