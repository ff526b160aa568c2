"""A tiny pair in the folder format, written without the package: tilted planes and balls, seen orthographically.

Labels agree with each other by construction: normals are what the depth's slope says, classes are the balls' colours.
The target looks different (other colours, noise) and has a hole in its labels, as a depth sensor leaves them.
"""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("background", "red", "blue")
SIZE = 48
COUNTS: Mapping[str, int] = {"train": 16, "val": 6, "test": 6}
CONFIG = f"tasks:\n  normals: {{}}\n  depth: {{}}\n  segmentation: {{classes: [{', '.join(CLASSES)}]}}\n"
_COLOURS = {
    "source": ((0.7, 0.7, 0.7), (0.9, 0.2, 0.2), (0.2, 0.3, 0.9)),
    "target": ((0.6, 0.5, 0.4), (0.7, 0.4, 0.2), (0.3, 0.4, 0.6)),
}
_NOISE = {"source": 0.0, "target": 0.08}
_METRES_AWAY = 3.0


@dataclass(frozen=True)
class TinyPair:
    """The roots of both datasets."""

    source: Path
    target: Path

    def copy(self, folder: Path) -> "TinyPair":
        """A copy of both in `folder`, to damage at will."""
        shutil.copytree(self.source, folder / "source")
        shutil.copytree(self.target, folder / "target")
        return TinyPair(folder / "source", folder / "target")

    def digest(self) -> str:
        """Changes when any file does."""
        digest = hashlib.blake2b()
        for root in (self.source, self.target):
            for path in sorted(p for p in root.rglob("*") if p.is_file()):
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class View:
    """One picture and its labels, as arrays in the project's conventions; `hole` has no labels."""

    image: np.ndarray  # (h, w, 3), 0 … 1
    normals: np.ndarray  # (h, w, 3), unit, x right, y up, z toward the viewer
    depth_m: np.ndarray  # (h, w)
    segmentation: np.ndarray  # (h, w), uint8 indices into CLASSES
    hole: np.ndarray  # (h, w), bool


def write_pair(folder: Path, size: int = SIZE, counts: Mapping[str, int] = COUNTS) -> TinyPair:
    """Writes `folder`/source and `folder`/target: images, normals (8 bit), depth (16 bit, mm) and classes, all PNG."""
    for domain in ("source", "target"):
        for split, count in counts.items():
            for number in range(count):
                _write_view(draw_view(domain, split, number, size), folder / domain / split, f"{number:04d}")
        (folder / domain / "dataset.yaml").write_text(CONFIG)
    return TinyPair(folder / "source", folder / "target")


def draw_view(domain: str, split: str, number: int, size: int = SIZE) -> View:
    """The view of that number, always the same one; the picture is 2 m wide."""
    rng = np.random.default_rng([len(domain), *domain.encode(), len(split), number])
    x, y = (np.arange(size) + 0.5) / size * 2 - 1, 1 - (np.arange(size)[:, None] + 0.5) / size * 2  # metres
    slope_x, slope_y = rng.uniform(-0.7, 0.7, 2)
    height = slope_x * x + slope_y * y  # toward the viewer
    normals = np.broadcast_to([-slope_x, -slope_y, 1.0], (size, size, 3)).copy()
    segmentation = np.zeros((size, size), np.uint8)
    for _ in range(3):
        centre_x, centre_y = rng.uniform(-0.8, 0.8, 2)
        radius = rng.uniform(0.25, 0.6)
        dx, dy = np.broadcast_arrays(x - centre_x, y - centre_y)
        rise = np.sqrt(np.maximum(radius**2 - dx**2 - dy**2, 0))
        front = slope_x * centre_x + slope_y * centre_y + rise
        ball = (rise > 0.2 * radius) & (front > height)
        height = np.where(ball, front, height)
        normals[ball] = np.stack([dx, dy, rise], axis=-1)[ball]
        segmentation[ball] = rng.integers(1, len(CLASSES))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return View(
        image=_photograph(domain, normals, segmentation, rng),
        normals=normals,
        depth_m=_METRES_AWAY - height,
        segmentation=segmentation,
        hole=_hole(x, y, rng) if domain == "target" else np.zeros((size, size), bool),
    )


def _photograph(domain: str, normals: np.ndarray, segmentation: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    light = rng.normal([0, 0, 2], 1)
    shade = np.clip(normals @ (light / np.linalg.norm(light)), 0.1, 1)[..., None]
    colours = np.array(_COLOURS[domain]) + rng.uniform(-0.1, 0.1, (len(CLASSES), 3))
    return np.clip(shade * colours[segmentation] + rng.normal(0, _NOISE[domain], normals.shape), 0, 1)


def _hole(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    centre_x, centre_y = rng.uniform(-0.9, 0.9, 2)
    return (x - centre_x) ** 2 + (y - centre_y) ** 2 < 0.2**2


def _write_view(view: View, folder: Path, name: str) -> None:
    valid = ~view.hole
    arrays = {
        "image": np.round(view.image * 255).astype(np.uint8),
        "normals": (np.round((view.normals + 1) / 2 * 255) * valid[..., None]).astype(np.uint8),
        "depth": (np.round(view.depth_m * 1000) * valid).astype(np.uint16),
        "segmentation": np.where(valid, view.segmentation, 255).astype(np.uint8),
    }
    for task, values in arrays.items():
        path = folder / task / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(path)


def add_edges(pair: TinyPair) -> TinyPair:
    """Adds a fourth task, a segmentation of its own: where the classes change."""
    for root in (pair.source, pair.target):
        config = root / "dataset.yaml"
        config.write_text(config.read_text() + "  edges: {kind: segmentation, classes: [none, edge]}\n")
        for path in root.glob("*/segmentation/*.png"):
            classes = np.asarray(Image.open(path)).astype(int)
            edges = (np.diff(classes, axis=0, append=0) != 0) | (np.diff(classes, axis=1, append=0) != 0)
            out = path.parents[1] / "edges" / path.name
            out.parent.mkdir(exist_ok=True)
            Image.fromarray(edges.astype(np.uint8)).save(out)
    return pair
