"""The script that measures the angle between cameras finds what it has set, and prints it."""

import pytest

from benchmarks import cameras


def test_its_table_has_the_angle_that_was_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cameras, "PAIRS", {name: cameras.PAIRS[name] for name in ("alike", "25° down")})
    assert cameras.main(["--images", "24"]) == 0
    _, _, alike, down = capsys.readouterr().out.splitlines()
    for row, true in ((alike, 0), (down, -25)):
        name, said, classes, *_ = row.strip("| ").split(" | ")
        assert name in cameras.PAIRS
        assert float(said.rstrip("°")) == true
        assert float(classes.rstrip("°*")) == pytest.approx(true, abs=8)
