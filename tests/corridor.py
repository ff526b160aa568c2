"""An endless corridor, seen from cameras of any pitch: every ray is computed from the pitch alone."""

import math
from pathlib import Path

import numpy as np
import torch
import yaml
from PIL import Image

from headfreeze.tasks import make_task
from tests.worlds import TinyPair

FOV_DEG, SIDE = 65.0, 32
OPTIONS = {"normals": {}, "depth": {}, "segmentation": {"classes": ["floor", "wall", "ceiling"]}}


def corridor(pitch_deg: float, height_m: float) -> dict[str, np.ndarray]:
    """What a camera sees between an endless floor, a ceiling 3 m above it, and walls 1.5 m to either side.

    The direction of every pixel's ray in the world is computed from the pitch alone. Maps are (h, w) or (3, h, w).
    """
    reach = math.tan(math.radians(FOV_DEG) / 2)
    across = ((np.arange(SIDE) + 0.5) / SIDE * 2 - 1) * reach
    x, y = np.broadcast_arrays(across, -across[:, None])
    cos, sin = math.cos(math.radians(pitch_deg)), math.sin(math.radians(pitch_deg))
    up = y * cos + sin  # of rays to a depth of 1 along the axis, which rises by the pitch
    with np.errstate(divide="ignore"):
        vertical = np.where(up < 0, height_m / -up, (3 - height_m) / up)
        sideways = 1.5 / np.abs(x)
    wall = sideways < vertical
    of_floor = np.array([0, cos, -sin])  # the world's vertical in the frame of the camera: z toward the viewer
    normals = np.where(up[None] < 0, of_floor[:, None, None], -of_floor[:, None, None])
    normals = np.where(wall, np.stack([-np.sign(x), 0 * x, 0 * x]), normals)
    classes = np.where(wall, 1, np.where(up < 0, 0, 2))
    return {"segmentation": classes, "normals": normals, "depth": np.minimum(vertical, sideways)}


def written(root: Path, pitch_deg: float, count: int = 24) -> Path:
    """A dataset of such views, whose cameras are pitched by that angle ± 4°; images are noise around class colours."""
    rng, light = np.random.default_rng(1), np.random.default_rng(2)
    for i in range(count):
        view = corridor(rng.normal(pitch_deg, 4), rng.uniform(0.8, 1.8))
        for name, options in OPTIONS.items():
            path = root / "train" / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            values = torch.from_numpy(np.atleast_3d(view[name].T).T.copy())
            make_task(name, options).write(values.to(torch.uint8 if name == "segmentation" else torch.float32), path)
        (root / "train/image").mkdir(exist_ok=True)
        image = 90 * view["segmentation"][..., None] + light.integers(0, 60, (SIDE, SIDE, 3))
        Image.fromarray(image.astype(np.uint8)).save(root / "train/image" / f"{i}.png")
    (root / "dataset.yaml").write_text(yaml.safe_dump({"tasks": OPTIONS}))
    return root


def write_corridors(folder: Path) -> TinyPair:
    """A pair whose target's cameras look 18° further down."""
    return TinyPair(written(folder / "level", 0), written(folder / "down", -18))
