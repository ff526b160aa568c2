import copy
import warnings

import pytest
import torch
from torch import nn

from headfreeze.errors import InputError
from headfreeze.models.network import Network, OutputSpec, map_layer

BACKBONES = ["tiny", "resnet18", "mobilenetv3_small_050", "convnext_atto", "tf_efficientnet_lite0"]
SIZES = [(64, 64), (50, 37), (33, 97)]
OUTPUTS = {"normals": OutputSpec(3), "landmarks": OutputSpec(5, vector_channels=7)}


def small(backbone: str = "tiny", **options: object) -> Network:
    """A network with two outputs and a decoder of 16 channels, the same at each call."""
    torch.manual_seed(0)
    return Network(OUTPUTS, backbone, width=16, **options)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "backbone",
    [*BACKBONES, "resnet50", "vit_tiny_patch16_224", "vit_small_patch14_dinov2", "swin_tiny_patch4_window7_224"],
)
def test_maps_come_at_half_the_resolution_rounded_up_whatever_the_size(backbone: str, size: tuple[int, int]) -> None:
    maps, vectors, _ = small(backbone).eval()(torch.rand(2, 3, *size))
    half = (size[0] + 1) // 2, (size[1] + 1) // 2
    assert {task: tuple(m.shape) for task, m in maps.items()} == {"normals": (2, 3, *half), "landmarks": (2, 5, *half)}
    assert {task: tuple(v.shape) for task, v in vectors.items()} == {"landmarks": (2, 7)}


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_parameter_gets_a_gradient(backbone: str) -> None:
    network = small(backbone).train()
    maps, vectors, _ = network(torch.rand(4, 3, 64, 64))
    sum(t.square().sum() for t in [*maps.values(), *vectors.values()]).backward()
    lacking = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not lacking
    silent = [n for n, p in network.named_parameters() if n.startswith("up") and not p.grad.any()]
    assert not silent


@pytest.mark.parametrize("backbone", ["resnet50", "tiny"])
def test_the_default_width_is_the_papers_and_small_for_tiny(backbone: str) -> None:
    with torch.device("meta"):
        network = Network(OUTPUTS, backbone)
    assert network.up1.conv.out_channels == {"resnet50": 256, "tiny": 48}[backbone]


def test_tiny_is_tiny() -> None:
    network = Network({"normals": OutputSpec(3), "segmentation": OutputSpec(11)}, "tiny")
    assert 300_000 < sum(p.numel() for p in network.parameters()) < 600_000


def test_images_are_normalised_inside() -> None:
    network = small("tf_efficientnet_lite0").eval()
    seen: list[torch.Tensor] = []
    network.backbone.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    network(torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1).expand(1, 3, 32, 32))
    assert torch.equal(seen[0].amin((0, 2, 3)), torch.tensor([-1.0, 0.0, 1.0]))
    assert torch.equal(seen[0].amax((0, 2, 3)), torch.tensor([-1.0, 0.0, 1.0]))
    assert not any("mean" in name and "running" not in name for name in network.state_dict())


def test_a_map_follows_its_image_when_the_image_moves() -> None:
    """All strides together hold the pixel grid: 32 pixels in the image are 16 in the map, away from the border."""
    network = small("resnet18").eval()
    image = torch.rand(1, 3, 256, 256)
    torch.manual_seed(1)
    here, moved = network(image).maps["normals"], network(image.roll((32, 64), (2, 3))).maps["normals"]
    window = slice(60, 76)
    torch.testing.assert_close(moved[..., 76:92, 92:108], here[..., window, window], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("backbone", ["tiny", "resnet18"])
def test_an_odd_size_sees_the_same_pixels_as_the_even_size_it_is_cut_from(backbone: str) -> None:
    """The decoder enlarges to odd sizes by dropping the last row, not by stretching: far from the cut nothing moves."""
    network = small(backbone).eval()
    image = torch.rand(1, 3, 256, 256)
    whole, cut = network(image).maps["normals"], network(image[..., :239, :]).maps["normals"]
    assert cut.shape[-2:] == (120, 128)
    torch.testing.assert_close(cut[..., :16, :], whole[..., :16, :], atol=1e-3, rtol=1e-2)


def test_vectors_read_the_second_level_alone() -> None:
    network = small().train()
    network(torch.rand(2, 3, 32, 32)).vectors["landmarks"].sum().backward()
    reached = {
        name for name, modules in network.stages.items() for m in modules for p in m.parameters() if p.grad is not None
    }
    assert reached == {"backbone", "up1", "up2", "outputs"}


def test_the_stages_hold_every_parameter_once_and_skip_weights_are_with_their_reader() -> None:
    network = small()
    assert list(network.stages) == ["backbone", "up1", "up2", "up3", "outputs"]
    held = [id(p) for modules in network.stages.values() for m in modules for p in m.parameters()]
    assert sorted(held) == sorted(id(p) for p in network.parameters())
    skips = {
        name: {p.shape[1] for m in modules for n, p in m.named_parameters() if n == "skip.weight"}
        for name, modules in network.stages.items()
    }
    fine, level2, level3, _ = network.backbone.channels
    assert skips == {"backbone": set(), "up1": {level3}, "up2": {level2}, "up3": {fine}, "outputs": set()}


@pytest.mark.parametrize("enlarge", [1, 2, 6, 7, 8])
def test_a_map_layer_enlarges_exactly_and_keeps_the_middle_in_the_middle(enlarge: int) -> None:
    layer = map_layer(1, 1, enlarge)
    torch.nn.init.ones_(layer.weight)
    spot = torch.zeros(1, 1, 5, 3)
    spot[0, 0, 2, 1] = 1
    enlarged = layer(spot)
    assert enlarged.shape == (1, 1, 5 * enlarge, 3 * enlarge)
    assert torch.equal(enlarged, enlarged.flip(2, 3))


def test_a_task_of_vectors_alone_has_no_map() -> None:
    network = Network({"pose": OutputSpec(0, vector_channels=6)}, "tiny")
    maps, vectors, _ = network(torch.rand(2, 3, 32, 32))
    assert not maps
    assert vectors["pose"].shape == (2, 6)


@pytest.mark.parametrize("name", ["type", "a.b", ""])
def test_a_task_name_that_torch_keeps_to_itself_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"a task cannot have this name: .*{name}"):
        Network({name: OutputSpec(3)}, "tiny")


def test_an_unknown_domain_is_refused() -> None:
    with pytest.raises(InputError, match="unknown domain 'targte': did you mean 'target'"):
        small().domain = "targte"


@pytest.mark.parametrize("backbone", ["tiny", "resnet18"])
def test_channels_last_holds_through_the_whole_network(backbone: str) -> None:
    network = small(backbone).to(memory_format=torch.channels_last)
    images = torch.rand(4, 3, 50, 37).contiguous(memory_format=torch.channels_last)
    layouts: dict[str, bool] = {}

    def note(module: nn.Module, _: object, output: torch.Tensor) -> None:
        layouts[names[module]] = output.is_contiguous(memory_format=torch.channels_last)

    names = {m: n for n, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.ConvTranspose2d)}
    for module in names:
        module.register_forward_hook(note)
    network(images)
    assert all(layouts.values()), [n for n, held in layouts.items() if not held]


@pytest.mark.parametrize(
    ("backbone", "norm"), [("tiny", "shared"), ("tiny", "per_domain"), ("convnext_atto", "shared")]
)
def test_the_network_can_be_exported(backbone: str, norm: str) -> None:
    network = small(backbone, norm=norm).eval()
    image = torch.rand(2, 3, 64, 48)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.export's own deprecations
        batch = torch.export.Dim("b", min=1, max=64)
        program = torch.export.export(network, (image,), dynamic_shapes={"image": {0: batch}})
    for other in (image, torch.rand(5, 3, 64, 48)):
        torch.testing.assert_close(program.module()(other), network(other))


def test_a_copy_is_a_network_of_its_own() -> None:
    network = small(norm="per_domain")
    other = copy.deepcopy(network)
    other.domain = "target"
    assert network.domain == "source"
    assert other.up1.norm.domains.domain == "target"
