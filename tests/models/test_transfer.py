"""Two networks and a transfer: what goes where, and that a transfer learns what there is to learn."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from headfreeze.data.batch import DeviceBatch
from headfreeze.errors import InputError
from headfreeze.models.freeze import Freeze
from headfreeze.models.network import Network, Outputs, OutputSpec
from headfreeze.models.transfer import BRANCHES, LevelTransfer, TransferNetwork, made_and_wanted
from headfreeze.training.parts.transfer import FeatureDistance

ANCHOR, MAIN = {"faces": OutputSpec(5, vector_channels=2)}, {"normals": OutputSpec(3, vector_channels=4)}
SIZES = [(32, 32), (37, 50), (16, 17)]


def network(outputs: dict[str, OutputSpec], seed: int, backbone: str = "tiny", norm: str = "shared") -> Network:
    torch.manual_seed(seed)
    made = Network(outputs, backbone, width=8, norm=norm)
    for module in made.modules():  # batch statistics and affine maps that are not those of a fresh layer
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return made


def two(norm: str = "shared", backbone: str = "tiny") -> TransferNetwork:
    return TransferNetwork(network(ANCHOR, 1, backbone, norm), network(MAIN, 2, backbone, norm))


def images(height: int = 32, width: int = 32, count: int = 4, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


def same(one: Outputs, other: Outputs) -> None:
    for ours, theirs in ((one.maps, other.maps), (one.vectors, other.vectors), (one.features, other.features)):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(
    ("backbone", "norm", "height", "width"),
    [
        *(("tiny", norm, *size) for norm in ("shared", "per_domain") for size in SIZES),
        ("resnet18", "shared", 37, 50),
        ("convnext_atto", "shared", 64, 32),
    ],
)
@torch.no_grad()
def test_with_equal_networks_and_a_transfer_that_changes_nothing_it_is_the_plain_network_to_the_bit(
    backbone: str, norm: str, height: int, width: int
) -> None:
    plain = network(MAIN | ANCHOR, 3, backbone, norm).eval()
    composed = two(norm, backbone).eval()
    for branch in (composed.anchor, composed.main):
        branch.load_state_dict({name: plain.state_dict()[name] for name in branch.state_dict()})
    composed.transfer = nn.ModuleList(nn.Identity() for _ in composed.transfer)
    same(composed(images(height, width), 3), plain(images(height, width), 3))
    assert composed.channels == plain.channels
    assert composed.strides == plain.strides
    assert composed.coarsest_stride == plain.coarsest_stride


@torch.no_grad()
def test_the_main_task_comes_through_the_transfer_and_the_anchor_from_its_own_network() -> None:
    composed = two().eval()
    image = images()
    found, anchor = composed(image), composed.anchor(image)
    assert torch.equal(found.maps["faces"], anchor.maps["faces"])
    assert torch.equal(found.vectors["faces"], anchor.vectors["faces"])
    made = [g(level) for g, level in zip(composed.transfer, composed.anchor.encode(image), strict=True)]
    by_hand = composed.main.decode(made, (32, 32))
    assert torch.equal(found.maps["normals"], by_hand.maps["normals"])
    assert torch.equal(found.vectors["normals"], by_hand.vectors["normals"])
    assert not torch.allclose(found.maps["normals"], composed.main(image).maps["normals"])


@torch.no_grad()
def test_the_main_tasks_encoder_is_not_asked() -> None:
    composed = two().eval()
    before = composed(images())
    for value in composed.main.backbone.state_dict().values():
        value.fill_(torch.nan if value.is_floating_point() else 0)
    same(composed(images()), before)


@pytest.mark.parametrize("branch", BRANCHES[:2])
def test_a_branch_that_is_trained_computes_its_own_and_nothing_else(branch: str) -> None:
    composed = two()
    composed.branch = branch
    asked: list[nn.Module] = []
    for module in composed.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda module, *_: asked.append(module))
    found = composed(images(), 2)
    own = composed.get_submodule(branch)
    assert {id(m) for m in asked} <= {id(m) for m in own.modules()}
    assert list(found.maps) == list(MAIN if branch == "main" else ANCHOR)


def test_while_the_transfer_is_trained_it_gives_both_features_and_predicts_between() -> None:
    composed = two()
    composed.branch = "transfer"
    with Freeze(composed, only="transfer"):
        composed.train()
        pairs = made_and_wanted(composed(images(), 4))
        with torch.no_grad():
            levels, wanted = composed.anchor.encode(images()), composed.main.encode(images())
        assert len(pairs) == len(levels) == 4
        for (made, goal), transfer, level, own in zip(pairs, composed.transfer, levels, wanted, strict=True):
            assert torch.equal(made, transfer(level))
            assert torch.equal(goal, own)
            assert made.requires_grad
            assert not goal.requires_grad
        assert set(composed.eval()(images()).maps) == {"faces", "normals"}


@pytest.mark.parametrize("only", BRANCHES)
def test_all_but_one_branch_is_frozen_and_stays_in_eval_mode(only: str) -> None:
    composed = two()
    with Freeze(composed, only=only) as freeze:
        composed.train()
        own = composed.get_submodule(only)
        assert {id(p) for p in Freeze.trainable(composed)} == {id(p) for p in own.parameters()}
        assert all(m.training == (m in set(own.modules())) for m in composed.modules() if m is not composed)
        with torch.no_grad():
            next(own.parameters()).add_(1)
        freeze.verify()
        with torch.no_grad():
            next(p for p in composed.parameters() if not p.requires_grad).add_(1)
        with pytest.raises(RuntimeError, match="frozen tensors have changed"):
            freeze.verify()
    assert all(p.requires_grad for p in composed.parameters())


def test_a_branch_that_is_none_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match="unknown stage 'mian': did you mean 'main'"):
        Freeze(two(), only="mian")


@torch.no_grad()
def test_one_word_tells_both_networks_which_domain_they_see() -> None:
    composed = two("per_domain").eval()
    source = composed(images()).maps
    for module in composed.modules():
        if type(module).__name__ == "DomainNorm":
            module.target.running_mean += 0.3
    composed.domain = "target"
    target = composed(images()).maps
    assert all(not torch.allclose(source[name], target[name]) for name in source)
    mixed = composed(images(), 1).maps  # the first from the source, the others not
    for name in source:
        torch.testing.assert_close(mixed[name], torch.cat([source[name][:1], target[name][1:]]))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (7, 5), (24, 24)])
def test_a_level_of_any_size_keeps_it(height: int, width: int) -> None:
    features = torch.rand(2, 6, height, width)
    assert LevelTransfer(6, 4)(features).shape == features.shape


class LinearlyRelated(nn.Module):
    """A backbone's levels, each through a fixed linear map of its channels."""

    def __init__(self, body: nn.Module, channels: Sequence[int]) -> None:
        super().__init__()
        self.body = body
        self.maps = nn.ModuleList(nn.Conv2d(c, c, 1) for c in channels)
        for layer in self.maps:
            assert isinstance(layer, nn.Conv2d)
            nn.init.orthogonal_(layer.weight)

    def forward(self, image: Tensor) -> list[Tensor]:
        return [layer(level) for layer, level in zip(self.maps, self.body(image), strict=True)]


def related() -> TransferNetwork:
    """The main task's features are a linear map of the anchor's; all but the transfer is fixed."""
    composed = two()
    related = LinearlyRelated(composed.anchor.backbone.body, composed.main.backbone.channels)
    composed.main.backbone.body = related
    for module in (composed.anchor, composed.main):
        module.requires_grad_(False)
    composed.branch = "transfer"
    return composed.eval()


def distance(composed: TransferNetwork, image: Tensor) -> Tensor:
    """As in training, when both networks are frozen and in eval mode."""
    composed.training = True
    outputs = composed(image)
    composed.training = False
    return FeatureDistance().losses(outputs, DeviceBatch(image, {}, len(image)), 0.0, {})["loss_transfer"]


def output_error(composed: TransferNetwork, image: Tensor) -> float:
    """How far the main task through the transfer is from what its own network gives, as a share of its variance."""
    with torch.no_grad():
        found, wanted = composed(image).maps["normals"], composed.main(image).maps["normals"]
    return float((found - wanted).square().mean() / wanted.var())


@pytest.mark.parametrize(("height", "width"), [(2, 2), (1, 1), (3, 2), (2, 1)])
def test_half_precision_has_finite_gradients_on_maps_of_a_pixel(height: int, width: int) -> None:
    """Whatever memory held before: a kernel of stride 2 does not write all that it reads of maps one pixel wide."""
    level = LevelTransfer(16, 8)
    nn.init.normal_(level.up2[-1].weight)
    features = torch.randn(4, 16, height, width).contiguous(memory_format=torch.channels_last)
    for _ in range(10):
        with torch.autocast("cpu", torch.bfloat16):
            made = level(features)
        held = [torch.full((2**size,), torch.nan) for size in range(6, 19) for _ in range(8)]
        del held
        made.float().square().sum().backward()
        assert all(bool(value.grad.isfinite().all()) for value in level.parameters() if value.grad is not None)


def test_a_linear_map_of_the_anchors_features_put_in_by_hand_is_a_perfect_transfer() -> None:
    composed = related()
    body = composed.main.backbone.body
    assert isinstance(body, LinearlyRelated)
    for transfer, known in zip(composed.transfer, body.maps, strict=True):
        transfer.past.load_state_dict(known.state_dict())
    assert float(distance(composed, images()).detach()) < 1e-10
    assert output_error(composed, images()) < 1e-8


def test_a_linear_map_of_the_anchors_features_is_learnt() -> None:
    composed = related()
    steps, new = 250, images(16, 16, seed=999)
    before, started = output_error(composed, new), float(distance(composed, new).detach())
    optimizer = torch.optim.Adam(composed.transfer.parameters(), lr=1e-2)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        optimizer.zero_grad()
        distance(composed, images(16, 16, seed=step)).backward()
        optimizer.step()
        rates.step()
    ended = float(distance(composed, new).detach())
    assert ended < 0.02 < 0.5 < started
    assert output_error(composed, new) < 0.1 * before


def test_the_distance_is_a_share_of_the_wanted_features_in_closed_form() -> None:
    wanted = [torch.randn(2, 3, 4, 4), 1000 * torch.randn(2, 5, 2, 2)]
    made = [2 * wanted[0], torch.zeros_like(wanted[1])]  # both are as far off as the features are large
    features = {f"made{i}": level for i, level in enumerate(made)} | {f"wanted{i}": w for i, w in enumerate(wanted)}
    batch = DeviceBatch(torch.zeros(2, 3, 8, 8), {}, 2)
    loss = FeatureDistance().losses(Outputs({}, {}, features), batch, 0.0, {})["loss_transfer"]
    assert float(loss) == pytest.approx(1.0)
    features["made0"] = 1.5 * wanted[0]
    loss = FeatureDistance().losses(Outputs({}, {}, features), batch, 0.0, {})["loss_transfer"]
    assert float(loss) == pytest.approx((0.25 + 1) / 2)


def test_it_can_be_exported() -> None:
    composed = two().eval()
    program = torch.export.export(composed, (images(),))
    with torch.no_grad():
        found, wanted = program.module()(images()), composed(images())
    for name in wanted.maps:
        torch.testing.assert_close(found.maps[name], wanted.maps[name])
