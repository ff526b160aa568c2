"""Which frame normals are in, by their depth: each of the 48 is named, and what cannot be told is not claimed."""

import numpy as np
import pytest

from headfreeze.data.frame_evidence import FrameEvidence
from headfreeze.data.readers.frames import FRAMES, NAMED, parse_axes, to_ours
from headfreeze.errors import InputError
from tests.boxroom import angles_deg, box_view

VIEWS = [box_view(number, 60, 80, 50.0) for number in range(3)]


@pytest.mark.parametrize("axes", FRAMES)
def test_each_frame_is_named_and_converted(axes: str) -> None:
    evidence = FrameEvidence()
    for view in VIEWS:
        stored = view.normals @ FRAMES[axes]  # a signed permutation: its transpose undoes it
        evidence.add(stored, view.depth_m * 1000)  # in any unit
    found = evidence.verdict()
    assert found.axes == axes
    assert found.certain
    assert angles_deg(to_ours(stored, axes), VIEWS[-1].normals).max() < 0.1


def test_one_wall_or_noise_tells_nothing_for_certain() -> None:
    flat = np.zeros((60, 80, 3))
    flat[..., 2] = 1
    evidence = FrameEvidence()
    evidence.add(flat, np.full((60, 80), 2.0))
    assert not evidence.verdict().certain  # whatever x and y are: they do not show
    noise = np.random.default_rng(0).normal(size=(60, 80, 3))
    evidence = FrameEvidence()
    evidence.add(noise / np.linalg.norm(noise, axis=-1, keepdims=True), VIEWS[0].depth_m)
    assert not evidence.verdict().certain
    assert not FrameEvidence().verdict().certain


def test_names_mean_their_axes() -> None:
    assert parse_axes("opencv") == parse_axes("x -y -z") == ((0, 1.0), (1, -1.0), (2, -1.0))
    assert set(NAMED.values()) <= set(FRAMES)
    for wrong in ("x y", "x y y", "right up back", ""):
        with pytest.raises(InputError, match=f"normals frame is '{wrong}'; name one of opengl, opencv"):
            parse_axes(wrong)


def test_what_is_too_short_or_no_number_is_invalid() -> None:
    stored = np.array([[[0.0, 0, 0.2], [np.nan, 0, 1], [0, 0, 3]]])
    assert np.array_equal(to_ours(stored, "opengl"), [[[0, 0, 0], [0, 0, 0], [0, 0, 1]]])
