"""Diversity of features against closed forms."""

import math
from pathlib import Path

import pytest
import torch

from headfreeze.data.pair import open_pair
from headfreeze.evaluation.diversity import (
    density,
    effective_rank,
    neighbourhood_density,
    smooth_rank,
    target_features,
)
from headfreeze.run import Run
from tests.runs import pair_of
from tests.worlds import TinyPair


def test_density_is_the_entropy_over_the_others() -> None:
    assert density(torch.eye(7)) == pytest.approx(math.log(6)), "all others are as near: uniform over six"
    assert density(torch.eye(7) * torch.arange(1.0, 8)[:, None]) == pytest.approx(math.log(6)), "lengths say nothing"
    pairs = torch.eye(3).repeat_interleave(2, 0)  # each has one twin, which is all its neighbourhood at τ = 0.05
    assert density(pairs) == pytest.approx(0, abs=1e-6)
    clusters = torch.eye(2).repeat_interleave(5, 0)
    assert density(clusters) == pytest.approx(math.log(4), abs=1e-5)


def test_smooth_rank_counts_directions() -> None:
    assert smooth_rank(torch.eye(5)) == pytest.approx(5, abs=1e-3)
    assert smooth_rank(torch.ones(9, 4)) == pytest.approx(1, abs=1e-3)
    two = torch.diag(torch.tensor([3.0, 1.0]))
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert smooth_rank(two) == pytest.approx(math.exp(entropy), abs=1e-3)
    assert math.isfinite(smooth_rank(torch.zeros(4, 3)))


def test_features_are_what_the_output_layers_read(tiny_pair: TinyPair, normals_run: Path) -> None:
    run = Run(normals_run, "cpu")
    pair, _ = open_pair(pair_of(tiny_pair))
    assert pair is not None
    features = target_features(run, pair)
    assert features is not None
    assert features.shape == (6 * 16, 8), "six images of val, 16 places, 8 channels of the decoder"
    assert neighbourhood_density(run, pair) == -density(features)
    assert effective_rank(run, pair) == -smooth_rank(features)
