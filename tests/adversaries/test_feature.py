import numpy as np
import pytest
import torch
from torch import Tensor

from headfreeze.adversaries.feature import FeatureAdversary, feature_discriminator
from headfreeze.adversaries.reversal import ramp
from headfreeze.models.network import Outputs

SHAPES = {"up1": (5, 4, 3, 3), "up2": (5, 6, 6, 5)}
N_SOURCE = 2


def features() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {level: torch.randn(shape, generator=generator) for level, shape in SHAPES.items()}


def opinionated(width: int = 8, weight: float = 0.1) -> FeatureAdversary:
    """Its discriminators start with opinions, unlike fresh ones, whose weights are near zero."""
    adversary = FeatureAdversary({level: shape[1] for level, shape in SHAPES.items()}, weight, width)
    generator = torch.Generator().manual_seed(2)
    for parameter in adversary.parameters():
        parameter.data.normal_(std=0.5, generator=generator)
    return adversary


def numpy_logits(adversary: FeatureAdversary, level: str, view: Tensor) -> np.ndarray:
    values = [p.detach().double().numpy() for p in adversary.discriminators[level].parameters()]
    hidden = np.einsum("oc,bchw->bohw", values[0][..., 0, 0], view.double().numpy()) + values[1][:, None, None]
    return np.einsum("oc,bchw->bohw", values[2][..., 0, 0], np.maximum(hidden, 0)) + values[3][:, None, None]


def test_the_loss_is_the_cross_entropy_of_every_place_with_each_domain_counted_as_half() -> None:
    adversary, views = opinionated(), features()
    expected, right = 0.0, {}
    for level, view in views.items():
        logits = numpy_logits(adversary, level, view)
        says_target = 1 / (1 + np.exp(-logits))
        source, target = says_target[:N_SOURCE], says_target[N_SOURCE:]
        expected += -(np.log(1 - source).mean() + np.log(target).mean()) / 2
        right[level] = ((source <= 0.5).mean() + (target > 0.5).mean()) / 2
    judgement = adversary.confusion(views, N_SOURCE, progress=0.5)
    assert judgement.loss.item() == pytest.approx(expected, rel=1e-5)
    assert {level: float(value) for level, value in judgement.accuracy.items()} == pytest.approx(right)


def test_it_looks_at_the_features_that_it_is_told_to() -> None:
    adversary = FeatureAdversary({"up2": 6}, width=8)
    outputs = Outputs({}, {}, features())
    assert list(adversary.look(outputs, (12, 10)).views) == ["up2"]


@pytest.mark.parametrize("progress", [0.0, 0.2, 1.0])
def test_features_get_the_discriminators_gradient_reversed_and_ramped(progress: float) -> None:
    adversary, views = opinionated(weight=0.1), {k: v.requires_grad_() for k, v in features().items()}
    plain = torch.autograd.grad(adversary.discrimination(views, N_SOURCE).loss, list(views.values()))
    turned = torch.autograd.grad(adversary.confusion(views, N_SOURCE, progress).loss, list(views.values()))
    for one, other in zip(plain, turned, strict=True):
        assert torch.allclose(other, -0.1 * ramp(progress) * one, atol=1e-9)
        assert one.abs().max() > 1e-4


def test_the_discriminators_gradient_is_neither_reversed_nor_weighted() -> None:
    adversary, views = opinionated(), features()
    parameters = list(adversary.parameters())
    plain = torch.autograd.grad(adversary.discrimination(views, N_SOURCE).loss, parameters)
    shared = torch.autograd.grad(adversary.confusion(views, N_SOURCE, 0.1).loss, parameters)
    assert all(torch.equal(one, other) for one, other in zip(plain, shared, strict=True))


def test_a_discriminator_is_two_pointwise_convolutions_that_start_near_zero() -> None:
    torch.manual_seed(0)
    discriminator = feature_discriminator(7, 512)
    assert discriminator(torch.randn(2, 7, 4, 3)).shape == (2, 1, 4, 3)
    assert [tuple(p.shape) for p in discriminator.parameters()] == [(512, 7, 1, 1), (512,), (1, 512, 1, 1), (1,)]
    weights = torch.cat([p.flatten() for p in discriminator.parameters() if p.ndim > 1])
    assert weights.std().item() == pytest.approx(0.001, rel=0.05)


def test_the_discriminators_learn_to_tell_what_can_be_told() -> None:
    adversary = FeatureAdversary({"up1": 4}, width=16)
    optimizer = torch.optim.Adam(adversary.parameters(), lr=1e-2)
    views = {"up1": torch.randn(8, 4, 5, 5) + torch.tensor([-1.0] * 4 + [1.0] * 4).view(8, 1, 1, 1)}
    for _ in range(100):
        judgement = adversary.confusion(views, 4, 1.0)
        judgement.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert float(judgement.accuracy["up1"]) > 0.95
