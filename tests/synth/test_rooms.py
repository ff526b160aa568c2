import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from headfreeze.errors import InputError
from headfreeze.synth.building import RICH, draw_room
from headfreeze.synth.camera import ANY, picture
from headfreeze.synth.rooms import Poses, Style, draw_sample, write_rooms
from headfreeze.synth.scene import CLASSES
from headfreeze.synth.writer import split_sizes


def contents(root: Path) -> dict[str, str]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def read(path: Path, mode: str) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == mode
        return np.array(image)


MODES = {"image": "RGB", "normals": "RGB", "depth": "I;16", "segmentation": "L"}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rooms") / "out"
    write_rooms(out, source=3, target=2, size=24, workers=1)
    return out


def test_every_image_has_its_labels_in_the_folder_format(rooms: Path) -> None:
    for domain, train in (("source", 3), ("target", 2)):
        description = yaml.safe_load((rooms / domain / "dataset.yaml").read_text())
        assert description == {"tasks": {"normals": {}, "depth": {}, "segmentation": {"classes": list(CLASSES)}}}
        for split, count in split_sizes(train).items():
            names = [f"{i:06d}.png" for i in range(count)]
            for kind, mode in MODES.items():
                files = sorted((rooms / domain / split / kind).iterdir())
                assert [f.name for f in files] == names
                assert all(read(f, mode).shape[:2] == (24, 24) for f in files)


def test_files_hold_the_labels_that_were_drawn(rooms: Path) -> None:
    sample = draw_sample("target", "val", 1, size=24, seed=0)
    stored = {kind: read(rooms / "target" / "val" / kind / "000001.png", mode) for kind, mode in MODES.items()}
    assert (stored["image"] == sample.image).all()
    assert np.abs(stored["normals"] / 127.5 - 1 - sample.labels["normals"]).max() <= 0.5 / 127.5 + 1e-6
    assert np.abs(stored["depth"] / 1000 - sample.labels["depth"]).max() <= 0.0005 + 1e-6
    assert (stored["segmentation"] == sample.labels["segmentation"]).all()


def test_floors_look_up_and_ceilings_down_in_the_frame_of_the_camera() -> None:
    towards = []
    for index in range(16):
        labels = draw_sample("target", "train", index, size=32, seed=1).labels
        floor = labels["normals"][labels["segmentation"] == CLASSES.index("floor")]
        ceiling = labels["normals"][labels["segmentation"] == CLASSES.index("ceiling")]
        assert (floor[:, 1] > 0.65).all()  # pitched by less than about 45 degrees
        assert (np.abs(floor[:, 0]) < 0.15).all()  # and hardly rolled
        assert (ceiling[:, 1] < 0.3).all()
        towards += floor[:1, 2].tolist()
    assert np.mean(np.array(towards) > 0) > 0.7  # cameras that look down see the floor lean towards them


def test_no_pixel_is_without_labels(rooms: Path) -> None:
    count = sum(sum(split_sizes(train).values()) for train in (3, 2))
    for kind, mode, labelled in (
        ("normals", "RGB", lambda pixels: pixels.any(axis=2).all()),  # black: no label
        ("depth", "I;16", lambda pixels: pixels.all()),  # 0: no label
        ("segmentation", "L", lambda pixels: pixels.max() < len(CLASSES)),
    ):
        files = list(rooms.glob(f"*/*/{kind}/*"))
        assert len(files) == count
        assert all(labelled(read(path, mode)) for path in files)


def test_the_number_of_workers_changes_no_byte(rooms: Path, tmp_path: Path) -> None:
    write_rooms(tmp_path / "out", source=3, target=2, size=24, workers=2)
    assert contents(tmp_path / "out") == contents(rooms)


def test_more_images_leave_the_first_ones_as_they_are(rooms: Path, tmp_path: Path) -> None:
    write_rooms(tmp_path / "out", source=4, target=5, size=24, workers=1)
    more = contents(tmp_path / "out")
    assert contents(rooms).items() < more.items()


def test_another_seed_or_split_or_domain_gives_other_rooms() -> None:
    drawn = [
        draw_sample(domain, split, 0, size=16, seed=seed).labels["depth"]
        for domain in ("source", "target")
        for split in ("train", "val", "test")
        for seed in (0, 1)
    ]
    assert not any((a == b).all() for i, a in enumerate(drawn) for b in drawn[:i])


def test_equal_poses_give_both_domains_the_targets_cameras_and_the_target_stays_as_it_was() -> None:
    def floor_tilt(domain: str, poses: Poses) -> float:
        """How far floors turn towards the camera: the sine of its pitch downwards."""
        tilts = []
        for index in range(60):
            labels = draw_sample(domain, "train", index, size=16, seed=4, style=Style(poses)).labels
            floor = labels["normals"][labels["segmentation"] == CLASSES.index("floor")]
            tilts += [floor[:, 2].mean()] if len(floor) else []
        return float(np.mean(tilts))

    level, down = np.sin(np.deg2rad([5, 15]))
    assert floor_tilt("source", "different") == pytest.approx(level, abs=0.05)
    assert floor_tilt("source", "equal") == pytest.approx(down, abs=0.07)
    one, other = (draw_sample("target", "train", 0, size=16, seed=4, style=Style(p)) for p in ("different", "equal"))
    assert np.array_equal(one.image, other.image)


def test_progress_counts_up_to_all_images(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    write_rooms(tmp_path / "out", source=1, target=1, size=16, workers=1, progress=lambda *c: calls.append(c))
    assert [total for _, total in calls] == [34] * len(calls)  # 1 + 8 + 8 of each domain
    assert sorted({done for done, _ in calls}) == [done for done, _ in calls]
    assert calls[-1] == (34, 34)


def test_an_empty_folder_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_rooms(tmp_path / "out", source=1, target=1, size=16, workers=1)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["source", "target"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_there_is_not_written_over(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "mine"
    if kind == "file":
        out.write_text("notes")
    else:
        (out / "notes").mkdir(parents=True)
    with pytest.raises(InputError, match=r"mine' exists and is not an empty folder; name a new one"):
        write_rooms(out, source=1, target=1, size=16, workers=1)
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_all_bad_numbers_are_told_at_once(tmp_path: Path) -> None:
    told = r"5 problems.*source is 0.*target is -1.*seed is -2.*workers is -3.*size is 8; give 16 to 1024 pixels"
    with pytest.raises(InputError, match=told):
        write_rooms(tmp_path / "out", source=0, target=-1, size=8, seed=-2, workers=-3)
    with pytest.raises(InputError, match="unknown poses 'equall': did you mean 'equal'"):
        write_rooms(tmp_path / "out", poses="equall")  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_left_of_a_run_that_was_broken_off(tmp_path: Path, workers: int) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rooms(tmp_path / "out", source=40, target=1, size=16, workers=workers, progress=stop)
    assert not list(tmp_path.iterdir())


KILLED_HALFWAY = """
import os, signal
from pathlib import Path
from typing import get_args
from headfreeze.synth.rooms import write_rooms

def stop(done, total):
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    write_rooms(Path("out"), source=40, target=1, size=16, workers=2, progress=stop)
"""


def test_a_killed_run_leaves_no_folder_that_looks_complete(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(KILLED_HALFWAY)
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, timeout=60)
    # The pipes close when the last process that holds them has ended: no worker outlived its parent.
    assert done.returncode == -9
    assert not (tmp_path / "out").exists()


def test_a_script_without_a_guard_is_told_what_to_do(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(KILLED_HALFWAY.replace('if __name__ == "__main__":', "if True:"))
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, timeout=60, text=True)
    assert done.returncode == 1
    assert "workers=1 needs no further processes" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["script.py"]


def test_rooms_need_no_torch() -> None:
    code = "import sys, headfreeze.synth.rooms; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_look_changes_the_image_and_no_label() -> None:
    clean, photo = (
        draw_sample("source", "train", 3, size=16, seed=2, style=Style(looks={"source": look, "target": "clean"}))
        for look in ("clean", "photographic")
    )
    assert not np.array_equal(clean.image, photo.image)
    assert all(np.array_equal(clean.labels[name], photo.labels[name]) for name in clean.labels)


def test_rich_scenes_are_labelled_in_every_pixel_and_normals_are_those_of_the_depth() -> None:
    """Where neighbours lie on one plane, the normal is that of the plane through them."""
    style, size = Style("any", "rich"), 96
    for index in range(6):
        _, camera = draw_room(np.random.default_rng([7, 1, 0, index]), ANY, RICH)
        labels = draw_sample("target", "train", index, size=size, seed=7, style=style).labels
        assert labels["depth"].min() > 0
        np.testing.assert_allclose(np.linalg.norm(labels["normals"], axis=2), 1, atol=1e-5)
        rays = picture(camera.frame.T @ camera.rays(size), size)
        points = rays * labels["depth"][:, :, None]
        across, down = points[1:-1, 2:] - points[1:-1, :-2], points[2:, 1:-1] - points[:-2, 1:-1]
        normals = np.cross(down, across)
        normals /= np.linalg.norm(normals, axis=2, keepdims=True)
        flat = np.ones((size - 2, size - 2), bool)
        for dy, dx in ((0, 1), (2, 1), (1, 0), (1, 2)):
            flat &= (labels["normals"][dy : dy + size - 2, dx : dx + size - 2] == labels["normals"][1:-1, 1:-1]).all(2)
            flat &= labels["segmentation"][dy : dy + size - 2, dx : dx + size - 2] == labels["segmentation"][1:-1, 1:-1]
        cosine = (normals * labels["normals"][1:-1, 1:-1]).sum(2)[flat]
        assert flat.mean() > 0.3
        assert np.mean(cosine > np.cos(np.deg2rad(2))) > 0.97  # the rest: steps between parallel faces


def test_unknown_names_of_a_style_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown scenes 'poor': choose from rich, simple"):
        write_rooms(tmp_path / "out", source=1, target=1, size=16, scenes="poor")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="unknown source_look 'oil': choose from clean, path-traced, photographic"):
        write_rooms(tmp_path / "out", source=1, target=1, size=16, source_look="oil")  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
