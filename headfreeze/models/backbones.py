"""Backbones: any timm network that gives features at four levels, and the preset `tiny` for CPUs."""

from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

import timm
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor, nn

from headfreeze.errors import InputError, unknown
from headfreeze.models import pretrained as weights
from headfreeze.models.tiny import TinyFeatures

LEVELS = 4
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """Normalised images to feature maps at four levels, finest first: (b, channels[i], h / strides[i], w / strides[i]).

    Sizes that are no multiple of a stride are rounded up by most networks, down by some (ConvNeXt, VGG).
    `mean` and `std` (RGB, images in [0, 1]) are what the images are normalised with before they come here.
    """

    def __init__(
        self,
        body: nn.Module,
        channels: Sequence[int],
        strides: Sequence[int],
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        self.body = body
        self.channels, self.strides = list(channels), list(strides)
        self.mean, self.std = tuple(mean), tuple(std)
        self.channels_last = channels_last

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """The four feature maps of normalised images."""
        features = list(self.body(image))
        if self.channels_last:  # Swin and its like give (b, h, w, c)
            features = [f.permute(0, 3, 1, 2) for f in features]
        return features


def build_backbone(name: str, pretrained: bool = False) -> Backbone:
    """A backbone by name: `tiny`, or a network of `timm.list_models()`, with or without a pretrained tag after a dot.

    The normalisation is the one that timm's weights were trained with, whether they are loaded or not. Some
    transformers take images of one size only, or of multiples of their window; timm says so at the first batch.

    Raises:
        InputError: there is no such network, it cannot give four feature levels, or its weights cannot be had.
    """
    if name == "tiny":
        if pretrained:
            raise InputError(
                "pretrained: backbone 'tiny' has no weights; set pretrained to false or name a timm network"
            )
        tiny = TinyFeatures()
        return Backbone(tiny, tiny.channels, tiny.strides)
    _check_name(name)
    body = _pretrained_features(name) if pretrained else _features(name)
    info: Any = body.feature_info
    cfg = timm.get_pretrained_cfg(name)
    mean, std = (cfg.mean, cfg.std) if cfg else (IMAGENET_MEAN, IMAGENET_STD)
    channels_last = str(getattr(body, "output_fmt", "")).endswith("NHWC")
    return Backbone(body, info.channels(), info.reduction(), mean, std, channels_last)


def _check_name(name: str) -> None:
    architecture = name.partition(".")[0]
    if ":" in name or not timm.is_model(architecture):  # a colon would send timm to the hub or to a file
        near = get_close_matches(name, timm.list_models(), n=8, cutoff=0.5)
        message = unknown("backbone", name, {"tiny", "resnet50", weights.PACKAGED, *near})
        raise InputError(f"{message}, or any of timm.list_models()")
    tagged = timm.list_models(f"{architecture}.*", pretrained=True)
    if name != architecture and name not in tagged:
        raise InputError(unknown("backbone", name, [architecture, *tagged]))


def _pretrained_features(name: str) -> nn.Module:
    packaged = weights.packaged_weights() if name == weights.PACKAGED else None
    if packaged is None:
        try:
            return _features(name, **weights.timm_weights(name))
        except (OSError, SafetensorError) as error:  # OSError: also what the hub's client and urllib raise
            raise weights.unavailable(name, f"loading them failed ({type(error).__name__})") from error
    body = _features(name)
    weights.load_packaged(body, packaged)
    return body


def _features(name: str, **arguments: Any) -> nn.Module:
    """timm's network `name` as a module that gives its last four feature levels."""
    arguments = {"features_only": True, "out_indices": tuple(range(-LEVELS, 0)), **arguments}
    try:
        body = _any_size(name, arguments)
    except (RuntimeError, AssertionError, AttributeError, ValueError, IndexError, TypeError, KeyError) as error:
        why = " ".join(str(error).split())
        raise InputError(f"backbone '{name}' cannot give {LEVELS} feature levels ({why}); choose another") from error
    finest = body.feature_info.reduction()[0]
    if finest % 2:
        raise InputError(f"backbone '{name}': its finest stride is {finest}, but half a pixel grid wants an even one")
    return body


def _any_size(name: str, arguments: dict[str, Any]) -> Any:
    """The network, told to take images of any size where it can be told (ViT, Swin)."""
    cfg = timm.get_pretrained_cfg(name)
    if cfg is not None and cfg.fixed_input_size:
        with suppress(TypeError):
            return timm.create_model(name, dynamic_img_size=True, **arguments)
    return timm.create_model(name, **arguments)
