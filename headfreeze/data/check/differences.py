"""How differently labels are distributed in two datasets, and when that is too much for an adversary.

An adversary makes features (or outputs) of both domains look alike. Where the labels themselves are distributed
differently, it takes away what the task needs: Li et al. 2021, arXiv 1908.06079, §5.1, whose adversaries helped on
faces of equal poses and hurt on others.

The limits lie between pairs whose answer is known, 80 images a set at 64 px: ray-cast rooms whose cameras are held
alike and those where one side is level and the other hand-held, faces whose heads turn alike and wide ones against
frontal ones. Measured distances, alike / different: camera pitch ≤ 2.0° / ≥ 9.5°; head's yaw ≤ 3.2° / ≥ 32°, roll ≤
3.0° / ≥ 8.9°, pitch ≤ 4.2° / 2.4° and 8.4° (wide and frontal heads nod alike on the whole); directions of normals in
rooms ≤ 21 % / ≥ 36 %, of faces ≤ 6 % / 13 %; classes ≤ 5 % / 14 %. Of depth no pair was known to differ (alike: ≤
1.07); its limit is a choice.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer
from scipy.stats import wasserstein_distance

from headfreeze.data.check.conventions import NormalsStatistics
from headfreeze.data.check.poses import EDGES_DEG, angles_row
from headfreeze.data.check.statistics import (
    ANGLES,
    DepthStatistics,
    KeypointsStatistics,
    SegmentationStatistics,
    Statistics,
)

CAMERA_DEG, HEAD_DEG = 5.0, 7.0
DIRECTIONS, CLASSES = 0.30, 0.10
DEPTH_FACTOR = 1.5
_FEW_IMAGES = 8
_ENOUGH_IMAGES = 50  # fewer differ by chance
_NAMED_CLASSES = 3
_MIDDLES_DEG = (EDGES_DEG[1:] + EDGES_DEG[:-1]) / 2


@dataclass(frozen=True)
class Difference:
    """One figure of the same task in source and target.

    Attributes:
        what: of which label, such as "normals: camera's pitch".
        source, target: the figure in each.
        distance: between the distributions, with its unit.
        much: whether it is beyond its limit.
    """

    what: str
    source: str
    target: str
    distance: str
    much: bool

    @property
    def line(self) -> str:
        """For the terminal."""
        between = f"{self.source} → {self.target}; " if self.source else ""
        return f"{self.what}: {between}{self.distance}{' (much)' if self.much else ''}"


def differences(name: str, source: Statistics, target: Statistics) -> Iterator[Difference]:
    """How the labels of the task `name` differ between two sets; nothing where one has none."""
    if not source.valid or not target.valid:
        return
    if isinstance(source, NormalsStatistics) and isinstance(target, NormalsStatistics):
        if source.rooms and target.rooms:
            yield from _angles(f"{name}: camera looks up by", source.pitch, target.pitch, CAMERA_DEG)
        moved = _moved(source.directions, target.directions)
        much = moved > DIRECTIONS and min(source.images, target.images) >= _ENOUGH_IMAGES
        yield Difference(f"{name}: directions", "", "", f"{moved:.0%} of the pixels lie elsewhere", much)
    elif isinstance(source, KeypointsStatistics) and isinstance(target, KeypointsStatistics):
        for angle, ours, theirs in zip(ANGLES, source.poses, target.poses, strict=True):
            yield from _angles(f"{name}: head's {angle}", ours, theirs, HEAD_DEG)
    elif isinstance(source, DepthStatistics) and isinstance(target, DepthStatistics):
        shares = np.linspace(0.05, 0.95, 19)
        ratios = [abs(math.log(source.quantile_m(share) / target.quantile_m(share))) for share in shares]
        factor = math.exp(float(np.mean(ratios)))
        ours, theirs = (f"median {each.quantile_m(0.5):.3g} m" for each in (source, target))
        yield Difference(name, ours, theirs, f"quantiles differ by a factor of {factor:.2f}", factor > DEPTH_FACTOR)
    elif isinstance(source, SegmentationStatistics) and isinstance(target, SegmentationStatistics):
        yield _classes(name, source, target)


def advice(found: list[Difference]) -> Iterator[str]:
    """What to do where labels are distributed much differently."""
    if much := [each.what for each in found if each.much]:
        yield (
            f"labels are distributed much differently ({', '.join(much)}): adversaries hurt there; use headfreeze or"
            " mtl-both rather than recipes with -da, or make a source whose cameras and poses are the target's"
        )


def _angles(
    what: str, source: Integer[np.ndarray, " steps"], target: Integer[np.ndarray, " steps"], limit_deg: float
) -> Iterator[Difference]:
    """The mean angle by which one distribution has to be turned into the other; nothing from a few images."""
    if min(source.sum(), target.sum()) < _FEW_IMAGES:
        return
    distance = float(wasserstein_distance(_MIDDLES_DEG, _MIDDLES_DEG, source, target))
    yield Difference(what, angles_row(source), angles_row(target), f"{distance:.1f}° apart", distance > limit_deg)


def _moved(source: Integer[np.ndarray, "*n"], target: Integer[np.ndarray, "*n"]) -> float:
    """Total variation: the share that lies elsewhere."""
    return float(np.abs(source / source.sum() - target / target.sum()).sum() / 2)


def _classes(name: str, source: SegmentationStatistics, target: SegmentationStatistics) -> Difference:
    moved = _moved(source.counts, target.counts)
    change = {each: target.shares[each] - share for each, share in source.shares.items()}
    largest = sorted(change, key=lambda each: -abs(change[each]))[:_NAMED_CLASSES]
    named = ", ".join(f"{each} {source.shares[each]:.0%} → {target.shares[each]:.0%}" for each in largest)
    return Difference(name, "", "", f"classes differ in {moved:.0%} of the pixels, most: {named}", moved > CLASSES)
