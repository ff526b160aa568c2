"""Finds an adversary's weight, size and rate without a look at target main labels.

Trains a recipe with every combination of the values given, and without the adversary, and judges each by three things
that need no label of the main task on the target:

- the indicator: the discriminators were confused, and a fresh one was, too;
- the validation loss of the main task on the source: an adversary that costs much there has won at its expense;
- artefacts: how rough the predictions on target images are (mean size of their second differences). A number finds the
  worst; look at pictures.png for the rest, a row an image, a column a combination.

    python examples/tune_adversary.py mtl-both-da --source rooms/source --target rooms/target --main normals \
        --anchor segmentation --backbone tiny --size 48 --steps 400 --batch_size 24 --adversary output \
        --weights 0.001,0.003,0.01 --rates 0.0001,0.0003 --out runs/tuning
"""

import csv
import io
import itertools
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import Tensor

from headfreeze import InputError, fit
from headfreeze.adversaries.build import default_weight
from headfreeze.arguments import Arguments
from headfreeze.comparison.figure import draw_figure
from headfreeze.data.folder import Sample, open_dataset
from headfreeze.data.images import read_image
from headfreeze.errors import raise_all
from headfreeze.files import write_text
from headfreeze.pictures import spread
from headfreeze.run import Run
from headfreeze.settings import Adversarial, Settings
from headfreeze.training.commands import settings_of, training_arguments
from headfreeze.training.session import Session

MOST_SOURCE_LOSS = 1.1
"""Of a combination that is recommended, ÷ the same without the adversary; so is MOST_ROUGHNESS."""
MOST_ROUGHNESS = 1.5
_IMAGES = 32
_PICTURES = 6


@dataclass(frozen=True)
class Trial:
    """A combination and what was seen of it; the indicator's numbers are those of the level that was confused least.

    `confused`: the indicator's verdict on all levels.
    """

    weight: float
    width: int
    rate: float
    source_loss: float
    roughness: float
    confused_share: float = math.nan
    probe: float = math.nan
    confused: bool = False

    def good(self, plain: "Trial") -> bool:
        """Confused, and that at no great cost."""
        cheap = self.source_loss <= MOST_SOURCE_LOSS * plain.source_loss
        return self.confused and cheap and self.roughness <= MOST_ROUGHNESS * plain.roughness

    def adversarial(self, usual: Adversarial) -> Adversarial:
        """The settings with this combination's values."""
        return replace(usual, adversary_weight=self.weight, discriminator_width=self.width, discriminator_lr=self.rate)

    @property
    def name(self) -> str:
        """Of its folder and its column."""
        return f"weight{self.weight:g}-width{self.width}-rate{self.rate:g}"


def tried(recipe: str, settings: Settings, trial: Trial, out: Path, photos: Sequence[Sample]) -> Trial:
    """The trial with its numbers, after training."""
    adversarial = trial.adversarial(settings.adversarial)
    parts = {"architecture": settings.architecture, "training": settings.training, "adversarial": adversarial}
    card = fit(recipe, settings.pair, out / trial.name, phases=out / "phases", **parts)  # type: ignore[arg-type]
    last = card.phases[-1]
    levels = last.get("adversary", {"levels": {}})["levels"].values()
    run = Run(out / trial.name, settings.training.device)
    rough = [roughness(run.predict(read_image(photo.image))[run.main.name]) for photo in photos]
    return replace(
        trial,
        source_loss=last["validation"].get(f"val_source_{settings.pair.mains[0]}", math.nan),
        roughness=sum(rough) / len(rough),
        confused_share=min((level["confused_share"] for level in levels), default=math.nan),
        probe=max((level["probe"] or math.nan for level in levels), default=math.nan),
        confused=bool(levels) and all(level["confused"] for level in levels),
    )


def numbers(name: str, words: Sequence[str]) -> list[float]:
    """The values of a flag.

    Raises:
        InputError: one is no number.
    """
    try:
        return [float(word) for word in words]
    except ValueError:
        raise InputError(f"{name} is '{','.join(words)}'; give numbers separated by commas") from None


def roughness(prediction: Tensor) -> float:
    """Mean size of the second differences of a label (k, h, w) across and down."""
    value = prediction.float()
    return sum(float(value.diff(n=2, dim=dim).abs().mean()) for dim in (-2, -1)) / 2


def table(trials: Sequence[Trial]) -> str:
    """The trials as CSV; the first is the one without an adversary."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*asdict(trials[0]), "good"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(trial) | {"good": trial.good(trials[0])} for trial in trials)
    return text.getvalue()


def main(argv: Sequence[str]) -> None:
    """Sweeps, writes OUT/tuning.csv and OUT/pictures.png, and prints the table."""
    arguments = Arguments("tune_adversary.py", __doc__)
    arguments.add("recipe", str, "a recipe with an adversary")
    arguments.add_list("--weights", str, "values of adversary_weight; default: around the usual one", ())
    arguments.add_list("--widths", int, "values of discriminator_width", (0,))
    arguments.add_list("--rates", str, "values of discriminator_lr", ("0",))
    training_arguments(arguments)
    values, faults = arguments.parse(argv)
    if values is None:
        return
    raise_all(faults)
    settings, out = settings_of(values), values.out
    usual = default_weight(settings.adversarial)
    weights = numbers("weights", values.weights) or [usual * 10 ** (power / 2) for power in (-1, 0, 1, 2)]
    rates = numbers("rates", values.rates)
    grid = dict.fromkeys([(0.0, 0, 0.0), *itertools.product(weights, values.widths, rates)])
    combinations = [Trial(*c, math.nan, math.nan) for c in grid if c[0] or not any(c)]
    raise_all([line for trial in combinations for line in trial.adversarial(settings.adversarial).problems()])
    raise_all(Session(settings, out / "phases").problems([values.recipe]))
    photos = spread(open_dataset(settings.pair.target).samples("train", []), _IMAGES)
    trials = [tried(values.recipe, settings, trial, out, photos) for trial in combinations]
    write_text(out / "tuning.csv", table(trials))
    runs = {trial.name: Run(out / trial.name, settings.training.device) for trial in trials}
    task = next(iter(runs.values())).main
    draw_figure(runs, spread(photos, _PICTURES), task, out / "pictures.png")
    print(table(trials))
    print(
        f"pictures: {out / 'pictures.png'}; the strongest good weight that leaves no artefacts there is the one to take"
    )


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        print(f"tune_adversary: error: {error}", file=sys.stderr)
        sys.exit(2)
