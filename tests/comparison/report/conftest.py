"""Two comparisons for all tests of the report, made once and only read; copy one to change it."""

from pathlib import Path

import pytest

from tests.worlds import TinyPair

RECIPES = ("baseline", "headfreeze-da", "oracle")


@pytest.fixture(scope="session")
def compared(tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Normals with segmentation as anchor, three recipes, two seeds; its report is written."""
    from headfreeze.comparison.compare import compare  # here, so that the type checker is around it
    from headfreeze.comparison.report import write_report
    from tests.runs import TINY, pair_of, training_of

    folder = tmp_path_factory.mktemp("compared") / "out"
    training = training_of(steps=4, batch_size=2)
    compare(pair_of(tiny_pair), folder, recipes=RECIPES, seeds=(0, 1), architecture=TINY, training=training)
    write_report(folder)
    return folder
