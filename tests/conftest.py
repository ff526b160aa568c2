"""What all tests share: arrays checked against their annotations, no network, a tiny pair, the real data if there."""

import socket
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch

from tests.typechecking import hold_to_arrays
from tests.unrendered import unrendered_figures
from tests.worlds import TinyPair, add_edges, write_pair

# While the hook loads a module, Python looks for the bytecode of all that this one imports under the name of the hook,
# too, and compiles it where it finds none, in each process: what takes long to compile is there before.
for _name in ("torchvision.transforms.v2", "timm", "scipy.stats", "torchmetrics", "lightning.fabric"):
    import_module(_name)

hold_to_arrays("headfreeze")  # before anything imports the package

torch.set_num_threads(1)  # tests run side by side, one process a core

hypothesis.settings.register_profile("headfreeze", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("headfreeze")

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
_FACE_MODELS = Path(__file__).resolve().parents[1] / ".venv" / "face-models"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outside does not exist, so that no test depends on it, or on a cache that an earlier run has filled."""
    resolve = socket.getaddrinfo

    def local_only(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host in (None, "", "localhost", "127.0.0.1", "::1", socket.gethostname()):
            return resolve(host, *args, **kwargs)
        raise socket.gaierror(socket.EAI_NONAME, f"tests have no network: {host}")

    monkeypatch.setattr(socket, "getaddrinfo", local_only)


@pytest.fixture(autouse=True)
def _speaking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that does a worker's job makes its process silent for good, as a worker is; not so the next test's."""
    monkeypatch.setattr("headfreeze.progress._hushed", False)


@pytest.fixture
def unrendered() -> Iterator[None]:
    """Figures of reports are made, but not rendered."""
    with unrendered_figures():
        yield


@pytest.fixture(scope="session")
def tiny_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyPair]:
    """A source and a target of 48 px with all three tasks. Read only: damage a `tiny_pair.copy(tmp_path)` instead."""
    pair = write_pair(tmp_path_factory.mktemp("tiny"))
    before = pair.digest()
    yield pair
    assert pair.digest() == before, "a test changed the shared tiny pair; let it work on tiny_pair.copy(tmp_path)"


@pytest.fixture(scope="session")
def edged_pair(tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> TinyPair:
    """The tiny pair with a fourth task, edges. Read only."""
    return add_edges(tiny_pair.copy(tmp_path_factory.mktemp("edged")))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; tests that ask for it carry the mark `shared`."""
    if not _SHARED.is_dir():
        pytest.skip("the real data is not here: there is no ../shared/data beside the checkout")
    return _SHARED


@pytest.fixture(scope="session")
def face_models() -> Path:
    """The folder of the face mesh's models: made by `make test`, or here, once, where PyPI can be reached."""
    from headfreeze.annotate.face_models import face_models  # here, so that the type checker is around it

    return face_models(_FACE_MODELS)


@pytest.fixture(scope="session")
def normals_run(tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run of headfreeze: normals, with segmentation as anchor. Read only: copy it to write into it."""
    return _trained("headfreeze", tiny_pair, tmp_path_factory.mktemp("normals"), "normals", "segmentation")


@pytest.fixture(scope="session")
def depth_run(tiny_pair: TinyPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run of mtl-both: depth, with normals as anchor. Read only: copy it to write into it."""
    return _trained("mtl-both", tiny_pair, tmp_path_factory.mktemp("depth"), "depth", "normals")


def _trained(recipe: str, tiny: TinyPair, folder: Path, main: str, anchor: str) -> Path:
    from headfreeze.training.fit import fit  # here, so that the type checker is around it
    from tests.runs import TINY, pair_of, training_of

    fit(recipe, pair_of(tiny, main=main, anchor=anchor), folder / "run", architecture=TINY, training=training_of())
    return folder / "run"
