"""Depth, classes and normals as anchors that cost nothing: by models that others have trained, from `transformers`."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Integer, UInt8

from headfreeze.annotate.images import images_of
from headfreeze.annotate.labelling import Labeller, label_images
from headfreeze.annotate.lines import check_fov
from headfreeze.annotate.options import DEPTH_MODEL, FOV_DEG, GIVES, SEGMENTATION_MODEL
from headfreeze.annotate.transformers_models import Model, load_model
from headfreeze.data.normals_from_depth import normals_from_depth
from headfreeze.data.pinhole import focal_length_px
from headfreeze.errors import InputError, unknown
from headfreeze.run import choose_device
from headfreeze.tasks import make_task

_METRES, _INVERSE = ("chmv2", "depth_pro", "glpn", "zoedepth"), ("dpt",)
_FARTHEST = 100.0
"""Inverse depth below 1/100 of the image's median is sky, or as good as: no depth is said."""


def annotate_depth(
    root: Path,
    *,
    model: str = DEPTH_MODEL,
    gives: str = "auto",
    name: str = "",
    overwrite: bool = False,
    device: str = "auto",
) -> tuple[int, str]:
    """Writes ROOT/{split}/NAME/ID.npy, the depth that a model predicts, for every image, and declares the task.

    A model of inverse depth knows neither scale nor shift. Its labels take the shift for 0 and the image's median for
    1: they are shares of the median depth, no metres, and have another name so that nobody takes them for such.

    Args:
        root: a folder that has at least ROOT/{train,val,test}/image of one split.
        model: a name on the hub, or a folder.
        gives: one of `GIVES`.
        name: of the task and of its folders; "" for depth where the model gives metres, else relative_depth.
        overwrite: replace labels that are there.
        device: auto, cpu, cuda, mps or cuda:N.

    Returns:
        How many labels were written, and the task's name.

    Raises:
        InputError: no images, a damaged one, labels that are there already, or a model that cannot be had or used.
    """
    images_of(root)  # before the model: its task's name waits for it
    loaded, metres = _depth_model(model, gives, device)
    task = make_task(name or ("depth" if metres else "relative_depth"), {"kind": "depth"})

    def depth(image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
        predicted = predicted_depth(loaded, image)
        return predicted if metres else shares_of_median(predicted)

    return label_images(root, task, lambda: depth, overwrite, "predicting depth", ".npy"), task.name


def annotate_normals(
    root: Path,
    *,
    model: str = DEPTH_MODEL,
    gives: str = "auto",
    fov_deg: float = FOV_DEG,
    name: str = "normals",
    overwrite: bool = False,
    device: str = "auto",
) -> int:
    """Writes ROOT/{split}/NAME/ID.png, normals of the planes that fit predicted depth, and declares the task.

    No model predicts them: they are those of `normals_from_depth`, as good as the depth's slopes and the angle of view.

    Args:
        root: as of `annotate_depth`, as are `model`, `gives`, `name`, `overwrite` and `device`.
        model: as above; of metres, for the unknown shift of inverse depth would turn every normal.
        gives: as above.
        fov_deg: angle of view over the image's longer side.
        name: as above.
        overwrite: as above.
        device: as above.

    Returns:
        How many labels were written.

    Raises:
        InputError: as of `annotate_depth`; or the model gives inverse depth.
    """
    task = make_task(name, {"kind": "normals"})
    check_fov(fov_deg)

    def make() -> Labeller:
        loaded, metres = _depth_model(model, gives, device)
        if not metres:
            raise InputError(
                f"model '{model}' gives inverse depth, whose unknown shift would turn every normal; choose one that"
                f" gives metres, such as {DEPTH_MODEL}"
            )

        def normals(image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w 3"]:
            height, width, _ = image.shape
            focal = focal_length_px(height, width, fov_deg)
            return normals_from_depth(predicted_depth(loaded, image), (focal, focal))

        return normals

    return label_images(root, task, make, overwrite, "predicting normals")


def annotate_segmentation(
    root: Path,
    *,
    model: str = SEGMENTATION_MODEL,
    name: str = "segmentation",
    overwrite: bool = False,
    device: str = "auto",
) -> int:
    """Writes ROOT/{split}/NAME/ID.png, the class that a model predicts for each pixel, and declares the task.

    Args:
        root: as of `annotate_depth`, as are `model`, `name`, `overwrite` and `device`.
        model: as above; of semantic segmentation. Its classes become the task's.
        name: as above.
        overwrite: as above.
        device: as above.

    Returns:
        How many labels were written.

    Raises:
        InputError: as of `annotate_depth`.
    """
    images_of(root)  # before the model: the task's classes wait for it
    loaded = load_model(model, "SemanticSegmentation", choose_device(device))
    task = make_task(name, {"kind": "segmentation", "classes": _class_names(loaded.network.config.id2label)})
    return label_images(
        root, task, lambda: lambda image: predicted_classes(loaded, image), overwrite, "predicting classes"
    )


@torch.no_grad()
def predicted_depth(model: Model, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
    """What the model gives for an image, at the image's size, as its own processor scales it."""
    # The second argument is the size to give, for ZoeDepth that of the image: the same here.
    outputs = model.processor.post_process_depth_estimation(_outputs(model, image), [image.shape[:2]])
    depth: np.ndarray = outputs[0]["predicted_depth"].float().cpu().numpy()
    return depth


@torch.no_grad()
def predicted_classes(model: Model, image: UInt8[np.ndarray, "h w 3"]) -> Integer[np.ndarray, "h w"]:
    """The class with the highest score in each pixel, scores interpolated to the image's size."""
    outputs = model.processor.post_process_semantic_segmentation(_outputs(model, image), [image.shape[:2]])
    classes: np.ndarray = outputs[0].cpu().numpy()
    return classes


def shares_of_median(inverse: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Depth over the image's median depth, from inverse depth of any scale and no shift; 0 (invalid) for the sky."""
    near = inverse[inverse > 0]
    if not near.size:
        return np.zeros_like(inverse)
    share = inverse / np.median(near)
    return np.where(share > 1 / _FARTHEST, 1 / np.maximum(share, 1 / _FARTHEST), 0).astype(np.float32)


def _outputs(model: Model, image: UInt8[np.ndarray, "h w 3"]) -> Any:
    inputs = model.processor(images=image, return_tensors="pt", input_data_format="channels_last")
    return model.network(**inputs.to(model.network.device))


def _depth_model(name: str, gives: str, device: str) -> tuple[Model, bool]:
    """The model, and whether it gives metres."""
    if gives not in GIVES:
        raise InputError(unknown("value of gives", gives, GIVES))
    model = load_model(name, "DepthEstimation", choose_device(device))
    if gives != "auto":
        return model, gives == "metres"
    return model, gives_metres(model.network.config, name)


def gives_metres(config: Any, name: str) -> bool:
    """Whether a model of this configuration gives metres, as it says itself or is known of its kind.

    Raises:
        InputError: neither.
    """
    said = getattr(config, "depth_estimation_type", None)  # of Depth Anything and its kin
    if said is not None:
        return bool(said == "metric")
    if config.model_type not in (*_METRES, *_INVERSE):
        raise InputError(
            f"model '{name}' does not say whether it gives metres or inverse depth; say it: --gives metres, or inverse"
        )
    return config.model_type in _METRES


def _class_names(by_index: dict[int, str]) -> list[str]:
    """In the order of their indices; one that comes twice has its index behind it the second time."""
    names: list[str] = []
    for index in sorted(by_index):
        name = by_index[index]
        names.append(f"{name} {index}" if name in names else name)
    return names
