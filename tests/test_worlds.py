"""The tiny world is what it says: labels that agree with each other, and nothing that changes from run to run."""

import numpy as np
import pytest

from headfreeze.data.folder import open_dataset
from tests.worlds import CLASSES, COUNTS, TinyPair, draw_view


def test_normals_are_the_slope_of_the_depth() -> None:
    view = draw_view("source", "train", 0, size=400)
    down, right = np.gradient(view.depth_m, 2 / 400)
    expected = np.stack([right, -down, np.ones_like(right)], axis=-1)
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    degrees = np.degrees(np.arccos(np.clip((expected * view.normals).sum(-1), -1, 1)))
    assert np.quantile(degrees, 0.9) < 0.5  # the rest lies on the balls' outlines


@pytest.mark.parametrize("domain", ["source", "target"])
def test_the_package_reads_what_was_drawn(tiny_pair: TinyPair, domain: str) -> None:
    dataset = open_dataset(getattr(tiny_pair, domain))
    for split, count in COUNTS.items():
        samples = dataset.samples(split, dataset.tasks)
        assert len(samples) == count
        view = draw_view(domain, split, 3)
        labels = {name: dataset.task(name).read(path).numpy() for name, path in samples[3].labels.items()}
        np.testing.assert_allclose(
            labels["normals"], (view.normals * ~view.hole[..., None]).transpose(2, 0, 1), atol=0.01
        )
        np.testing.assert_allclose(labels["depth"][0], view.depth_m * ~view.hole, atol=0.0006)
        np.testing.assert_array_equal(labels["segmentation"][0], np.where(view.hole, 255, view.segmentation))


def test_every_class_is_seen_and_only_the_target_has_holes() -> None:
    for domain in ("source", "target"):
        views = [draw_view(domain, "train", number) for number in range(COUNTS["train"])]
        assert set(np.unique([view.segmentation for view in views])) == set(range(len(CLASSES)))
        assert any(view.hole.any() for view in views) == (domain == "target")
