"""What an opponent does in its steps, against a plain loop with torch's own Adam."""

import copy

import pytest
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as nnf

from headfreeze.adversaries.build import build_adversary
from headfreeze.adversaries.feature import FeatureAdversary
from headfreeze.adversaries.output import OutputAdversary
from headfreeze.data.augment import PLAIN
from headfreeze.data.batch import DeviceBatch
from headfreeze.models.network import Network, Outputs, OutputSpec
from headfreeze.settings import Adversarial
from headfreeze.tasks import make_task
from headfreeze.tasks.labels import Normals
from headfreeze.training.opponent import Opponent
from headfreeze.training.plan import PhaseData

TASKS = {"normals": make_task("normals")}
RATE, NETWORK_RATE = 3e-3, 7e-3
PROGRESS = (0.0, 0.3, 0.8)
LAMBDA = {"normals": 0.5}
SIZE = 64
N_SOURCE = 2


def outputs(seed: int) -> Outputs:
    generator = torch.Generator().manual_seed(seed)

    def leaf(channels: int, side: int) -> Tensor:
        return torch.randn(4, channels, side, side, generator=generator).requires_grad_()

    return Outputs({"normals": leaf(3, SIZE // 2)}, {}, {"up1": leaf(5, 4), "up2": leaf(6, 8)})


def batch(seed: int) -> DeviceBatch:
    label = nnf.normalize(torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(100 + seed)), dim=1)
    return DeviceBatch(torch.zeros(4, 3, SIZE, SIZE), {("source", "normals"): Normals(label)}, N_SOURCE)


def opponent_of(adversary: nn.Module) -> Opponent:
    data = PhaseData({}, {}, TASKS, ("normals",), PLAIN, 0)
    return Opponent(Fabric(accelerator="cpu", devices=1), adversary, RATE, data)  # type: ignore[arg-type]


def play(opponent: Opponent, accumulate: int = 1) -> list[Outputs]:
    """Three steps; gives what the network gave, with gradients."""
    seen = []
    for step, progress in enumerate(PROGRESS):
        for k in range(accumulate):
            given = outputs(10 * step + k)
            opposed = opponent.oppose(given, batch(10 * step + k), progress, LAMBDA)
            (opposed.loss / accumulate).backward()
            opponent.learn(opposed, N_SOURCE, 1 / accumulate)
            seen.append(given)
        opponent.step(progress, NETWORK_RATE)
    return seen


def bce(logits: Tensor, domain: float) -> Tensor:
    return nnf.binary_cross_entropy_with_logits(logits, torch.full_like(logits, domain))


def unit(value: Tensor) -> Tensor:
    large = nnf.interpolate(value, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return large * (large.square().sum(1, keepdim=True) + 1e-8).rsqrt()


def assert_same(found: nn.Module, expected: nn.Module, start: nn.Module) -> None:
    for one, other, before in zip(found.parameters(), expected.parameters(), start.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=2e-5)  # a step is 1e-4; Adam makes much of rounding
        assert not torch.equal(one, before)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_output_discriminators_and_auxiliary_outputs_take_the_steps_of_adaptsegnet(accumulate: int) -> None:
    torch.manual_seed(0)
    adversary = OutputAdversary(TASKS, weight=0.25, width=4, below=("up2", 6))
    start = copy.deepcopy(adversary)
    mine = copy.deepcopy(adversary)
    judges, auxiliary = mine.discriminators, mine.auxiliary["normals"]
    adam = torch.optim.Adam(judges.parameters(), betas=(0.9, 0.99))
    slow = torch.optim.Adam(auxiliary.parameters(), betas=(0.9, 0.99))
    given = play(opponent_of(adversary), accumulate)
    for step, progress in enumerate(PROGRESS):
        for k in range(accumulate):
            fresh = outputs(10 * step + k)
            low = auxiliary(fresh.features["up2"])
            views = {"outputs": unit(fresh.maps["normals"]), "up2": unit(low)}
            fooling = 0.25 * bce(judges["outputs"](views["outputs"][2:]), 0) + 0.05 * bce(
                judges["up2"](views["up2"][2:]), 0
            )
            label = batch(10 * step + k).labels["source", "normals"].as_subclass(Tensor)
            supervised = (1 - (unit(low)[:2] * label).sum(1)).mean()
            network = (fooling + 0.1 * 0.5 * supervised) / accumulate
            wanted = [fresh.maps["normals"], fresh.features["up2"], *auxiliary.parameters()]
            gradients = torch.autograd.grad(network, wanted)
            at = given[step * accumulate + k]
            torch.testing.assert_close(at.maps["normals"].grad, gradients[0], rtol=1e-4, atol=1e-8)
            torch.testing.assert_close(at.features["up2"].grad, gradients[1], rtol=1e-4, atol=1e-8)
            for parameter, gradient in zip(auxiliary.parameters(), gradients[2:], strict=True):
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
            for level, view in views.items():
                logits = judges[level](view.detach())
                (0.5 * (bce(logits[:2], 0) + bce(logits[2:], 1)) / accumulate).backward()
        adam.param_groups[0]["lr"] = RATE * (1 - progress) ** 0.9
        slow.param_groups[0]["lr"] = NETWORK_RATE
        for optimizer in (adam, slow):
            optimizer.step()
            optimizer.zero_grad()
    assert_same(adversary.discriminators, judges, start.discriminators)
    assert_same(adversary.auxiliary, mine.auxiliary, start.auxiliary)


def test_feature_discriminators_learn_from_the_loss_whose_gradient_the_network_gets_reversed() -> None:
    torch.manual_seed(0)
    adversary = FeatureAdversary({"up1": 5, "up2": 6}, weight=0.3, width=7)
    for parameter in adversary.parameters():  # they begin so near zero that gradients would vanish
        nn.init.normal_(parameter, std=0.3)
    start = copy.deepcopy(adversary)
    judges = copy.deepcopy(adversary).discriminators
    adam = torch.optim.Adam(judges.parameters(), betas=(0.9, 0.99))
    given = play(opponent_of(adversary))
    for step, progress in enumerate(PROGRESS):
        fresh = outputs(10 * step)
        features = [fresh.features[level] for level in ("up1", "up2")]
        logits = [judges[level](fresh.features[level]) for level in ("up1", "up2")]
        loss = sum((bce(value[:2], 0) + bce(value[2:], 1)) / 2 for value in logits)
        assert isinstance(loss, Tensor)
        gradients = torch.autograd.grad(loss, features, retain_graph=True)
        ramp = 2 / (1 + torch.exp(torch.tensor(-10 * progress))) - 1
        for level, gradient in zip(("up1", "up2"), gradients, strict=True):
            torch.testing.assert_close(given[step].features[level].grad, -0.3 * ramp * gradient, rtol=1e-4, atol=1e-8)
        loss.backward(inputs=list(judges.parameters()))
        adam.param_groups[0]["lr"] = RATE * (1 - progress) ** 0.9
        adam.step()
        adam.zero_grad()
    assert_same(adversary.discriminators, judges, start.discriminators)


@pytest.mark.parametrize(
    ("settings", "weights", "widths", "channels"),
    [
        (Adversarial("feature"), 0.1, {"up1": 512, "up2": 512}, 32),
        (Adversarial("feature", 0.7, "up3", discriminator_width=9), 0.7, {"up3": 9}, 32),
        (Adversarial("output"), {"outputs": 0.001}, {"outputs": 64}, 3),
        (Adversarial("output", adversary_loss="lsgan"), {"outputs": 0.01}, {"outputs": 64}, 3),
        (Adversarial("output", adversary_levels="outputs,up2"), {"outputs": 0.001, "up2": 0.0002}, {"up2": 64}, 3),
        (Adversarial("joint"), {"outputs": 0.001}, {"outputs": 64}, 3 + 2),
    ],
    ids=str,
)
def test_the_defaults_are_those_of_the_literature(
    settings: Adversarial, weights: float | dict[str, float], widths: dict[str, int], channels: int
) -> None:
    tasks = TASKS | {"edges": make_task("edges", {"kind": "segmentation", "classes": ["none", "edge"]})}
    network = Network({name: OutputSpec(task.channels) for name, task in tasks.items()}, "tiny", width=32)
    adversary = build_adversary(settings, network, tasks, ["normals"])
    found = adversary.weights if isinstance(adversary, OutputAdversary) else adversary.weight  # type: ignore[attr-defined]
    assert found == pytest.approx(weights)
    for level, width in widths.items():
        first = next(adversary.discriminators[level].parameters())
        assert first.shape[:2] == (width, channels)
    small = build_adversary(settings, network, tasks, ["normals"], tiny=True)
    narrow = settings.discriminator_width or (64 if settings.adversary == "feature" else 16)
    assert all(len(next(judge.parameters())) == narrow for judge in small.discriminators.values())
