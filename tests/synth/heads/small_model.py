"""A morphable head of a few hundred vertices in the files of ICT-FaceKit: an egg with two eyes, made up by the tests.

In centimetres, like the real one: 15 wide, 22 high, the front at z = 9. Landmarks are the egg's vertices nearest to
where a face has them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

AXES = np.array([7.5, 11.0, 9.0])
EYES = {"M_ScleraLeft": np.array([3.1, 3.0, 7.0]), "M_ScleraRight": np.array([-3.1, 3.0, 7.0])}
EXPRESSIONS = ("jawOpen", "mouthSmile_L", "mouthSmile_R", "eyeLookDown_L", "eyeLookDown_R")
ROWS, COLUMNS = 40, 48


def landmark_places() -> np.ndarray:
    """(68, 2): x and y of the landmarks as seen from the front, in the order of Multi-PIE."""
    jaw = [(7.0 * np.sin(a), 3 - 10 * np.cos(a)) for a in np.linspace(-np.pi / 2, np.pi / 2, 17)]
    brows = [(x, 5.5 - 0.05 * (abs(x) - 3) ** 2) for x in (-5, -4.2, -3.3, -2.3, -1.3, 1.3, 2.3, 3.3, 4.2, 5)]
    nose = [(0, y) for y in (3.5, 2.5, 1.5, 0.5)] + [(x, -0.8) for x in (-1.5, -0.8, 0, 0.8, 1.5)]
    eyes = [(c + 1.4 * np.cos(a), 3 + 0.7 * np.sin(a)) for c in (-3.1, 3.1) for a in np.pi * np.array(
        [1, 2 / 3, 1 / 3, 0, -1 / 3, -2 / 3])]  # fmt: skip
    lips = [(r * np.cos(a), -4 + 0.45 * r * np.sin(a)) for r, n in ((2.5, 12), (1.6, 8)) for a in np.pi - np.arange(
        n) * 2 * np.pi / n]  # fmt: skip
    return np.array([*jaw, *brows, *nose, *eyes, *lips])


def arrays() -> dict[str, Any]:
    """What the .npz holds."""
    vertices, triangles = ball_mesh(ROWS, COLUMNS)
    vertices = vertices * AXES
    material = (vertices[triangles].mean(1)[:, 2] < -1).astype(int)  # 0 M_Face, 1 M_BackHead
    landmarks = [_front(vertices, place) for place in landmark_places()]
    parts, corners, materials = [vertices], [triangles], [material]
    for number, centre in enumerate(EYES.values(), 2):
        ball, of_ball = ball_mesh(8, 12)
        corners.append(of_ball + sum(map(len, parts)))
        parts.append(1.5 * ball[:, [2, 0, 1]] + centre)  # a pole in front
        materials.append(np.full(len(of_ball), number))
    lost = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])  # a triangle that nobody ever sees, as the lashes are
    corners.append(np.array([[0, 1, 2]]) + sum(map(len, parts)))
    parts.append(lost)
    materials.append(np.array([4]))
    vertices = np.concatenate(parts).astype(np.float32)
    y, x = vertices[:, 1], vertices[:, 0]
    wider, longer = vertices * (0.06, 0, 0), vertices * (0, 0.05, 0)
    jaw = np.stack([0 * x, -0.35 * np.clip(-3 - y, 0, 3), 0 * x], axis=1)
    smiles = [0.5 * np.exp(-((x - side) ** 2 + (y + 4) ** 2))[:, None] * (side / 2.5, 1, 0) for side in (2.5, -2.5)]
    lids = [-0.2 * np.exp(-((x - side) ** 2 + (y - 3.5) ** 2))[:, None] * (0, 1, 0) for side in (3.1, -3.1)]
    return {
        "vertices": vertices,
        "triangles": np.concatenate(corners).astype(np.int32),
        "triangle_material": np.concatenate(materials).astype(np.uint8),
        "material_names": np.array(["M_Face", "M_BackHead", *EYES, "M_EyeLashes"]),
        "identity": np.stack([wider, longer]).astype(np.float32),
        "expression": np.stack([jaw, *smiles, *lids]).astype(np.float32),
        "expression_names": np.array(EXPRESSIONS),
        "landmarks68": np.array(landmarks, np.int32),
    }


def write_npz(path: Path, **changes: Any) -> Path:
    """The model as one file, some arrays exchanged, or left out where None is given."""
    np.savez(path, **{name: value for name, value in {**arrays(), **changes}.items() if value is not None})
    return path


def write_clone(folder: Path) -> Path:
    """The model as ICT-FaceKit's own folder."""
    values = arrays()
    inner = folder / "FaceXModel"
    inner.mkdir(parents=True)
    _write_obj(inner / "generic_neutral_mesh.obj", values["vertices"], values)
    for i, shape in enumerate(values["identity"]):
        _write_obj(inner / f"identity{i:03d}.obj", values["vertices"] + shape)
    for name, shape in zip(EXPRESSIONS, values["expression"], strict=True):
        _write_obj(inner / f"{name}.obj", values["vertices"] + shape)
    config = {"expressions": EXPRESSIONS, "idx_to_landmark_verts": values["landmarks68"].tolist()}
    (inner / "vertex_indices.json").write_text(json.dumps(config))
    return folder


def _write_obj(path: Path, vertices: np.ndarray, mesh: dict[str, Any] | None = None) -> None:
    lines = ["# made up", *(f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in vertices), "vt 0.5 0.5", "vn 0 0 1"]
    if mesh is not None:
        for number, name in enumerate(mesh["material_names"]):
            lines.append(f"usemtl {name}")
            rows = mesh["triangles"][mesh["triangle_material"] == number]
            lines += [f"f {a}/1/1 {b}/1/1 {c}/1/1" for a, b, c in rows + 1]
    path.write_text("\n".join(lines) + "\n")


def _front(vertices: np.ndarray, place: np.ndarray) -> int:
    distance = np.hypot(*(vertices[:, :2] - place).T)
    return int(np.where(vertices[:, 2] > -0.1, distance, np.inf).argmin())


def ball_mesh(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit ball with the poles on y; triangles turn anticlockwise as seen from outside."""
    down, around = np.meshgrid(np.linspace(0, np.pi, rows), 2 * np.pi * np.arange(columns) / columns, indexing="ij")
    grid = np.stack([np.sin(down) * np.sin(around), np.cos(down), np.sin(down) * np.cos(around)], axis=-1)
    i, j = (n.ravel() for n in np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij"))
    a, b = i * columns + j, i * columns + (j + 1) % columns
    first, second = np.stack([a, a + columns, b], 1), np.stack([b, a + columns, b + columns], 1)
    return grid.reshape(-1, 3), np.concatenate([first[i > 0], second[i < rows - 2]])
