from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from headfreeze.adversaries.output import OutputAdversary, output_discriminator
from headfreeze.models.network import Outputs, enlarged
from headfreeze.tasks import make_task
from headfreeze.tasks.base import Task

NORMALS = make_task("normals")
CLASSES = make_task("segmentation", {"classes": ["floor", "wall"]})
N_SOURCE = 2
SIZE = (64, 48)


def outputs() -> Outputs:
    generator = torch.Generator().manual_seed(0)

    def maps(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).requires_grad_()

    return Outputs({"normals": maps(5, 3, 32, 24), "segmentation": maps(5, 2, 32, 24)}, {}, {"up2": maps(5, 6, 16, 12)})


def adversary_of(*tasks: Task, **settings: object) -> OutputAdversary:
    torch.manual_seed(3)
    return OutputAdversary({task.name: task for task in tasks}, width=4, **settings)  # type: ignore[arg-type]


def gradients(loss: Tensor, parameters: Iterable[Tensor]) -> list[Tensor | None]:
    return list(torch.autograd.grad(loss, list(parameters), allow_unused=True))


def by_hand(discriminator: nn.Module, view: Tensor) -> Tensor:
    """The same layers through the functional interface, from the figures of the paper."""
    convolutions = [m for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) == 5
    for number, layer in enumerate(convolutions):
        view = nn.functional.conv2d(view, layer.weight, layer.bias, stride=2, padding=1)
        view = view if number == 4 else torch.where(view > 0, view, 0.2 * view)
    return view


def test_a_discriminator_has_the_papers_five_convolutions() -> None:
    discriminator = output_discriminator(3)
    shapes = [tuple(m.weight.shape) for m in discriminator.modules() if isinstance(m, nn.Conv2d)]
    assert shapes == [(64, 3, 4, 4), (128, 64, 4, 4), (256, 128, 4, 4), (512, 256, 4, 4), (1, 512, 4, 4)]
    view = torch.randn(2, 3, 64, 96)
    assert discriminator(view).shape == (2, 1, 2, 3)
    assert torch.allclose(discriminator(view), by_hand(discriminator, view), atol=1e-6)


def test_it_looks_at_decoded_outputs_at_the_size_of_the_image() -> None:
    seen = outputs()
    views = adversary_of(NORMALS).look(seen, SIZE).views
    expected = nn.functional.normalize(enlarged(seen.maps["normals"], SIZE), dim=1)
    assert list(views) == ["outputs"]
    assert torch.allclose(views["outputs"], expected, atol=1e-4)
    joint = adversary_of(NORMALS, CLASSES).look(seen, SIZE).views["outputs"]
    assert joint.shape == (5, 5, *SIZE)
    assert torch.allclose(joint[:, 3:].sum(1), torch.ones(5, *SIZE), atol=1e-5)


@pytest.mark.parametrize("loss", ["bce", "lsgan"])
def test_both_sides_losses_are_those_of_a_hand_computation(loss: str) -> None:
    adversary = adversary_of(NORMALS, loss=loss, weight=0.25)
    views = adversary.look(outputs(), SIZE).views
    logits = by_hand(adversary.discriminators["outputs"], views["outputs"]).detach().double()
    source, target = logits[:N_SOURCE], logits[N_SOURCE:]
    if loss == "bce":
        fooled, own = torch.log1p(target.exp()).mean(), torch.log1p((-target).exp()).mean()
        source_loss, border = torch.log1p(source.exp()).mean(), 0.0
    else:
        fooled, own = (target**2).mean(), ((target - 1) ** 2).mean()
        source_loss, border = (source**2).mean(), 0.5
    confusion = adversary.confusion(views, N_SOURCE, progress=0.7)
    assert confusion.loss.item() == pytest.approx(0.25 * fooled.item(), rel=1e-5)
    judgement = adversary.discrimination(views, N_SOURCE)
    assert judgement.loss.item() == pytest.approx((source_loss + own).item() / 2, rel=1e-5)
    right = ((source <= border).double().mean() + (target > border).double().mean()) / 2
    assert judgement.accuracy["outputs"].item() == pytest.approx(right.item())


def test_the_networks_loss_moves_no_discriminator_and_reaches_target_outputs_alone() -> None:
    adversary, seen = adversary_of(NORMALS), outputs()
    views = adversary.look(seen, SIZE).views
    loss = adversary.confusion(views, N_SOURCE, 0.5).loss
    loss.backward()
    assert all(p.grad is None for p in adversary.parameters())
    assert all(p.requires_grad for p in adversary.parameters())
    gradient = seen.maps["normals"].grad
    assert gradient is not None
    assert not gradient[:N_SOURCE].any()
    assert gradient[N_SOURCE:].abs().amax((1, 2, 3)).min() > 0


def test_the_discriminators_loss_on_what_was_seen_moves_no_output() -> None:
    adversary, seen = adversary_of(NORMALS), outputs()
    views = {level: view.detach() for level, view in adversary.look(seen, SIZE).views.items()}
    adversary.discrimination(views, N_SOURCE).loss.backward()
    assert seen.maps["normals"].grad is None
    assert all(p.grad is not None and p.grad.any() for p in adversary.discriminators.parameters())


def test_a_second_level_has_outputs_and_a_discriminator_of_its_own_at_a_fifth_of_the_weight() -> None:
    adversary, seen = adversary_of(NORMALS, below=("up2", 6), weight=1.0), outputs()
    look = adversary.look(seen, SIZE)
    assert {level: tuple(view.shape) for level, view in look.views.items()} == {
        "outputs": (5, 3, *SIZE),
        "up2": (5, 3, *SIZE),
    }
    assert look.auxiliary["normals"].shape == (5, 3, 16, 12)
    terms = {
        level: adversary.distance(by_hand(adversary.discriminators[level], view[N_SOURCE:]), 0.0)
        for level, view in look.views.items()
    }
    expected = terms["outputs"] + 0.2 * terms["up2"]
    assert adversary.confusion(look.views, N_SOURCE, 0).loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_alternating_steps_drive_the_targets_outputs_towards_the_sources() -> None:
    """Free maps in place of a network: the source's face up, the target's start facing the viewer."""
    torch.manual_seed(0)
    adversary = OutputAdversary({"normals": NORMALS}, weight=1.0, width=4)
    source = torch.zeros(4, 3, 32, 32)
    source[:, 1] = 1
    target = (torch.tensor([0.0, 0.0, 1.0]).view(1, 3, 1, 1) + 0.01 * torch.randn(4, 3, 32, 32)).requires_grad_()
    network, own = torch.optim.Adam([target], 0.05), torch.optim.Adam(adversary.parameters(), 1e-3)
    for _ in range(60):
        views = adversary.look(Outputs({"normals": torch.cat([source, target])}, {}, {}), (32, 32)).views
        network.zero_grad()
        adversary.confusion(views, 4, 0).loss.backward()
        network.step()
        own.zero_grad()
        adversary.discrimination({k: v.detach() for k, v in views.items()}, 4).loss.backward()
        own.step()
    assert NORMALS.soft(target)[:, 1].mean().item() > 0.3
