"""How good is a run on the target? Guesses that need no label of the main task there; lower is better for all.

Musgrave, Belongie, Lim (arXiv 2208.07360) compare many for classification and find simple ones hard to beat.
docs/search.md and docs/select.md say how well these did here. None opens the target's main labels, and none its test
split.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as transform

from headfreeze.data.images import read_image
from headfreeze.data.pair import OpenPair
from headfreeze.data.photometric import photometric
from headfreeze.evaluation.diversity import effective_rank, neighbourhood_density
from headfreeze.evaluation.evaluate import own_metric, score_run
from headfreeze.evaluation.stylised import error_on_source, stylised_error
from headfreeze.evaluation.turned import pitch_of
from headfreeze.evaluation.unlabelled import badness, split_with, target_images, together
from headfreeze.run import Run

_SEED = 0

Validator = Callable[[Run, OpenPair], float]
"""A run and the pair that it was trained on to a number; NaN where recipe or data leave nothing to judge by."""


def source_loss(run: Run, pair: OpenPair) -> float:
    """Loss of the main task on the source's val split, as the run's last validation found it.

    "Source validation" of Ganin & Lempitsky, ICML 2015 (arXiv 1409.7495, §4); blind to the gap between the domains.
    Where the anchors tell that cameras are pitched otherwise, it is the main task's score on some of those images,
    turned as the target's are: else it would prefer networks for the source's cameras. NaN without a val split.
    """
    loss = run.card.phases[-1]["validation"].get(f"val_source_{run.main.name}")
    if loss is None:
        return math.nan
    return error_on_source(run, pair, lambda image: image) if pitch_of(pair, run) else float(loss)


def anchor_error(run: Run, pair: OpenPair) -> float:
    """The anchor's error on the target: its own score, on the val split where it has labels, else on train.

    Li et al., WACV 2021 (arXiv 1908.06079, §4), stop their first phase by both tasks' errors. On train it also
    measures how well the anchor's labels were learnt by heart. NaN for a recipe that never trains the anchor. Several
    anchors count alike, see `together`.
    """
    target = pair.datasets["target"]
    trained = {anchor.name: anchor for anchor in pair.anchors if anchor.name in run.trained}
    found: dict[str, dict[str, float]] = {}
    for split in ("val", "train"):
        wanted = {name: task for name, task in trained.items() if split_with(pair, "target", name) == split}
        if wanted:
            scores = score_run(run, target, split, wanted, by_classes=False)
            found |= scores.metrics
    return together([(task, found[name]) for name, task in trained.items()])


def flip_consistency(run: Run, pair: OpenPair) -> float:
    """How far predictions of the main task on mirrored target images are from the mirrored predictions.

    Agreement under transformations is the loss of Sajjadi et al., NeurIPS 2016 (arXiv 1606.04586). A network that says
    the same of every image agrees with itself perfectly.
    """
    return _consistency(run, pair, lambda image: image.flip(-1), transform.horizontal_flip)


def photometric_consistency(run: Run, pair: OpenPair) -> float:
    """How far predictions of the main task on target images in another light are from those on the images as they are.

    As `flip_consistency`, with the photometric augmentation of training, the same draws for every run.
    """
    generator = torch.Generator().manual_seed(_SEED)

    def relit(image: Tensor) -> Tensor:
        changed = photometric(image[None].float() / 255, generator)[0]
        return (changed * 255).round().byte()

    return _consistency(run, pair, relit, lambda label: label)


def domain_accuracy(run: Run, pair: OpenPair) -> float:
    """How well fresh discriminators tell the domains apart by what an adversary of the last phase has looked at.

    The proxy A-distance of Ben-David et al., NIPS 2006, is 4 (accuracy − ½). The mean over the adversary's levels; NaN
    without an adversary, or with fewer than 64 images of a domain.
    """
    del pair
    levels = run.card.phases[-1].get("adversary", {}).get("levels", {})
    found = [level["probe"] for level in levels.values()]
    return math.nan if not found or None in found else sum(found) / len(found)


VALIDATORS: dict[str, Validator] = {
    validator.__name__: validator
    for validator in (
        source_loss,
        stylised_error,
        anchor_error,
        flip_consistency,
        photometric_consistency,
        domain_accuracy,
        neighbourhood_density,
        effective_rank,
    )
}


def _consistency(
    run: Run, pair: OpenPair, change: Callable[[Tensor], Tensor], undo: Callable[[Tensor], Tensor]
) -> float:
    """The main task's own score of predictions on changed images, as if those on the unchanged ones were true."""
    total = own_metric(run.main)
    for sample in target_images(pair):
        image = torch.from_numpy(read_image(sample.image)).permute(2, 0, 1)
        plain = run.predict(image.permute(1, 2, 0).numpy())[run.main.name]
        changed = run.predict(change(image).permute(1, 2, 0).contiguous().numpy())[run.main.name]
        total.update(undo(changed)[None], plain[None])
    return badness(run.main, total.compute())
