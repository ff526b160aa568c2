"""A data format of your own, read by a generator and written as the folder format: `python examples/own_reader.py`.

Here it is one .npz file a scene, with BGR images, normals as (right, down, outward) and depth in centimetres.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from headfreeze import LabelledImage, write_dataset


def read_scenes(folder: Path) -> Iterator[LabelledImage]:
    """Every image of the .npz files in a folder, in headfreeze's conventions; one scene in five is for testing."""
    for number, path in enumerate(sorted(folder.glob("*.npz"))):
        with np.load(path) as scene:
            for index, image in enumerate(scene["bgr"]):
                labels = {
                    "normals": scene["normals"][index] * [1, -1, -1],  # to x right, y up, z toward the viewer
                    "depth": scene["depth_cm"][index] / 100,  # metres; 0 stays invalid
                }
                split = "test" if number % 5 == 4 else "train"
                yield LabelledImage(split, f"{path.stem}/{index:04d}", image[..., ::-1], labels)


def write_scenes(folder: Path, rng: np.random.Generator) -> None:
    """Stands for what you have: ten scenes of walls, three images of each."""
    folder.mkdir()
    for number in range(10):
        bgr = rng.integers(0, 256, (3, 48, 64, 3), np.uint8)
        normals = np.broadcast_to([0.0, 0.0, -1.0], (3, 48, 64, 3))
        np.savez(folder / f"scene{number}.npz", bgr=bgr, normals=normals, depth_cm=np.full((3, 48, 64), 250.0))


if __name__ == "__main__":
    write_scenes(Path("scenes"), np.random.default_rng(0))
    tasks = {"normals": {}, "depth": {}}
    print(write_dataset("scenes-converted", tasks, read_scenes(Path("scenes")), groups=r"scene\d+"))
    print("next: headfreeze data check scenes-converted")
