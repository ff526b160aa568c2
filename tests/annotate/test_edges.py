import errno
import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from skimage.feature import canny

from headfreeze.annotate import edges
from headfreeze.annotate.derive import derive
from headfreeze.annotate.edges import annotate_edges, edge_map
from headfreeze.annotate.labelling import publish
from headfreeze.data.folder import open_dataset
from headfreeze.errors import InputError


def square(size: int = 40, side: int = 16, dark: int = 40, bright: int = 200) -> np.ndarray:
    """A bright square in the middle of a dark image."""
    image = np.full((size, size, 3), dark, np.uint8)
    start = (size - side) // 2
    image[start : start + side, start : start + side] = bright
    return image


def photograph(height: int = 60, width: int = 80, seed: int = 0) -> np.ndarray:
    """Overlapping rectangles of random greys under a shading, with a little noise."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width), 120.0)
    for _ in range(12):
        y, x = rng.integers(0, height - 10), rng.integers(0, width - 10)
        image[y : y + rng.integers(8, 30), x : x + rng.integers(8, 30)] = rng.uniform(20, 235)
    image = image * np.linspace(0.8, 1, width) + rng.normal(0, 1, image.shape)
    return np.repeat(image.clip(0, 255).astype(np.uint8)[..., None], 3, -1)


def save(path: Path, image: np.ndarray, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for i in range(3):
        save(tmp_path / f"set/train/image/{i:02d}.png", photograph(seed=i))
    save(tmp_path / "set/test/image/walk/frame.0001.jpg", photograph(seed=9))
    return tmp_path / "set"


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "L"
        return np.array(image)


@pytest.mark.parametrize(("dark", "bright"), [(40, 200), (2, 12), (230, 250)])
def test_the_edges_of_a_square_are_its_outline(dark: int, bright: int) -> None:
    edges = edge_map(square(dark=dark, bright=bright))
    rows, columns = np.nonzero(edges)
    distance = np.maximum(np.abs(rows - 19.5), np.abs(columns - 19.5))
    assert np.abs(distance - 8).max() <= 1.5  # blurring rounds the corners off
    assert edges.sum() > 0.8 * 4 * 16
    assert set(np.unique(edges)) == {0, 1}


def test_an_even_image_and_faint_noise_have_no_edges() -> None:
    assert not edge_map(np.full((20, 20, 3), 77, np.uint8)).any()
    noise = np.random.default_rng(0).normal(100, 0.7, (60, 60, 1)).round().astype(np.uint8)
    assert not edge_map(np.repeat(noise, 3, -1)).any()


def test_a_dark_photograph_has_the_edges_of_the_bright_one() -> None:
    bright = photograph()
    edges, in_the_dark = edge_map(bright), edge_map(bright // 8)
    within_a_pixel = edge_map(bright, thickness_px=3) & in_the_dark
    assert within_a_pixel.sum() > 0.95 * in_the_dark.sum()
    assert int(in_the_dark.sum()) == pytest.approx(int(edges.sum()), rel=0.05)


def test_nearly_all_edges_are_those_of_another_implementation() -> None:
    image = photograph()
    ours = edge_map(image, blur_px=1.0, strong=0.9, weak=0.4)
    theirs = canny(image[..., 0].astype(float), sigma=1.0, high_threshold=0.9, low_threshold=0.36, use_quantiles=True)
    near = np.zeros_like(theirs)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near |= np.roll(theirs, (dy, dx), (0, 1))
    inner = (slice(3, -3), slice(3, -3))  # they leave the border out
    assert (near & (ours > 0))[inner].sum() > 0.9 * ours[inner].sum()


def test_thicker_lines_contain_the_thin_ones() -> None:
    thin, thick = edge_map(photograph()), edge_map(photograph(), thickness_px=3)
    assert (thick >= thin).all()
    assert thick.sum() > 2 * thin.sum()


def test_every_image_of_every_split_gets_a_map_and_the_task_is_declared(root: Path) -> None:
    assert annotate_edges(root) == 4
    np.testing.assert_array_equal(read(root / "train/edges/01.png"), edge_map(photograph(seed=1)))
    dataset = open_dataset(root)
    assert dataset.task("edges").options() == {"kind": "segmentation", "classes": ["none", "edge"]}
    for split, count in (("train", 3), ("test", 1)):
        samples = dataset.samples(split, ["edges"])
        assert [set(sample.labels) for sample in samples] == [{"edges"}] * count
        for sample in samples:
            label = dataset.task("edges").read(sample.labels["edges"])
            assert label.shape == (1, 60, 80)
            assert 0.02 < label.float().mean() < 0.3
    assert not (root / "val").exists()


def test_what_dataset_yaml_holds_stays(root: Path) -> None:
    (root / "dataset.yaml").write_text("# mine\ntasks:\n  normals: {}\n")
    annotate_edges(root, name="lines")
    assert (root / "dataset.yaml").read_text() == (
        "# mine\ntasks:\n  normals: {}\n  lines: {kind: segmentation, classes: [none, edge]}\n"
    )


def test_a_photograph_lying_on_its_side_gets_an_upright_map(root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    save(root / "val/image/turned.jpg", photograph(), exif=exif)
    annotate_edges(root)
    assert read(root / "val/edges/turned.png").shape == (80, 60)


def test_labels_that_are_there_are_replaced_only_when_asked_to(root: Path) -> None:
    annotate_edges(root)
    save(root / "train/edges/01.png", np.zeros((60, 80), np.uint8))
    with pytest.raises(
        InputError, match=r"train/edges: 3 labels are there already; choose another name, or set overwrite"
    ):
        annotate_edges(root)
    assert not read(root / "train/edges/01.png").any()
    assert annotate_edges(root, overwrite=True) == 4
    np.testing.assert_array_equal(read(root / "train/edges/01.png"), edge_map(photograph(seed=1)))


def test_twice_the_same_call_gives_the_same_bytes(root: Path) -> None:
    annotate_edges(root)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    annotate_edges(root, overwrite=True)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_damaged_image_leaves_nothing_behind(root: Path) -> None:
    (root / "test/image/broken.png").write_bytes((root / "train/image/00.png").read_bytes()[:100])
    before = sorted(root.rglob("*"))
    with pytest.raises(InputError, match=r"broken\.png: cannot be read as an image"):
        annotate_edges(root)
    assert sorted(root.rglob("*")) == before


def test_an_interrupted_call_leaves_the_labels_that_it_was_to_replace(root: Path) -> None:
    annotate_edges(root)
    save(root / "train/edges/00.png", np.zeros((60, 80), np.uint8))
    (root / "test/image/broken.png").write_bytes(b"")
    before = {path: path.is_file() and path.read_bytes() for path in root.rglob("*")}
    with pytest.raises(InputError, match=r"broken\.png: "):
        annotate_edges(root, overwrite=True)
    assert {path: path.is_file() and path.read_bytes() for path in root.rglob("*")} == before


def test_an_empty_folder_of_labels_is_filled_at_the_end_wherever_it_lies(root: Path, tmp_path: Path) -> None:
    (tmp_path / "another disk").mkdir()
    (root / "train/edges").symlink_to(tmp_path / "another disk")
    broken = root / "test/image/broken.png"
    broken.write_bytes(b"")
    with pytest.raises(InputError, match=r"broken\.png: "):
        annotate_edges(root)
    assert list((tmp_path / "another disk").iterdir()) == []
    broken.unlink()
    assert annotate_edges(root) == 4
    assert sorted(path.name for path in (tmp_path / "another disk").iterdir()) == ["00.png", "01.png", "02.png"]


@pytest.fixture
def disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that nothing can be moved into or out of, as another disk's."""
    disk, replace = tmp_path / "another disk", Path.replace
    disk.mkdir()

    def moved(path: Path, target: Path) -> Path:
        if path.resolve().is_relative_to(disk) != Path(target).resolve().is_relative_to(disk):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(path))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", moved)
    return disk


def test_labels_may_lie_on_another_disk(root: Path, disks: Path) -> None:
    for split in ("train", "test"):
        (disks / split).mkdir()
        (root / split / "edges").symlink_to(disks / split)
    assert annotate_edges(root) == 4
    assert annotate_edges(root, overwrite=True) == 4
    assert len(list(disks.rglob("*.png"))) == 4
    segmented = {"kind": "segmentation", "classes": ["no edge", "edge"]}
    (root / "dataset.yaml").write_text(yaml.safe_dump({"tasks": {"edges": segmented}}))
    (disks / "few").mkdir()
    (root / "test/few").symlink_to(disks / "few")
    for overwrite in (False, True):
        assert derive(root, anchor="edges", name="few", share=0.5, overwrite=overwrite) == 3
    assert len(list((disks / "few").iterdir())) == 1
    assert len(list((root / "train/few").iterdir())) == 2


def test_where_labels_cannot_be_put_is_said_before_the_work(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edges, "edge_map", lambda *_: pytest.fail("looked at an image"))
    place = root / "test/edges"
    place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"test/edges: a link that leads nowhere; mend it, or remove it"):
        annotate_edges(root)
    place.unlink()
    place.write_text("no folder")
    with pytest.raises(InputError, match="test/edges is a file, not a folder"):
        annotate_edges(root)
    place.unlink()
    place.mkdir()
    (place / "a").symlink_to(tmp_path)
    with pytest.raises(InputError, match="test/edges/a: a link to a folder, which is not followed"):
        annotate_edges(root, overwrite=True)
    (place / "a").unlink()
    monkeypatch.setattr(os, "access", lambda path, _: path != place)
    with pytest.raises(InputError, match=r"no permission to write to .*test/edges; choose another folder"):
        annotate_edges(root)
    assert not (root / "dataset.yaml").exists()


def test_a_linked_description_stays_a_link(root: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared.yaml"
    shared.write_text("tasks:\n  normals: {}  # rendered\n")
    (root / "dataset.yaml").symlink_to(shared)
    annotate_edges(root)
    assert (root / "dataset.yaml").is_symlink()
    assert "# rendered\n  edges:" in shared.read_text()


def test_labels_of_another_ending_make_way_and_those_of_other_images_stay(tmp_path: Path) -> None:
    extensions, folder, aside = (".png", ".npy"), tmp_path / "depth", tmp_path / ".depth"
    before = ("a.png", "walk/b.PNG", "a.txt", "other.png")
    for path in (*(folder / name for name in before), aside / "a.npy", aside / "walk/b.npy"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    publish(aside, folder, ["a", "walk/b"], extensions)
    left = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert left == ["a.npy", "a.txt", "other.png", "walk/b.npy"]


def test_a_task_declared_otherwise_is_refused_before_the_work(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    annotate_edges(root)
    (root / "dataset.yaml").write_text("tasks: {edges: {kind: depth}, normals: {}}")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    monkeypatch.setattr(edges, "edge_map", lambda *_: pytest.fail("looked at an image"))
    with pytest.raises(
        InputError, match=r"dataset\.yaml: 'edges' is declared as \{'kind': 'depth'\}, not as .*choose another name"
    ):
        annotate_edges(root, overwrite=True)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_folders_without_images_and_bad_settings_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such folder"):
        annotate_edges(tmp_path / "nowhere")
    (tmp_path / "empty/train/image").mkdir(parents=True)
    with pytest.raises(InputError, match="empty: no images; they lie in ROOT/train/image"):
        annotate_edges(tmp_path / "empty")
    with pytest.raises(InputError, match=r"task name '\.\./x': give letters"):
        annotate_edges(root, name="../x")
    for setting, value in (("strong", 0.0), ("weak", 1.5), ("blur_px", -1.0), ("thickness_px", 0)):
        with pytest.raises(InputError, match=f"{setting} is {value}; "):
            annotate_edges(root, **{setting: value})
    (root / "dataset.yaml").write_text("tasks: [unclosed")
    with pytest.raises(InputError, match=r"dataset\.yaml: not valid YAML"):
        annotate_edges(root)
    assert not (root / "train/edges").exists()
