"""What all tests share: types checked at run time, one thread a process, a tiny pair, the real data where it lies."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.worlds import TinyPair, write_pair

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)  # workers run side by side; numbers do not depend on the machine's cores


@pytest.fixture(scope="session")
def tiny_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyPair]:
    """A source and a target of 48 px with normals, depth, segmentation. Read only: damage a `tiny_pair.copy(tmp_path)`."""
    pair = write_pair(tmp_path_factory.mktemp("tiny"))
    before = pair.digest()
    yield pair
    assert pair.digest() == before, "a test changed the shared tiny pair; let it work on tiny_pair.copy(tmp_path)"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; tests that need it carry the mark `shared`."""
    if not _SHARED.is_dir():
        pytest.skip("the real data is not here: ../shared/data, beside the checkout, does not exist")
    return _SHARED
