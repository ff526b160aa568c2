"""Rooms from another generator than `headfreeze synth rooms`, to check the tool on a world that it was not made with.

    python benchmarks/boxes.py OUT

Crude on purpose: a box with smaller boxes in it, six classes with other names. The source is lit evenly and its camera
is pitched 4 ± 4°; the target has procedural textures, falling light, blur, noise, and a pitch of −16 ± 10°. 1500 + 150
+ 300 images of 48 px in each domain, in the folder format.
"""

import sys
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

CLASSES = ["ground", "side", "top", "block", "panel", "hole"]
GROUND, SIDE, TOP, BLOCK, PANEL, HOLE = range(6)
SIZE = 48
COUNTS = {"train": 1500, "val": 150, "test": 300}
PITCH_DEG = {"source": (4, 4), "target": (-16, 10)}
FIRST_BOX = 6
"""Number of the first box among the things of a room; 0 … 5 are its walls, floor and ceiling."""


@dataclass(frozen=True)
class Box:
    centre: np.ndarray
    half: np.ndarray
    yaw: float
    label: int


@dataclass(frozen=True)
class Seen:
    """What every ray meets: depth along the optical axis, normal in the world, class, number of the thing."""

    depth: np.ndarray
    normal: np.ndarray
    label: np.ndarray
    thing: np.ndarray


def draw_room(rng: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
    """Half extents of the room, and what stands on its floor and hangs on its walls."""
    half = np.array([rng.uniform(1.5, 4), rng.uniform(1.5, 4), rng.uniform(1.1, 1.6)])
    boxes = []
    for _ in range(rng.integers(3, 10)):
        h = np.array([rng.uniform(0.15, 0.8), rng.uniform(0.15, 0.8), rng.uniform(0.1, 1.0)])
        centre = np.array([*(rng.uniform(-1, 1, 2) * half[:2]), -half[2] + h[2]])
        boxes.append(Box(centre, h, rng.uniform(0, np.pi), BLOCK))
    for _ in range(rng.integers(1, 5)):
        axis, side = rng.integers(2), rng.choice([-1, 1])
        h = np.array([0.0, 0.0, rng.uniform(0.2, 0.7)])
        h[axis], h[1 - axis] = 0.05, rng.uniform(0.2, 0.9)
        centre = rng.uniform(-0.7, 0.7, 3) * half
        centre[axis] = side * half[axis]
        boxes.append(Box(centre, h, 0.0, PANEL if rng.random() < 0.5 else HOLE))
    return half, boxes


def draw_camera(
    rng: np.random.Generator, half: np.ndarray, boxes: list[Box], domain: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Position, rays (pixels, 3) of length 1 along the optical axis, frame (columns right, up, back)."""
    for _ in range(200):
        place = rng.uniform(-0.85, 0.85, 3) * half
        place[2] = rng.uniform(-0.1, 0.6) * half[2]
        if all(np.hypot(*(place - b.centre)[:2]) > np.hypot(*b.half[:2]) + 0.25 for b in boxes):
            break
    aim = rng.uniform(-0.6, 0.6, 2) * half[:2] - place[:2]
    yaw = np.arctan2(aim[1], aim[0])
    pitch = np.deg2rad(rng.normal(*PITCH_DEG[domain]))
    forward = np.array([np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0])
    up = np.cross(right, forward)
    reach = np.tan(np.deg2rad(rng.uniform(60, 80)) / 2)
    x = (2 * (np.arange(SIZE) + 0.5) / SIZE - 1) * reach
    u, v = np.meshgrid(x, -x)
    rays = u[..., None] * right + v[..., None] * up + forward
    return place, rays.reshape(-1, 3), np.stack([right, up, -forward], 1)


def trace(half: np.ndarray, boxes: list[Box], place: np.ndarray, rays: np.ndarray) -> Seen:
    """The nearest surface along each ray."""
    every = np.arange(len(rays))
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (np.sign(rays) * half - place) / rays
    axis = np.nanargmin(distance, 1)
    depth = distance[every, axis]
    normal = np.zeros_like(rays)
    normal[every, axis] = -np.sign(rays[every, axis])
    label = np.where(axis < 2, SIDE, np.where(rays[:, 2] < 0, GROUND, TOP))
    thing = np.where(axis < 2, axis * 2 + (normal.sum(1) > 0), 4 + (label == TOP))
    for number, box in enumerate(boxes):
        cos, sin = np.cos(box.yaw), np.sin(box.yaw)
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        o, d = (place - box.centre) @ turn, rays @ turn + 1e-9
        one, other = (-box.half - o) / d, (box.half - o) / d
        near, far = np.minimum(one, other), np.maximum(one, other).min(1)
        face, enter = near.argmax(1), near.max(1)
        hit = (enter < far) & (enter > 0) & (enter < depth)
        outward = np.zeros_like(rays)
        outward[every, face] = -np.sign(d[every, face])
        depth, label = np.where(hit, enter, depth), np.where(hit, box.label, label)
        thing = np.where(hit, FIRST_BOX + number, thing)
        normal = np.where(hit[:, None], outward @ turn.T, normal)
    return Seen(depth, normal, label, thing)


def picture(
    rng: np.random.Generator, domain: str, half: np.ndarray, place: np.ndarray, rays: np.ndarray, seen: Seen
) -> np.ndarray:
    """The image (SIZE, SIZE, 3), uint8."""
    point = place + rays * seen.depth[:, None]
    base = rng.uniform(0.3, 0.9, (len(CLASSES), 3))
    own = rng.uniform(0.6, 1.2, (seen.thing.max() + 1, 3))
    colour = (base[seen.label] * own[seen.thing]).clip(0, 1)
    lamp = np.array([0, 0, 0.9 * half[2]]) + rng.normal(0, 0.5, 3) * [1, 1, 0]
    to_lamp = lamp - point
    lambert = np.maximum((to_lamp * seen.normal).sum(1) / np.linalg.norm(to_lamp, axis=1), 0)[:, None]
    if domain == "source":
        return (255 * (colour * (0.45 + 0.6 * lambert)).clip(0, 1)).reshape(SIZE, SIZE, 3).astype(np.uint8)
    frequency = rng.uniform(2, 9, (seen.thing.max() + 1, 3))[seen.thing]
    phase = rng.uniform(0, 6, (seen.thing.max() + 1, 3))[seen.thing]
    weave = np.sin(point * frequency * 3 + phase).prod(1, keepdims=True)
    spots = np.sign(np.sin(point[:, [1, 2, 0]] * frequency + phase).sum(1, keepdims=True))
    falloff = 1 / (1 + 0.15 * (to_lamp**2).sum(1, keepdims=True))
    light = colour * (1 + 0.25 * weave + 0.12 * spots) * (0.25 + 1.3 * lambert * falloff)
    return photographed(rng, (light * rng.uniform(0.7, 1.4) * rng.uniform(0.8, 1.2, 3)).reshape(SIZE, SIZE, 3))


def photographed(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Darker corners, blur, gamma, noise."""
    x = np.linspace(-1, 1, SIZE)
    image = image * (1 - rng.uniform(0, 0.3) * (x[:, None] ** 2 + x[None] ** 2))[..., None]
    k = np.array([0.2, 0.6, 0.2])
    pad = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    image = sum(k[i] * k[j] * pad[i : i + SIZE, j : j + SIZE] for i in range(3) for j in range(3))
    image = image.clip(0, 1) ** rng.uniform(0.7, 1.2) + rng.normal(0, rng.uniform(0.01, 0.05), image.shape)
    return (255 * image.clip(0, 1)).astype(np.uint8)


def write(out: Path, job: tuple[str, str, int]) -> None:
    domain, split, number = job
    rng = np.random.default_rng([1 + (domain == "target"), list(COUNTS).index(split), number])
    half, boxes = draw_room(rng)
    place, rays, frame = draw_camera(rng, half, boxes, domain)
    seen = trace(half, boxes, place, rays)
    files = {
        "image": picture(rng, domain, half, place, rays, seen),
        "normals": np.round((seen.normal @ frame + 1) / 2 * 255).reshape(SIZE, SIZE, 3).astype(np.uint8),
        "depth": (seen.depth * 1000).round().reshape(SIZE, SIZE).astype(np.uint16),
        "segmentation": seen.label.reshape(SIZE, SIZE).astype(np.uint8),
    }
    for task, values in files.items():
        Image.fromarray(values).save(out / domain / split / task / f"{number:05d}.png")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    tasks = {"normals": {}, "depth": {}, "segmentation": {"classes": CLASSES}}
    for domain in PITCH_DEG:
        for split in COUNTS:
            for task in ("image", *tasks):
                (out / domain / split / task).mkdir(parents=True)
        (out / domain / "dataset.yaml").write_text(yaml.safe_dump({"tasks": tasks}, sort_keys=False))
    jobs = [(domain, split, k) for domain in PITCH_DEG for split, count in COUNTS.items() for k in range(count)]
    with Pool() as pool:
        pool.map(partial(write, out), jobs, chunksize=50)


if __name__ == "__main__":
    main()
