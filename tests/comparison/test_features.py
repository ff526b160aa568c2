"""Features at the same places of both domains: where they are taken, their plane, how far the domains are apart."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA

from headfreeze.comparison.features import PlacedFeatures, placed_features, places
from headfreeze.comparison.figures.features import write_features
from headfreeze.data.folder import open_dataset
from headfreeze.models.margin import Margin
from headfreeze.models.network import Outputs
from headfreeze.run import Run
from headfreeze.tasks import make_task
from tests.worlds import TinyPair

NAMES = {0: "a", 1: "b", 2: "c"}


def features(shift: float, spread: float = 0.0) -> PlacedFeatures:
    """Three places at the corners of a triangle with sides √2, 20 features each; the target's are moved by `shift`."""
    rng = np.random.default_rng(0)
    place, domain = np.repeat(np.arange(3), 40), np.tile(np.repeat([0, 1], 20), 3)
    values = np.eye(4)[place] + np.outer(domain, [0, 0, 0, shift]) + rng.normal(0, spread, (120, 4))
    return PlacedFeatures(values, place, domain, NAMES)


@pytest.mark.parametrize("shift", [0.0, 0.5, 3.0])
def test_the_distance_of_domains_is_measured_by_that_of_places(shift: float) -> None:
    assert features(shift).domain_distance() == pytest.approx(shift / np.sqrt(2))


def test_places_of_one_domain_alone_do_not_count() -> None:
    whole = features(0.5)
    kept = (whole.place != 2) | (whole.domain == 0)
    fewer = PlacedFeatures(whole.values[kept], whole.place[kept], whole.domain[kept], NAMES)
    assert fewer.domain_distance() == pytest.approx(0.5 / np.sqrt(2))
    kept &= whole.place != 1
    assert np.isnan(PlacedFeatures(whole.values[kept], whole.place[kept], whole.domain[kept], NAMES).domain_distance())


def test_the_plane_is_that_of_the_principal_components() -> None:
    found = features(1.0, spread=0.3)
    expected = PCA(2).fit_transform(found.values)
    signs = np.sign((found.plane() * expected).sum(0))
    np.testing.assert_allclose(found.plane() * signs, expected, atol=1e-9)


class Looking:
    """Stands in for a run: its features are the image at a quarter of the resolution, x and y in its colours."""

    network = type("Network", (), {"channels": {"up2": 3}, "strides": {"up2": 4}})()

    def __init__(self, around: Margin) -> None:
        self.around = around

    def margin(self, height: int, width: int) -> Margin:
        assert (height, width) == (self.around.height, self.around.width)
        return self.around

    def outputs(self, image: np.ndarray, domain: str) -> Outputs:
        assert domain == "target"
        value = self.around.around(torch.from_numpy(image).permute(2, 0, 1)[None].float())
        return Outputs({}, {}, {"up2": torch.nn.functional.avg_pool2d(value, 4)})


def test_features_are_those_at_the_points_and_of_the_classes(tmp_path: Path) -> None:
    """An image whose red is x and whose green is y says where it was looked at."""
    y, x = np.mgrid[:40, :80]
    for split in ("image", "marks", "halves"):
        (tmp_path / "val" / split).mkdir(parents=True)
    Image.fromarray(np.stack([x, y, x * 0], -1).astype(np.uint8)).save(tmp_path / "val/image/a.png")
    Image.fromarray((x >= 40).astype(np.uint8)).save(tmp_path / "val/halves/a.png")
    marks = np.array([[20, 10], [70, 30], [np.nan, 5], [90, 5]], np.float32)
    np.save(tmp_path / "val/marks/a.npy", marks)
    (tmp_path / "dataset.yaml").write_text(
        "tasks:\n  marks: {kind: keypoints, count: 4, mirror: []}\n"
        "  halves: {kind: segmentation, classes: [left, right, none]}\n"
    )
    dataset = open_dataset(tmp_path)
    samples = dataset.samples("val", ["marks", "halves"])
    for around in (Margin(40, 80, 0, 0, 0, 0), Margin(40, 80, 4, 8, 4, 8)):
        run: Run = Looking(around)  # type: ignore[assignment]
        found = placed_features(run, samples, dataset.task("marks"), "up2", "target")
        assert found.place.tolist() == [0, 1]  # neither the unknown point nor the one outside
        np.testing.assert_allclose(found.values[:, :2] + 0.5, marks[:2], atol=0.01)
        halves = placed_features(run, samples, dataset.task("halves"), "up2", "target")
        assert halves.place.tolist() == [0, 1]
        np.testing.assert_allclose(halves.values[:, 0] + 0.5, [20, 60], atol=0.01)
    run = Looking(Margin(40, 80, 0, 0, 0, 0))  # type: ignore[assignment]
    np.save(tmp_path / "val/marks/a.npy", np.array([[0, 1], [79.9, 39.9], [2, 38], [np.nan] * 2], np.float32))
    edges = placed_features(run, samples, dataset.task("marks"), "up2", "target")
    np.testing.assert_allclose(edges.values[:, :2], [[1.5, 1.5], [77.5, 37.5], [1.5, 37.5]], atol=0.01)  # no zeros
    assert found.domain.tolist() == [1, 1]


def test_a_run_gives_features_of_the_images_that_have_a_label(
    normals_run: Path, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    pair = tiny_pair.copy(tmp_path)
    (pair.target / "val/segmentation/0000.png").unlink()
    dataset = open_dataset(pair.target)
    task = dataset.task("segmentation")
    run = Run(shutil.copytree(normals_run, tmp_path / "run"), "cpu")
    found = placed_features(run, dataset.samples("val", [task.name]), task, "up2", "target")
    assert found.values.shape == (len(found.place), run.network.channels["up2"])
    assert set(found.place.tolist()) == {0, 1, 2}
    assert np.bincount(found.place)[0] == 5
    both = found + placed_features(run, open_dataset(pair.source).samples("val", [task.name]), task, "up2", "source")
    assert both.domain_distance() > 0


def test_many_points_are_drawn_by_a_few() -> None:
    assert list(places(make_task("keypoints", {"count": 68, "order": "multi-pie"})).values())[:2] == ["chin", "nose"]
    assert list(places(make_task("keypoints", {"count": 29, "mirror": []}))) == [0, 4, 8, 12, 16, 20, 24, 28]
    assert places(make_task("depth")) == {}


def test_the_figure_has_a_panel_for_each_recipe(tmp_path: Path) -> None:
    write_features({"baseline": features(2.0, 0.2)}, tmp_path / "one.png")
    write_features({"baseline": features(2.0, 0.2), "headfreeze": features(0.1, 0.2)}, tmp_path / "two.png")
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "two.png") as two:
        assert two.width > 1.5 * one.width
        colours = np.array(two.convert("RGB")).reshape(-1, 3)
    for colour in ((0, 114, 178), (230, 159, 0), (0, 158, 115)):  # the three places, however thin
        assert (np.abs(colours.astype(int) - colour).max(1) < 40).sum() > 20


def test_no_features_have_no_distance() -> None:
    none = PlacedFeatures(np.empty((0, 4)), np.empty(0, int), np.empty(0, int), NAMES)
    assert np.isnan(none.domain_distance())
