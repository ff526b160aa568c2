"""Models of Hugging Face's `transformers`, from the hub, its cache or a folder: safetensors only, no code of theirs.

The package is an extra: `pip install 'headfreeze[annotate]'`.
"""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError

from headfreeze.errors import InputError
from headfreeze.models.pretrained import hub_answers


class Model(NamedTuple):
    """A network in evaluation mode, and what makes its input of an image and labels of its output."""

    network: Any
    processor: Any


def load_model(name: str, kind: str, device: torch.device) -> Model:
    """The model of that name.

    Args:
        name: of a model on the hub, such as "nvidia/segformer-b0-finetuned-ade-512-512", or a folder that holds one.
        kind: what it predicts, as transformers' automatic classes are called: DepthEstimation, SemanticSegmentation.
        device: to run it on.

    Raises:
        InputError: the package is missing, the model is and cannot be fetched, or it is another one than it should be.
    """
    if not name:
        raise InputError("model is ''; give a name on Hugging Face's hub, or a folder")
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            f"model '{name}' needs the package transformers ({error}): pip install 'headfreeze[annotate]'"
        ) from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    network_class = getattr(transformers, f"AutoModelFor{kind}")
    try:
        return _loaded(network_class, transformers.AutoImageProcessor, name, device)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise InputError(f"model '{name}': cannot be used ({_first_line(error)}); {_repair(name)}") from None


def _loaded(network_class: Any, processor_class: Any, name: str, device: torch.device) -> Model:
    local = Path(name).is_dir()
    if local and not (Path(name) / "config.json").is_file():
        raise InputError(f"{name}: no model here (no config.json); give a folder that `save_pretrained` wrote")
    here_only: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    try:
        network, report = _network(network_class, name, here_only)
        processor = processor_class.from_pretrained(name, **here_only)
    except OSError as error:  # not in the cache, or not all of it
        if local:
            raise
        if not hub_answers():  # the hub's own client would retry for most of a minute
            raise InputError(
                f"model '{name}': no such folder, not in the cache of Hugging Face, and the hub does not answer:"
                " connect once to fetch it, or give the folder of a copy"
            ) from error
        anywhere = here_only | {"local_files_only": False}
        network, report = _network(network_class, name, anywhere)
        processor = processor_class.from_pretrained(name, **anywhere)
    missing = sorted(report["missing_keys"])
    if missing:  # transformers draws them at random
        raise InputError(
            f"model '{name}': it has no weights for {len(missing)} of the tensors of {type(network).__name__}, such as"
            f" {missing[0]}; {_repair(name)}"
        )
    return Model(network.to(device).eval(), processor)


def _network(network_class: Any, name: str, options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    network, report = network_class.from_pretrained(
        name, use_safetensors=True, output_loading_info=True, dtype=torch.float32, **options
    )
    return network, report


def _repair(name: str) -> str:
    what = "give another folder" if Path(name).is_dir() else "give another name"
    return f"{what}, of a model trained for this, with weights as safetensors and nothing but transformers' own code"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200].rstrip(".")
