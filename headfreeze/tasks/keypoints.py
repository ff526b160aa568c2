"""Keypoints: named points of an object, the landmarks of a face for example; in three dimensions where labels have z.

The entry `keypoints: {count: 68, order: multi-pie}` in dataset.yaml; a label file `0001.npy` holds (68, 2) floats x, y
in pixels, (68, 3) with z, or (68, 4) with z and visibility; NaN is what is not known. `0001.json` is the same as lists,
with null for NaN.
"""

import json
import math
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchmetrics import Metric
from torchvision import tv_tensors

from headfreeze.errors import InputError, unknown
from headfreeze.files import write_text
from headfreeze.stored import File
from headfreeze.tasks.base import Picture, Task
from headfreeze.tasks.heatmaps import gaussians, peaks
from headfreeze.tasks.images import read_npy, with_extension, write_npy
from headfreeze.tasks.keypoints_metric import KeypointsMetric
from headfreeze.tasks.losses import masked_mean, widened
from headfreeze.tasks.point_orders import ORDERS, PointOrder
from headfreeze.tasks.points import Points, Size, centred_z, located

SIGMA = 1.75 / 64
"""Of the Gaussians, as a share of the map's shorter side (FAN: Bulat & Tzimiropoulos, ICCV 2017, arXiv 1703.07332)."""
_COLUMNS = (2, 3, 4)
_FARTHEST = 1e6  # pixels; more is no coordinate
_SMALLEST_SQUARE = 1e-8
_FLATTEST = 1e-3
"""Mean depth, as a share of the image's side, below which errors are no longer divided by it."""


class KeypointsTask(Task):
    """Points (k, 4), see `Points`. The output is a heatmap for each point and, per image, a depth for each.

    Depths come from the vector branch, as shares of the image's shorter side, toward the viewer, from their mean.
    Labels without z train the heatmaps alone; points outside of the image have no heatmap.

    Args:
        name: of the task, and of the folder of its labels.
        count: of points.
        order: multi-pie: the 68 points of faces; else give `mirror` and, for errors by a distance, `eyes`.
        mirror: pairs of points that a reflection swaps, [[0, 16], [1, 15], …]; [] if none.
        eyes: two points, by whose distance errors are divided; without, by the size of the points' bounding box.
        sigma: of the Gaussians in pixels of the output; 0: 1.75 / 64 of its shorter side, but 1 at least.
    """

    kind: ClassVar[str] = "keypoints"
    label_type: ClassVar[type[tv_tensors.TVTensor]] = Points
    dense: ClassVar[bool] = False
    counted: ClassVar[str] = "images"
    score: ClassVar[str] = "nme"
    lower_is_better: ClassVar[bool] = True
    extensions: ClassVar[tuple[str, ...]] = (".npy", ".json")

    def __init__(
        self,
        name: str = "keypoints",
        *,
        count: Any,
        order: Any = None,
        mirror: Any = None,
        eyes: Any = None,
        sigma: float = 0,
    ) -> None:
        super().__init__(name)
        if isinstance(sigma, bool) or not isinstance(sigma, int | float) or not 0 <= sigma < math.inf:
            raise InputError(f"task '{name}': sigma is {sigma!r}; give pixels of the output, or 0 for the default")
        self.order_name, self.sigma = order, sigma
        self.order = _named_order(name, count, order) if order is not None else _own_order(name, count, mirror, eyes)
        if order is not None and (mirror is not None or eyes is not None):
            raise InputError(f"task '{name}': order {order} says itself what mirror and eyes are; leave them out")

    @property
    def channels(self) -> int:
        """A heatmap for each point."""
        return self.order.count

    @property
    def vector_channels(self) -> int:
        """A depth for each point."""
        return self.order.count

    def options(self) -> dict[str, Any]:
        """The count; the order's name, or what makes it up; sigma, where it is not the default."""
        own: dict[str, Any] = {"mirror": [list(pair) for pair in self.order.pairs]}
        own |= {"eyes": list(self.order.eyes)} if self.order.eyes else {}
        order = {"order": self.order_name} if self.order_name else own
        return self._kind_entry() | {"count": self.order.count} | order | ({"sigma": self.sigma} if self.sigma else {})

    def wrap(self, values: Float[Tensor, "*b k 4"], size: Size) -> Points:
        """Points in an image of this size."""
        return Points(values, canvas_size=size, mirror=self.order.mirror)

    def loss(
        self,
        output: Float[Tensor, "b k h w"],
        label: Float[Tensor, "b k 4"],
        vector: Float[Tensor, "b k"] | None = None,
        /,
    ) -> Float[Tensor, ""]:
        """Squared error of the heatmaps and absolute error of the depths, each divided by that of predicting nothing.

        So both begin near 1. `output` may have any resolution; `label` must be `Points`.
        """
        assert isinstance(label, Points)
        output = widened(output)
        height, width = output.shape[-2:]
        points, size = label.as_subclass(Tensor), label.canvas_size
        inside = _inside(points, size)
        places = torch.where(inside[..., None], points[..., :2], 0.0) / _stride(output, size)
        wanted = gaussians(places, height, width, self._sigma(min(height, width)))
        counted = inside[..., None, None].expand_as(wanted)
        empty = masked_mean(wanted.square(), counted).clamp(min=_SMALLEST_SQUARE)
        heat = masked_mean((output - wanted).square(), counted) / empty
        return heat if vector is None else heat + self._depth_loss(widened(vector), points, min(size))

    def _depth_loss(self, vector: Float[Tensor, "b k"], points: Float[Tensor, "b k 4"], side: float) -> Tensor:
        z, known = centred_z(points)
        z = z / side
        count = known.sum(-1, keepdim=True).clamp(min=1)
        vector = vector - (vector * known).sum(-1, keepdim=True) / count  # from the mean of the same points
        nothing = masked_mean(z.abs(), known).clamp(min=_FLATTEST)
        return masked_mean((vector - z).abs(), known) / nothing

    def decode(
        self, output: Float[Tensor, "b k h w"], vector: Float[Tensor, "b k"] | None = None, side: float = 0, /
    ) -> Float[Tensor, "b k 4"]:
        """Points in pixels of the map; the visibility is the peak's height, 0 … 1, z is NaN without a vector."""
        side = side or min(output.shape[-2:])
        places, heights = peaks(widened(output), self._sigma(side))
        z = torch.full_like(heights, math.nan)
        if vector is not None:
            z = (widened(vector) - widened(vector).mean(-1, keepdim=True)) * side
        return torch.cat([places, z[..., None], heights.clamp(0, 1)[..., None]], -1)

    def soft(self, output: Float[Tensor, "b k h w"]) -> Float[Tensor, "b k h w"]:
        """The heatmaps, kept in 0 … 1."""
        return widened(output).clamp(0, 1)

    def metric(self) -> Metric:
        """Normalised mean errors, see `KeypointsMetric`."""
        return KeypointsMetric(self.order.eyes)

    def render(self, label: Tensor, image: Picture | None = None, /) -> Picture:
        """`Points` on the image, or black: near ones red, far ones blue; hidden ones, or those not sure of, darker."""
        assert isinstance(label, Points)
        height, width = (round(side) for side in label.canvas_size)
        picture = np.zeros((height, width, 3), np.uint8) if image is None else image.copy()
        points = label.as_subclass(Tensor).detach().cpu().float()
        z, _ = centred_z(points)
        share = ((z / z.abs().amax().clamp(min=1e-6) + 1) * 127.5).round().to(torch.uint8).numpy()
        colours = cv2.applyColorMap(share[:, None], cv2.COLORMAP_TURBO)[:, 0, ::-1].astype(np.float32)
        radius = max(1, round(max(height, width) / 100))
        for (x, y, _, visibility), colour, there in zip(points.tolist(), colours, located(points), strict=True):
            if there and abs(x) + abs(y) < _FARTHEST:
                strength = 1.0 if math.isnan(visibility) else 0.5 + 0.5 * min(max(visibility, 0.0), 1.0)
                cv2.circle(picture, (int(x), int(y)), radius, (colour * strength).tolist(), -1, cv2.LINE_AA)
        return picture

    def read(self, path: File) -> Float[Tensor, "k 4"]:
        """Reads (k, 2 … 4) floats of a .npy or .json as (k, 4), NaN where there is nothing.

        Raises:
            InputError: the file is damaged, holds another number of points, or what cannot be a coordinate.
        """
        values = _from_json(path) if path.suffix.lower() == ".json" else read_npy(path)
        if values.dtype.kind not in "fiu" or values.ndim != 2 or values.shape[1] not in _COLUMNS:
            raise InputError(
                f"{path}: {values.dtype} values of shape {values.shape}; keypoints are (points, 2 … 4) numbers:"
                " x, y, z, visibility"
            )
        if len(values) != self.order.count:
            raise InputError(
                f"{path}: {len(values)} points, but task '{self.name}' has {self.order.count}; mend the file, or count"
                " in dataset.yaml"
            )
        values = np.where(np.isfinite(values), values, np.nan)
        far = np.abs(values) > _FARTHEST
        if far.any():
            raise InputError(f"{path}: a coordinate of {values[far][0]:g}; coordinates are pixels of the image")
        points = np.full((len(values), 4), np.nan, np.float32)
        points[:, : values.shape[1]] = values
        return torch.from_numpy(points)

    def write(self, label: Float[Tensor, "k 4"], path: Path) -> Path:
        """Writes a .npy of float32, or .json where the path says so."""
        path = with_extension(path, self.extensions)
        points = label.as_subclass(Tensor).detach().cpu().float().numpy()
        if path.suffix.lower() == ".json":
            rows = [[None if math.isnan(value) else value for value in row] for row in points.tolist()]
            write_text(path, json.dumps(rows))
        else:
            write_npy(points, path)
        return path

    def invalid(self, height: int, width: int) -> Points:
        """NaN everywhere."""
        return self.wrap(torch.full((self.order.count, 4), math.nan), (height, width))

    def valid(self, label: Float[Tensor, "*b k 4"]) -> Bool[Tensor, "*b k 1"]:
        """Those whose place is known."""
        return located(label)[..., None]

    def _sigma(self, side: float) -> float:
        return self.sigma or max(1.0, SIGMA * side)


def _inside(points: Float[Tensor, "b k 4"], size: Size) -> Bool[Tensor, "b k"]:
    x, y = points[..., 0], points[..., 1]  # comparisons with NaN are false
    return (x >= 0) & (x <= size[1]) & (y >= 0) & (y <= size[0])


def _stride(output: Float[Tensor, "b k h w"], size: Size) -> int:
    """Pixels of the image for one of the map; the last one may reach beyond the image's border."""
    return 2 ** math.ceil(math.log2(size[1] / output.shape[-1]))


def _named_order(name: str, count: Any, order: Any) -> PointOrder:
    if not isinstance(order, str) or order not in ORDERS:
        raise InputError(f"task '{name}': {unknown('order', str(order), ORDERS)}")
    if count != ORDERS[order].count:
        raise InputError(f"task '{name}': count is {count!r}, but order {order} has {ORDERS[order].count} points")
    return ORDERS[order]


def _own_order(name: str, count: Any, mirror: Any, eyes: Any) -> PointOrder:
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise InputError(f"task '{name}': count is {count!r}; give the number of points")
    if mirror is None:
        raise InputError(
            f"task '{name}': which points change places in a mirror? give order: {' or '.join(ORDERS)}, or mirror: [[0,"
            " 1], …] with the pairs ([] if none)"
        )
    if not isinstance(mirror, list) or not all(_is_pair(pair, count) for pair in mirror):
        raise InputError(f"task '{name}': mirror is {mirror!r}; give pairs of points 0 … {count - 1}: [[0, 1], …]")
    if len(set(chain.from_iterable(mirror))) < 2 * len(mirror):
        raise InputError(f"task '{name}': mirror is {mirror!r}; each point can be in one pair only")
    if eyes is not None and not _is_pair(eyes, count):
        raise InputError(f"task '{name}': eyes is {eyes!r}; give two points 0 … {count - 1}: [0, 1]")
    pairs = tuple((a, b) for a, b in mirror)
    return PointOrder(count, pairs, (eyes[0], eyes[1]) if eyes else None)


def _is_pair(pair: Any, count: int) -> bool:
    if not isinstance(pair, Sequence) or len(pair) != 2:
        return False
    return all(type(place) is int and 0 <= place < count for place in pair) and pair[0] != pair[1]


def _from_json(path: File) -> np.ndarray:
    try:
        rows = json.loads(path.read_bytes())
        if not all(type(value) in (int, float, type(None)) for row in rows for value in row):
            raise ValueError("a value is neither a number nor null")
        return np.array(rows, dtype=float)  # null becomes NaN
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: not a list of points [[x, y], …] of equal length ({error})") from None
