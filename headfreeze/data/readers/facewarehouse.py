"""FaceWarehouse (Cao et al., TVCG 2014): 150 people before a Kinect, with a mesh for each of their 20 expressions.

    ROOT/Tester_1/TrainingPose/pose_0.obj      11510 vertices, pose_0 … pose_19
    ROOT/Tester_1/TrainingPose/pose_0.png      640 × 480
    ROOT/Tester_1/TrainingPose/pose_0.land     landmarks, a count and then "x y" a line, y up, as shares of the image

http://kunzhou.net/zjugaps/facewarehouse, by request; research only. The paper's target: it gives no normals, they are
rendered here from the meshes. What its pages do not tell are settings: the pictures' ending, the camera, and how the
meshes lie before it; a picture of `headfreeze data check` shows whether they do. A frame's group is the person; the
paper's splits are --splits 0.7,0.15,0.15. Landmarks of our 68 come from `headfreeze annotate landmarks`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from headfreeze.data.exif import exif_of
from headfreeze.data.images import read_image
from headfreeze.data.pinhole import rays
from headfreeze.data.readers.base import Frame, Reader
from headfreeze.data.readers.frames import parse_axes
from headfreeze.data.readers.safely import MOST_BYTES, folders, inside, lies_at, reading
from headfreeze.data.write import LabelledImage
from headfreeze.errors import InputError
from headfreeze.meshes.obj import ObjMesh, read_obj

POSES = 20


@dataclass(frozen=True)
class FaceWarehouse(Reader):
    """Reads FaceWarehouse, and whatever else is laid out like it.

    Args:
        ending: of the pictures beside the meshes.
        axes: what x right, y up and z toward the camera are made of in the meshes' coordinates.
        focal_px: focal length of the camera.
        centre_x_px: the principal point's column; 0: the middle of the image.
        centre_y_px: its row.
        distance: added to the distance from the camera, in the meshes' unit, where they lie about their own middle.
    """

    ending: str = ".png"
    axes: str = "opengl"
    focal_px: float = 525.0
    centre_x_px: float = 0.0
    centre_y_px: float = 0.0
    distance: float = 0.0
    name = "facewarehouse"

    def __post_init__(self) -> None:
        parse_axes(self.axes)
        if not self.focal_px > 0:
            raise InputError(f"focal_px is {self.focal_px}; give pixels above 0")

    def tasks(self) -> Mapping[str, Mapping[str, Any]]:
        """Normals, and the mask of the mesh."""
        return {"normals": {}, "mask": {"kind": "segmentation", "classes": ["background", "face"]}}

    def frames(self) -> Sequence[Frame]:
        """Every expression of every person that has a picture and a mesh."""
        frames = []
        for person in folders(self.root, self.root):
            poses = person / "TrainingPose"
            for number in range(POSES) if poses.is_dir() else ():
                picture, mesh = poses / f"pose_{number}{self.ending}", poses / f"pose_{number}.obj"
                if lies_at(picture) and lies_at(mesh):
                    frames.append(Frame(f"{person.name}/pose_{number}", person.name, None, (picture, mesh)))
        return frames

    def read(self, frame: Frame) -> LabelledImage:
        """One picture, with the normals of its mesh."""
        picture, path = (inside(self.root, place) for place in frame.place)
        image = read_image(picture)
        height, width = image.shape[:2]
        with reading(path):
            if path.stat().st_size > MOST_BYTES:
                raise InputError(f"{path}: {path.stat().st_size} bytes; at most {MOST_BYTES} are read")
            mesh = read_obj(path)
        normals = self._rendered(path, mesh, height, width)
        face = np.asarray(normals.any(-1))
        if not face.any():
            raise InputError(
                f"{path}: its mesh is not in the picture; set axes, focal_px or distance: --settings distance=…"
            )
        labels: dict[str, np.ndarray] = {"normals": normals, "mask": face.astype(np.uint8)}
        exif = exif_of((self.focal_px, self.focal_px), height, width)
        return LabelledImage(frame.split or "train", frame.id, image, labels, exif)

    def _rendered(self, path: Path, mesh: ObjMesh, height: int, width: int) -> Float[np.ndarray, "h w 3"]:
        """Smooth normals where rays of the camera meet the mesh first, zeros elsewhere."""
        from headfreeze.meshes.trace import Mesh, vertex_normals  # Embree, where it is installed

        vertices, triangles = self._placed(path, mesh), mesh.triangles
        shape, through = Mesh(vertices, triangles), self._rays(height, width)
        hits = shape.cast(np.zeros_like(through), through)
        smooth = shape.at(hits, vertex_normals(vertices, triangles))
        smooth /= np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), 1e-12)
        away = (smooth * through[hits.ray]).sum(1, keepdims=True) > 0  # a mesh whose triangles are wound the other way
        normals = np.zeros((height * width, 3), np.float32)
        normals[hits.ray] = np.where(away, -smooth, smooth)
        return normals.reshape(height, width, 3)

    def _placed(self, path: Path, mesh: ObjMesh) -> Float32[np.ndarray, "v 3"]:
        fine = mesh.vertices.ndim == 2 and mesh.vertices.shape[1:] == (3,) and np.isfinite(mesh.vertices).all()
        if (
            not fine
            or not len(mesh.triangles)
            or not 0 <= mesh.triangles.min() <= mesh.triangles.max() < len(mesh.vertices)
        ):
            raise InputError(f"{path}: no mesh of vertices and faces that fit together; download it again")
        columns = [sign * mesh.vertices[:, axis] for axis, sign in parse_axes(self.axes)]
        placed = np.stack(columns, axis=1)
        placed[:, 2] -= self.distance
        return placed.astype(np.float32)

    def _rays(self, height: int, width: int) -> Float32[np.ndarray, "r 3"]:
        centre = self.centre_x_px or width / 2, self.centre_y_px or height / 2
        return rays(height, width, (self.focal_px, self.focal_px), centre).reshape(-1, 3).astype(np.float32)
