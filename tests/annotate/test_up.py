import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfreeze.annotate.lines import annotate_lines
from headfreeze.annotate.up import annotate_up, up_map
from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError
from tests.annotate.test_lines import FOV_DEG, tiled


@pytest.mark.parametrize("number", range(4))
def test_up_is_the_floors_normal_in_every_pixel(number: int) -> None:
    image, view = tiled(number)
    found = up_map(image, FOV_DEG)
    assert found.shape == image.shape
    assert np.ptp(found.reshape(-1, 3), axis=0).max() == 0
    assert math.degrees(math.acos(float(found[0, 0] @ view.to_world[1]))) < 2  # the world's y axis, in the camera


def test_a_mirrored_image_has_the_mirrored_vertical() -> None:
    image, _ = tiled(2)
    x, y, z = up_map(image, FOV_DEG)[0, 0]
    np.testing.assert_allclose(up_map(np.ascontiguousarray(image[:, ::-1]), FOV_DEG)[0, 0], (-x, y, z), atol=0.02)


def test_nothing_is_said_without_lines() -> None:
    assert not up_map(np.full((90, 120, 3), 128, np.uint8)).any()


def test_a_dataset_gets_the_vertical_as_normals(tmp_path: Path) -> None:
    folder = tmp_path / "train" / "image"
    folder.mkdir(parents=True)
    image, view = tiled(1)
    Image.fromarray(image).save(folder / "a.png")
    Image.fromarray(np.full((90, 120, 3), 128, np.uint8)).save(folder / "b.png")
    assert annotate_up(tmp_path, fov_deg=FOV_DEG) == 2
    dataset = open_dataset(tmp_path)
    told, untold = (dataset.task("up").read(path) for _, path in sorted(dataset.files("train", "up").items()))
    assert float(told[:, 100, 100].numpy() @ view.to_world[1]) > math.cos(math.radians(2))
    assert not untold.any()
    with pytest.raises(InputError, match="2 labels are there already; choose another name, or set overwrite"):
        annotate_up(tmp_path)
    with pytest.raises(InputError, match="fov_deg is 0; give the angle of view over the image's longer side"):
        annotate_up(tmp_path, fov_deg=0, overwrite=True)
    annotate_lines(tmp_path)  # another anchor of the same images stands beside it
    assert set(open_dataset(tmp_path).tasks) == {"up", "lines"}
