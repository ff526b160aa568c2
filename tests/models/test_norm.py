import copy

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from headfreeze.errors import InputError
from headfreeze.models.freeze import Freeze
from headfreeze.models.network import Network, OutputSpec
from headfreeze.models.norm import DomainNorm

BACKBONES = ["tiny", "resnet18", "tf_efficientnet_lite0"]


def small(norm: str, backbone: str = "tiny") -> Network:
    torch.manual_seed(0)
    return Network({"normals": OutputSpec(3)}, backbone, width=16, norm=norm).train()


def images(seed: int, number: int = 4) -> Tensor:
    return torch.rand(number, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def normals(network: Network, batch: Tensor, n_source: int | None = None) -> Tensor:
    return network(batch, n_source).maps["normals"]


def statistics(network: nn.Module, part: str = "") -> dict[str, Tensor]:
    return {n: b.clone() for n, b in network.named_buffers() if "running" in n and part in n}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def test_an_unknown_policy_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown norm 'per-domain': did you mean 'per_domain'"):
        small("per-domain")


def test_shared_statistics_are_those_of_the_whole_batch_whatever_the_split() -> None:
    split, whole = small("shared"), small("shared")
    assert torch.equal(normals(split, images(1), n_source=2), normals(whole, images(1)))
    assert same(statistics(split), statistics(whole))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_frozen_statistics_never_change_and_training_mode_makes_no_difference(backbone: str) -> None:
    network = small("frozen", backbone)
    for module in network.modules():  # drop path and the like are no norm
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    before = statistics(network)
    for module in network.modules():
        module.train()
    trained = normals(network, images(1))
    assert same(statistics(network), before)
    assert torch.equal(trained, normals(network.eval(), images(1)))


def test_frozen_norms_of_the_backbone_are_not_trained_but_the_new_ones_of_the_decoder_are() -> None:
    network = small("frozen", "resnet18")
    norms = {n: m for n, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert {n.partition(".")[0] for n, m in norms.items() if m.weight.requires_grad} == {"up1", "up2", "up3"}
    assert all(p.requires_grad for n, p in network.named_parameters() if "conv" in n)


def test_frozen_and_shared_checkpoints_have_the_same_names() -> None:
    assert small("frozen").state_dict().keys() == small("shared").state_dict().keys()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_per_domain_norm_is_one_network_for_each_domain_with_the_same_convolutions(backbone: str) -> None:
    """Against two plain networks, one fed the source images and one the target's."""
    both, source, target = small("per_domain", backbone), small("shared", backbone), small("shared", backbone)
    for step in range(3):
        ours = normals(both, torch.cat([images(step), images(step + 100)]), n_source=4)
        theirs = torch.cat([normals(source, images(step)), normals(target, images(step + 100))])
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)
    for domain, alone in (("source", source), ("target", target)):
        own = {n.replace(f".{domain}.", "."): b for n, b in statistics(both, f".{domain}.").items()}
        torch.testing.assert_close(own, statistics(alone))
        both.eval().domain = domain
        torch.testing.assert_close(normals(both, images(7)), normals(alone.eval(), images(7)), atol=1e-5, rtol=1e-4)


def test_source_images_never_reach_the_targets_statistics() -> None:
    network = small("per_domain")
    normals(network, images(1), n_source=2)
    before = statistics(network, ".target.")
    normals(network, images(2))
    normals(network, images(3), n_source=4)
    assert same(statistics(network, ".target."), before)
    before = statistics(network, ".source.")
    normals(network, images(4), n_source=0)
    assert same(statistics(network, ".source."), before)
    assert not same(statistics(network, ".target."), before)


def test_images_of_one_domain_give_no_gradient_to_the_others_norm() -> None:
    network = small("per_domain")
    normals(network, images(1), n_source=2)[:2].square().sum().backward()
    reached = {n for n, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert any(".source.weight" in n for n in reached)
    assert not any(".target." in n for n in reached)


def test_until_the_target_was_trained_on_its_images_are_normalised_as_source_images() -> None:
    network = small("per_domain")
    normals(network, images(1))
    network.eval()
    as_source = normals(network, images(2))
    network.domain = "target"
    assert torch.equal(normals(network, images(2)), as_source)


def test_the_target_starts_from_a_copy_of_the_sources_norm() -> None:
    network = small("per_domain")
    for step in range(3):
        normals(network, images(step))
    plain = small("shared")
    for step in range(3):
        normals(plain, images(step))
    torch.testing.assert_close(normals(network, images(9), n_source=0), normals(plain, images(9)))
    own = {n.replace(".target.", "."): b for n, b in statistics(network, ".target.").items()}
    torch.testing.assert_close(own, statistics(plain))


@pytest.mark.parametrize("by_hand", [False, True])
def test_training_goes_on_from_a_checkpoint_of_a_started_target(by_hand: bool) -> None:
    """A target that has started is not overwritten by the source when training resumes."""
    network, other = small("per_domain"), small("per_domain")
    normals(network, images(1), n_source=2)
    if by_hand:  # as averages of weights do; their mode is set before they are used
        for mine, theirs in zip(other.state_dict().values(), network.state_dict().values(), strict=True):
            mine.copy_(theirs)
        other.train()
    else:
        other.load_state_dict(network.state_dict())
    for each in (network, other):
        normals(each, images(3), n_source=2)
        each.eval().domain = "target"
    as_target = normals(other, images(2))
    assert torch.equal(as_target, normals(network, images(2)))
    other.domain = "source"
    assert not torch.equal(as_target, normals(other, images(2)))


def test_averages_of_weights_follow_the_start_of_the_target() -> None:
    """An average that is older than the target's start must not mix its statistics with those of a new layer."""
    network = small("per_domain")
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.5), use_buffers=True)
    for step in range(20):
        normals(network, images(step) * 0.1, n_source=4 if step < 18 else 2)
        network.eval().train()  # as validation does
        average.update_parameters(network)
    stem = next(m for m in average.module.eval().modules() if isinstance(m, DomainNorm))
    assert stem.target_started
    torch.testing.assert_close(stem.target.running_var, stem.source.running_var, rtol=0.2, atol=0)


def test_a_copy_of_a_started_network_is_as_far_as_the_original() -> None:
    network = small("per_domain")
    normals(network, images(1), n_source=2)
    other = copy.deepcopy(network).eval()
    network.eval().domain = other.domain = "target"
    assert torch.equal(normals(other, images(2)), normals(network, images(2)))


def test_a_frozen_head_that_never_saw_the_target_treats_it_as_source() -> None:
    network = small("per_domain")
    normals(network, images(1))
    with Freeze(network, after="up2") as freeze:
        network.train()
        normals(network, images(2), n_source=2)
        freeze.verify()
    started = {n for n, m in network.named_modules() if isinstance(m, DomainNorm) and m.target_started}
    assert "up2.norm" in started
    assert "up3.norm" not in started


def test_a_network_without_batch_norm_is_left_as_it_is() -> None:
    plain, domains = small("shared", "convnext_atto"), small("per_domain", "convnext_atto")
    assert plain.backbone.state_dict().keys() == domains.backbone.state_dict().keys()


def test_the_end_of_a_freeze_leaves_frozen_norms_frozen() -> None:
    network = small("frozen", "resnet18")
    with Freeze(network, after="backbone"):
        pass
    network.train()
    assert network.up3.training
    assert not network.up3.norm.training
    assert not network.backbone.body.bn1.weight.requires_grad


@pytest.mark.parametrize("n_source", [-1, 5])
def test_a_split_outside_the_batch_is_refused(n_source: int) -> None:
    with pytest.raises(ValueError, match=f"n_source is {n_source}, but the batch holds 4 images"):
        normals(small("per_domain"), images(1), n_source)
