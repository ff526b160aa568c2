import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from headfreeze import cli
from headfreeze.errors import InputError
from headfreeze.synth.faces import STYLES, Style, draw_sample, write_faces
from headfreeze.synth.heads.looks import LOOKS
from headfreeze.synth.writer import Sample, split_sizes
from tests.synth.heads.small_model import write_npz

SIZE = 24
MODES = {"image": "RGB", "normals": "RGB", "depth": "I;16", "mask": "L"}
TASKS = {
    "normals": {},
    "depth": {},
    "mask": {"kind": "segmentation", "classes": ["background", "face"]},
    "keypoints": {"count": 68, "order": "multi-pie"},
}


def contents(root: Path) -> dict[str, str]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def read(path: Path, mode: str) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == mode
        return np.array(image)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_npz(tmp_path_factory.mktemp("model") / "model.npz")


@pytest.fixture(scope="module")
def faces(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("faces") / "out"
    write_faces(out, model=model, source=3, target=2, size=SIZE, workers=1)
    return out


def sample(model: Path, index: int = 0, domain: str = "target", size: int = 48, **style: str) -> Sample:
    styles = {domain: Style(**{"poses": "natural", "expressions": "mild", "look": "clean", **style})}
    return draw_sample(domain, "train", index, model=model, size=size, seed=0, styles=styles)


def test_every_image_has_its_labels_in_the_folder_format(faces: Path) -> None:
    for domain, train in (("source", 3), ("target", 2)):
        assert yaml.safe_load((faces / domain / "dataset.yaml").read_text()) == {"tasks": TASKS}
        for split, count in split_sizes(train).items():
            for kind, mode in MODES.items():
                files = sorted((faces / domain / split / kind).iterdir())
                assert [f.name for f in files] == [f"{i:06d}.png" for i in range(count)]
                assert all(read(f, mode).shape[:2] == (SIZE, SIZE) for f in files)
            points = sorted((faces / domain / split / "keypoints").iterdir())
            assert [f.name for f in points] == [f"{i:06d}.npy" for i in range(count)]
            assert all((np.load(f).shape, np.load(f).dtype) == ((68, 4), np.float32) for f in points)


def test_files_hold_the_labels_that_were_drawn(faces: Path, model: Path) -> None:
    drawn = draw_sample("target", "val", 1, model=model, size=SIZE, seed=0)
    place = faces / "target" / "val"
    stored = {kind: read(place / kind / "000001.png", mode) for kind, mode in MODES.items()}
    valid = drawn.labels["depth"] > 0
    assert 0.2 < valid.mean() < 1
    assert (stored["image"] == drawn.image).all()
    assert np.abs(stored["normals"] / 127.5 - 1 - drawn.labels["normals"])[valid].max() <= 0.5 / 127.5 + 1e-6
    assert np.abs(stored["depth"] / 1000 - drawn.labels["depth"])[valid].max() <= 0.0005 + 1e-6
    assert not stored["normals"][~valid].any()
    assert not stored["depth"][~valid].any()
    assert (stored["mask"] == drawn.labels["mask"]).all()
    assert np.array_equal(np.load(place / "keypoints" / "000001.npy"), drawn.labels["keypoints"])


def test_the_number_of_workers_changes_no_byte(faces: Path, model: Path, tmp_path: Path) -> None:
    write_faces(tmp_path / "out", model=model, source=3, target=2, size=SIZE, workers=2)
    assert contents(tmp_path / "out") == contents(faces)


def test_more_images_leave_the_first_ones_as_they_are(faces: Path, model: Path, tmp_path: Path) -> None:
    write_faces(tmp_path / "out", model=model, source=4, target=5, size=SIZE, workers=1)
    assert contents(faces).items() < contents(tmp_path / "out").items()


def test_another_seed_or_split_or_domain_gives_other_people(model: Path) -> None:
    drawn = [
        draw_sample(domain, split, 0, model=model, size=16, seed=seed).labels["depth"]
        for domain in ("source", "target")
        for split in ("train", "val", "test")
        for seed in (0, 1)
    ]
    assert not any((a == b).all() for i, a in enumerate(drawn) for b in drawn[:i])


def test_another_look_shows_the_same_head_from_the_same_place(model: Path) -> None:
    clean, photographic = (sample(model, look=look) for look in LOOKS)
    assert all(np.array_equal(clean.labels[task], photographic.labels[task]) for task in TASKS)
    assert (clean.image != photographic.image).mean() > 0.5


def test_poses_and_expressions_are_those_of_the_domain(model: Path) -> None:
    """How far the nose is from the middle between the ends of the jaw, by the width of the jaw."""

    def turned(domain: str) -> float:
        drawn = [draw_sample(domain, "train", i, model=model, size=16, seed=0) for i in range(30)]
        x = np.stack([s.labels["keypoints"][:, 0] for s in drawn])
        return float(np.std((x[:, 30] - (x[:, 0] + x[:, 16]) / 2) / np.ptp(x, axis=1)))

    assert turned("source") > 2.5 * turned("target") > 0
    assert dict(STYLES) == {
        "source": Style("wide", "mild", "clean"),
        "target": Style("frontal", "strong", "photographic"),
    }


@pytest.mark.parametrize("look", LOOKS)
def test_labels_agree_with_each_other(model: Path, look: str) -> None:
    """Landmarks of the middle of the face lie in the mask, and stand out as far as depth says."""
    for index in range(8):
        labels = sample(model, index, look=look, size=64).labels
        valid = labels["depth"] > 0
        assert np.array_equal(valid, labels["normals"].any(2))
        assert not labels["mask"][~valid].any()
        assert np.allclose(np.linalg.norm(labels["normals"][valid], axis=-1), 1, atol=1e-5)
        points = labels["keypoints"][27:36]  # the nose
        points = points[points[:, 3] == 1]
        column, row = points[:, :2].astype(int).T
        inside = (column >= 0) & (column < 64) & (row >= 0) & (row < 64)
        assert labels["mask"][row[inside], column[inside]].all()


@pytest.mark.shared
def test_real_heads_are_upright_whole_and_labelled_where_they_are(shared_data: Path) -> None:
    path = shared_data / "ict_facekit" / "ict_facekit_light.npz"
    for index in range(12):
        made = sample(path, index, poses="frontal", expressions="neutral", look="photographic", size=64)
        normals, depth, mask = (made.labels[task] for task in ("normals", "depth", "mask"))
        points = made.labels["keypoints"]
        assert (points[:, 3] == 1).mean() > 0.8
        eyes, nose, mouth = points[36:48].mean(0), points[30], points[48:68].mean(0)
        assert eyes[1] < nose[1] < mouth[1] < points[8, 1]  # y goes down
        assert points[36:42, 0].mean() < points[42:48, 0].mean()  # Multi-PIE begins at the picture's left
        assert points[:, 2].argmax() in (29, 30, 31, 32, 33, 34, 35)  # the nose stands out
        assert normals[mask > 0].mean(0)[2] > 0.6
        # Where the face recedes to the right (down), it looks to the right (down).
        to_right, down = depth[1:-1, 2:] - depth[1:-1, :-2], depth[2:, 1:-1] - depth[:-2, 1:-1]
        even = np.maximum(np.abs(to_right), np.abs(down)) < 0.02  # beside the nose depth jumps
        face = even & ((mask > 0) & (normals[..., 2] > 0.5))[1:-1, 1:-1]
        x, y, z = normals[1:-1, 1:-1][face].T
        assert np.corrcoef(to_right[face], x / z)[0, 1] > 0.7
        assert np.corrcoef(down[face], -y / z)[0, 1] > 0.7


def test_all_faults_are_told_at_once(model: Path, tmp_path: Path) -> None:
    told = (
        r"7 problems.*source is 0.*target is -1.*seed is -2.*workers is -3.*size is 8; give 16 to 1024 pixels"
        r".*unknown source_poses 'wiede': did you mean 'wide'.*unknown target_look 'photo'.*choose from clean, photog"
    )
    with pytest.raises(InputError, match=told):
        write_faces(
            tmp_path / "out", model=model, source=0, target=-1, seed=-2, workers=-3, size=8, source_poses="wiede",
            target_look="photo",
        )  # fmt: skip
    with pytest.raises(InputError, match="unknown target_expressions 'angry': choose from mild, neutral, strong"):
        write_faces(tmp_path / "out", model=model, target_expressions="angry")
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_not_there_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model '.*none.npz' does not exist; clone https://github.com/ICT-VGL/"):
        write_faces(tmp_path / "out", model=tmp_path / "none.npz")
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_not_written_over(model: Path, tmp_path: Path) -> None:
    (tmp_path / "mine" / "notes").mkdir(parents=True)
    with pytest.raises(InputError, match=r"mine' exists and is not an empty folder; name a new one"):
        write_faces(tmp_path / "mine", model=model, source=1, target=1, size=16, workers=1)


def test_the_command_writes_what_the_function_does(
    faces: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"synth faces {tmp_path}/out --model {model} --source 3 --target 2 --size {SIZE} --workers 1"
    assert cli.run(words.split()) == 0
    assert f"faces are in {tmp_path}/out/source and {tmp_path}/out/target" in capsys.readouterr().out
    assert contents(tmp_path / "out") == contents(faces)


def test_without_embree_the_command_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['embreex.rtcore_scene'] = None\n"
        "from headfreeze import cli; sys.exit(cli.run(['synth', 'faces', 'out', '--model', 'model.npz']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    told = "faces are rendered by Embree, which is not installed: pip install 'headfreeze[synth]'\n"
    assert done.stderr == f"headfreeze: error: {told}"


def test_faces_need_no_torch() -> None:
    code = "import sys, headfreeze.synth.faces; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
