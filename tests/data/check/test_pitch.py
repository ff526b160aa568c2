"""Cameras that look up or down by other angles are told by the labels of both domains."""

from pathlib import Path

import pytest

from headfreeze.data.check.pitch import pitch_lines
from headfreeze.data.folder import open_dataset
from tests.corridor import OPTIONS, written


def test_the_angle_and_what_to_do_are_said(tmp_path: Path) -> None:
    level, down = (open_dataset(written(tmp_path / name, pitch)) for name, pitch in (("a", -3), ("b", -17)))
    (line,) = pitch_lines(level, down, list(OPTIONS))
    angle = int(line.split("--source_pitch_deg ")[1])
    assert -17 <= angle <= -11
    assert f"the target's look {-angle}° further down than the source's" in line
    assert all(f"by {name}" in line for name in ("normals", "depth"))
    assert "by segmentation" not in line, "rows of classes have no say where normals are sure"
    assert "train baseline+aligned and mtl-both+aligned" in line
    (back,) = pitch_lines(down, level, ["segmentation"])
    assert "further up" in back
    assert list(pitch_lines(level, level, list(OPTIONS))) == []


def test_what_cannot_be_read_or_is_too_little_tells_nothing(tmp_path: Path) -> None:
    level, down = (written(tmp_path / name, pitch) for name, pitch in (("a", 0), ("b", -16)))
    for i in range(4):
        (down / "train/segmentation" / f"{i}.png").write_bytes(b"damaged")
    (line,) = pitch_lines(open_dataset(level), open_dataset(down), ["segmentation"])
    assert "further down" in line
    few = written(tmp_path / "few", -16, count=9)
    assert list(pitch_lines(open_dataset(level), open_dataset(few), ["segmentation"])) == []


@pytest.mark.parametrize("anchors", [[], ["normals"]])
def test_only_what_is_an_anchor_is_asked(anchors: list[str], tmp_path: Path) -> None:
    level, down = (open_dataset(written(tmp_path / name, pitch)) for name, pitch in (("a", 0), ("b", -16)))
    lines = list(pitch_lines(level, down, anchors))
    assert len(lines) == len(anchors)
    assert all("segmentation" not in line for line in lines)
