import copy
import pickle
from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from headfreeze.errors import InputError
from headfreeze.models.freeze import Freeze, Staged
from headfreeze.models.network import Network, OutputSpec

POINTS = {
    "backbone": ["up1", "up2", "up3", "outputs"],
    "up1": ["up2", "up3", "outputs"],
    "up2": ["up3", "outputs"],
    "up3": ["outputs"],
}


def small(backbone: str = "tiny") -> Network:
    torch.manual_seed(0)
    return Network({"normals": OutputSpec(3), "pose": OutputSpec(2, vector_channels=4)}, backbone, width=16)


def images() -> Tensor:
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def loss(network: nn.Module) -> Tensor:
    maps, vectors, _ = network(images())
    return torch.stack([(t - 1).square().mean() for t in [*maps.values(), *vectors.values()]]).sum()


def steps(network: nn.Module, number: int = 3) -> None:
    optimizer = torch.optim.AdamW(Freeze.trainable(network), lr=1e-2, weight_decay=0.1)
    for _ in range(number):
        optimizer.zero_grad()
        loss(network).backward()
        optimizer.step()


def tensors(network: Network, stages: Sequence[str]) -> dict[str, Tensor]:
    """Copies of all parameters and buffers of these stages."""
    return {
        f"{stage}.{i}.{name}": tensor.clone()
        for stage in stages
        for i, module in enumerate(network.stages[stage])
        for name, tensor in module.state_dict().items()
    }


def changed(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


class Mine(nn.Module):
    """A user's own network: three stages, dropout in the last."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.neck = nn.Conv2d(4, 4, 1)
        self.head = nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 1, 1))

    @property
    def stages(self) -> dict[str, list[nn.Module]]:
        return {"body": [self.body], "neck": [self.neck], "head": [self.head]}

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.neck(self.body(image)))


@pytest.mark.parametrize("after", POINTS)
def test_training_with_weight_decay_leaves_every_frozen_tensor_as_it_was_and_moves_every_other(after: str) -> None:
    network = small().train()
    steps(network, 1)
    frozen, free = POINTS[after], [s for s in network.stages if s not in POINTS[after]]
    before, before_free = tensors(network, frozen), tensors(network, free)
    freeze = Freeze(network, after)
    network.train()
    steps(network)
    assert not changed(before, tensors(network, frozen))
    assert changed(before_free, tensors(network, free)) == before_free.keys()
    freeze.verify()


def test_the_skip_weights_of_a_frozen_level_are_frozen_and_those_below_are_not() -> None:
    network = small()
    Freeze(network, "up2")
    assert not network.up3.skip.weight.requires_grad
    assert network.up2.skip.weight.requires_grad
    assert network.up1.skip.weight.requires_grad
    assert network.top.weight.requires_grad
    assert not any(p.requires_grad for p in network.vectors.parameters())


def test_gradients_pass_through_the_frozen_head_and_are_those_of_the_unfrozen_network() -> None:
    """In eval mode both networks are the same function, so the layers below get the same gradients."""
    free, frozen = small().eval(), small().eval()
    Freeze(frozen, "up2")
    loss(free).backward()
    loss(frozen).backward()
    for (name, p), q in zip(frozen.named_parameters(), free.parameters(), strict=True):
        if p.requires_grad:
            torch.testing.assert_close(p.grad, q.grad, msg=name)
            assert p.grad is not None
            assert p.grad.any()
        else:
            assert p.grad is None


def test_gradients_from_before_the_freeze_are_dropped() -> None:
    network = small()
    loss(network).backward()
    Freeze(network, "up2")
    assert network.up3.conv.weight.grad is None


def test_an_optimizer_made_before_the_freeze_leaves_the_frozen_weights_alone_too() -> None:
    network = small().train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    loss(network).backward()
    optimizer.step()
    freeze = Freeze(network, "up2")
    loss(network.train()).backward()
    optimizer.step()
    freeze.verify()


def test_train_reaches_the_unfrozen_modules_and_eval_reaches_all() -> None:
    network = small()
    Freeze(network, "up2")
    frozen = {m for stage in POINTS["up2"] for top in network.stages[stage] for m in top.modules()}
    for _ in range(2):
        assert network.train() is network
        assert all(m.training == (m not in frozen) for m in network.modules())
        assert network.eval() is network
        assert not any(m.training for m in network.modules())


def test_train_on_a_part_of_the_head_does_not_wake_it() -> None:
    network = small()
    freeze = Freeze(network, "up2")
    network.up3.train()
    network.maps["normals"].train()
    network.up3.norm.train(True)
    assert not network.up3.norm.training
    network(images())
    freeze.verify()


def test_two_eval_passes_agree_to_the_bit_with_training_in_between() -> None:
    network = small("mobilenetv3_small_050")
    Freeze(network, "backbone")
    head_input = [f.detach() for f in network.backbone.eval()(images())]

    def head() -> Tensor:
        up1 = network.up1(network.top(head_input[3]), head_input[2])
        return network.maps["normals"](network.up3(network.up2(up1, head_input[1]), head_input[0]))

    first = head()
    steps(network.train())
    network.eval()
    assert torch.equal(head(), first)
    whole = network(images())
    assert torch.equal(network(images()).maps["normals"], whole.maps["normals"])


def test_dropout_in_the_head_is_off_in_training() -> None:
    torch.manual_seed(0)
    network = Mine()
    Freeze(network, "neck")
    network.train()
    features = torch.rand(2, 4, 8, 8)
    assert torch.equal(network.head(features), network.head(features))


def test_any_module_with_stages_can_be_frozen() -> None:
    network = Mine()
    assert isinstance(network, Staged)
    with Freeze(network, after="body") as freeze:
        network.train()
        network(torch.rand(2, 3, 8, 8)).sum().backward()
        assert [n for n, p in network.named_parameters() if p.grad is not None] == [
            n for n, _ in network.named_parameters() if n.startswith("body")
        ]
        freeze.verify()


def test_the_end_of_the_block_releases_everything_even_after_an_error() -> None:
    network, untouched = small(), small()
    network.up3.conv.weight.requires_grad_(False)  # frozen before, by someone else: to stay so
    with pytest.raises(ZeroDivisionError, match="division"), Freeze(network, "up2"):
        _ = 1 / 0
    network.train()
    assert all(m.training for m in network.modules())
    assert [n for n, p in network.named_parameters() if not p.requires_grad] == ["up3.conv.weight"]
    assert vars(network.up3).keys() == vars(untouched.up3).keys()


def test_freezes_nest() -> None:
    network = small()
    with Freeze(network, "up3"):
        with Freeze(network, "up1"):
            assert not network.train().up2.training
        assert network.train().up2.training
        assert not network.maps.training
        assert not network.maps["normals"].weight.requires_grad
    assert network.train().maps.training


def test_the_state_dict_is_as_ever() -> None:
    network, free = small(), small()
    Freeze(network, "up2")
    assert network.state_dict().keys() == free.state_dict().keys()
    assert not changed(network.state_dict(), free.state_dict())


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_copy_is_frozen_too_and_apart_from_the_original(duplicate: Callable[[Network], Network]) -> None:
    network = small()
    freeze = Freeze(network, "up2")
    other = duplicate(network)
    other.train()
    assert other.up2.training
    assert not other.up3.norm.training
    assert not network.up3.norm.training
    network.eval()
    assert other.up2.training
    freeze.unfreeze()
    network.train()
    assert not other.train().up3.norm.training
    assert not other.up3.conv.weight.requires_grad


def test_the_checksum_tells_one_bit_of_any_frozen_tensor() -> None:
    network = small()
    freeze = Freeze(network, "up2")
    start = freeze.checksum()
    for tensor in (network.up3.norm.running_var, network.up3.norm.num_batches_tracked, network.vectors["pose"][0].bias):
        kept = tensor.detach().clone()
        with torch.no_grad():
            tensor += 1
        with pytest.raises(RuntimeError, match=f"frozen tensors have changed: their checksum was {start[:12]}"):
            freeze.verify()
        tensor.data.copy_(kept)
        freeze.verify()
    with torch.no_grad():
        network.up2.conv.weight += 1
    freeze.verify()


def test_the_checksum_is_the_same_after_a_resume_and_in_any_memory_format() -> None:
    network = small()
    start = Freeze(network, "up2").checksum()
    steps(network.train())
    resumed = Network({"normals": OutputSpec(3), "pose": OutputSpec(2, vector_channels=4)}, "tiny", width=16)
    resumed.load_state_dict(network.state_dict())
    freeze = Freeze(resumed.to(memory_format=torch.channels_last), "up2")
    freeze.verify(start)
    steps(resumed.train())
    freeze.verify(start)
    with pytest.raises(RuntimeError, match=f"their checksum was 00000000, now it is {start[:12]}"):
        freeze.verify("00000000")


def test_loading_other_weights_into_a_frozen_head_is_noticed() -> None:
    network, other = small(), small()
    freeze = Freeze(network, "up2")
    torch.nn.init.ones_(other.up3.conv.weight)
    network.load_state_dict(other.state_dict(), assign=True)
    with pytest.raises(RuntimeError, match=f"now it is {freeze.checksum()[:12]}"):
        freeze.verify()


def test_an_unknown_stage_lists_the_stages() -> None:
    with pytest.raises(
        InputError, match=r"unknown stage 'up4': did you mean .* choose from backbone, outputs, up1, up2, up3"
    ):
        Freeze(small(), "up4")


def test_freezing_nothing_is_refused() -> None:
    with pytest.raises(
        InputError, match="nothing comes after stage 'outputs': freeze after backbone or up1 or up2 or up3"
    ):
        Freeze(small(), "outputs")


def test_a_network_without_stages_is_told_what_it_lacks() -> None:
    with pytest.raises(InputError, match="cannot freeze a Linear: give it a property `stages`"):
        Freeze(nn.Linear(2, 2), "up2")


class Tangled(Mine):
    """Stages as the test says."""

    def __init__(self, **stages: Sequence[str]) -> None:
        super().__init__()
        self._stages = stages

    @property
    def stages(self) -> dict[str, list[nn.Module]]:
        return {stage: [self.get_submodule(n) for n in names] for stage, names in self._stages.items()}


def test_a_module_on_both_sides_is_refused() -> None:
    network = Tangled(below=["body", "neck", "head.0"], above=["head"])
    with pytest.raises(InputError, match=r"after 'below': module head.0 is in stages on both sides"):
        Freeze(network, "below")
    assert all(p.requires_grad for p in network.parameters())


def test_a_parameter_shared_by_both_sides_is_refused() -> None:
    network = Mine()
    network.head[0].weight = network.neck.weight
    with pytest.raises(InputError, match=r"after 'neck': parameter neck.weight is shared"):
        Freeze(network, "neck")


def test_a_parameter_that_no_stage_holds_is_refused() -> None:
    network = Tangled(below=["body"], above=["head"])
    with pytest.raises(InputError, match=r"after 'below': parameter neck.weight is in no stage"):
        Freeze(network, "below")


def flops(network: Network) -> int:
    with FlopCounterMode(display=False) as counter:
        loss(network.train()).backward()
    return counter.get_total_flops()


def test_a_frozen_head_saves_the_arithmetic_of_its_weights_gradients() -> None:
    """A convolution's weight gradient costs what its forward pass costs; all that and no more is saved."""
    free, frozen = small(), small()
    Freeze(frozen, "up2")
    with FlopCounterMode(display=False) as head, torch.no_grad():
        fine = torch.zeros(4, frozen.backbone.channels[0], 16, 16)
        frozen.maps["normals"](up3 := frozen.up3(torch.zeros(4, 16, 8, 8), fine))
        frozen.maps["pose"](up3)
        frozen.vectors["pose"](torch.zeros(4, 16))
    assert flops(free) - flops(frozen) == head.get_total_flops()
