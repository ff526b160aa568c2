"""How a network spreads the target's images in the space of its features: guesses from geometry alone."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from headfreeze.data.images import read_image
from headfreeze.data.pair import OpenPair
from headfreeze.evaluation.unlabelled import target_images
from headfreeze.pictures import spread
from headfreeze.run import Run

_PLACES = 16
"""Of every image, at equal distances: with 64 images a thousand features."""
_TEMPERATURE = 0.05
"""τ of Saito et al., §4.1: the same for all of their tasks."""
_SMALLEST = 1e-7
"""ε of Garrido et al., eq. 1."""


def neighbourhood_density(run: Run, pair: OpenPair) -> float:
    """Minus the soft neighbourhood density: how few near neighbours a place of the target has among the others.

    Saito et al., ICCV 2021 (arXiv 2108.10860): features of a network that has adapted lie in dense clusters. NaN where
    the network gives no features.
    """
    features = target_features(run, pair)
    return math.nan if features is None else -density(features)


def effective_rank(run: Run, pair: OpenPair) -> float:
    """Minus the smooth rank of the target's features: how few directions they use.

    RankMe of Garrido et al., ICML 2023 (arXiv 2210.02885), made for self-supervised networks. NaN where the network
    gives no features.
    """
    features = target_features(run, pair)
    return math.nan if features is None else -smooth_rank(features)


def density(features: Float[Tensor, "n c"]) -> float:
    """Mean entropy of each feature's similarity to the others, as a distribution over them: 0 … ln(n − 1)."""
    directions = normalize(features.double())
    likeness = directions @ directions.T / _TEMPERATURE
    likeness.fill_diagonal_(-math.inf)
    logarithms = likeness.log_softmax(1)
    return float(-(logarithms.exp() * logarithms.fill_diagonal_(0)).sum(1).mean())


def smooth_rank(features: Float[Tensor, "n c"]) -> float:
    """exp of the entropy of the singular values: 1 … min(n, c)."""
    values = torch.linalg.svdvals(features.double())
    shares = values / values.sum().clamp_min(_SMALLEST) + _SMALLEST
    return float((-(shares * shares.log()).sum()).exp())


def target_features(run: Run, pair: OpenPair) -> Float[Tensor, "n c"] | None:
    """Features that the output layers read, at places of images of the target; None where the network gives none."""
    found: list[Tensor] = []
    for sample in target_images(pair):
        levels = list(run.outputs(read_image(sample.image)).features.values())
        if not levels:
            return None
        places = levels[-1][0].flatten(1).T.float().cpu()  # (c, h, w) → (places, c)
        found += spread(list(places), _PLACES)
    return torch.stack(found)
