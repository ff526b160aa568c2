"""Reads ICT-FaceKit Light (MIT, © 2020 USC Institute for Creative Technologies): a clone of it, or one .npz of it.

A clone of https://github.com/ICT-VGL/ICT-FaceKit holds `FaceXModel/` with `generic_neutral_mesh.obj`, of the same
vertices `identity000.obj` … `identity099.obj` (one principal component each) and an .obj for each expression, and
`vertex_indices.json` with the expressions' names and the landmarks' vertices. Texture coordinates are not read.

The .npz has the arrays `vertices` (v, 3), `triangles` (t, 3), `triangle_material` (t,), `material_names`, `identity`
(i, v, 3) and `expression` (e, v, 3) as differences from `vertices`, `expression_names` and `landmarks68`. Centimetres.
"""

import json
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Num

from headfreeze.errors import InputError
from headfreeze.meshes.obj import ObjMesh, read_obj
from headfreeze.synth.heads.model import LANDMARKS, PARTS, HeadModel

_METRES = np.float32(0.01)
_PART_OF_MATERIAL = {
    "M_Face": "skin",
    "M_BackHead": "head",
    "M_GumsTongue": "gums",
    "M_Teeth": "teeth",
    "M_ScleraLeft": "left eye",
    "M_ScleraRight": "right eye",
}
"""All other materials are inside of the eyeballs, or transparent, and left out."""
_NEEDED = (
    "vertices", "triangles", "triangle_material", "material_names", "identity", "expression", "expression_names",
    "landmarks68",
)  # fmt: skip
_WHERE = "clone https://github.com/ICT-VGL/ICT-FaceKit and give its folder, or an .npz made of it"


@lru_cache(maxsize=1)
def load_model(path: Path) -> HeadModel:
    """The model of a clone's folder or of an .npz.

    Raises:
        InputError: there is nothing at `path`, it is something else, or it is damaged.
    """
    if not path.exists():
        raise InputError(f"model '{path}' does not exist; {_WHERE}")
    try:
        arrays = _from_clone(path) if path.is_dir() else _from_npz(path)
        return _model(arrays)
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"model '{path}' is damaged ({' '.join(str(error).split())}); {_WHERE}") from None


def _from_npz(path: Path) -> Mapping[str, Num[np.ndarray, "..."]]:
    if path.suffix != ".npz":
        raise InputError(f"model '{path}' is neither a folder nor an .npz file; {_WHERE}")
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        missing = [name for name in _NEEDED if name not in file.files]
        if missing:
            raise InputError(f"model '{path}' lacks the arrays {', '.join(missing)}; {_WHERE}")
        return {name: file[name] for name in _NEEDED}


def _from_clone(folder: Path) -> Mapping[str, Any]:
    folder = folder if (folder / "generic_neutral_mesh.obj").exists() else folder / "FaceXModel"
    index, neutral_path = folder / "vertex_indices.json", folder / "generic_neutral_mesh.obj"
    for needed in (index, neutral_path):
        if not needed.exists():
            raise InputError(f"model '{folder}' holds no {needed.name}; {_WHERE}")
    config = json.loads(index.read_text())
    neutral = read_obj(neutral_path)
    names = sorted(set(neutral.material))
    identities = sorted(folder.glob("identity[0-9][0-9][0-9].obj"))
    if not identities:
        raise InputError(f"model '{folder}' holds no identity000.obj; {_WHERE}")
    return {
        "vertices": neutral.vertices,
        "triangles": neutral.triangles,
        "triangle_material": np.array([names.index(material) for material in neutral.material]),
        "material_names": np.array(names),
        "identity": np.stack([_difference(path, neutral) for path in identities]),
        "expression": np.stack([_difference(folder / f"{name}.obj", neutral) for name in config["expressions"]]),
        "expression_names": np.array(config["expressions"]),
        "landmarks68": np.array(config["idx_to_landmark_verts"]),
    }


def _difference(path: Path, neutral: ObjMesh) -> Float32[np.ndarray, "v 3"]:
    vertices = read_obj(path).vertices
    if vertices.shape != neutral.vertices.shape:
        raise InputError(f"{path} has {len(vertices)} vertices, the neutral mesh {len(neutral.vertices)}; {_WHERE}")
    return vertices - neutral.vertices


def _model(arrays: Mapping[str, Any]) -> HeadModel:
    """The model in metres, without what is never seen."""
    names = [str(name) for name in arrays["material_names"]]
    part_of = np.array([PARTS.index(_PART_OF_MATERIAL[n]) if n in _PART_OF_MATERIAL else len(PARTS) for n in names])
    part = part_of[arrays["triangle_material"]]
    seen = part < len(PARTS)
    kept, triangles = np.unique(arrays["triangles"][seen], return_inverse=True)
    landmarks = arrays["landmarks68"]
    if landmarks.shape != (LANDMARKS,) or not np.isin(landmarks, kept).all():
        raise ValueError(f"its {len(landmarks)} landmarks are not {LANDMARKS} vertices of the mesh")
    expressions = tuple(str(name) for name in arrays["expression_names"])
    if len(expressions) != len(arrays["expression"]):
        raise ValueError(f"{len(arrays['expression'])} expressions have {len(expressions)} names")
    return HeadModel(
        vertices=_METRES * _f32(arrays["vertices"][kept]),
        triangles=triangles.reshape(-1, 3).astype(np.int64),
        part=part[seen].astype(np.uint8),
        identity=_METRES * _f32(arrays["identity"][:, kept]),
        expression=_METRES * _f32(arrays["expression"][:, kept]),
        expression_names=expressions,
        landmarks=np.searchsorted(kept, landmarks),
    )


def _f32(values: Num[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    values = np.ascontiguousarray(values, np.float32)
    if not np.isfinite(values).all():
        raise ValueError("it holds numbers that are not finite")
    return values
