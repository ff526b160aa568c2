"""Phases at a place that no file system reaches: what lies there is enough to go on, on another machine, to the bit."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from headfreeze.errors import InputError
from headfreeze.run import RunCard
from headfreeze.training.fit import fit
from headfreeze.training.mirror import Mirror
from headfreeze.training.store import PhaseStore
from tests.runs import TINY, KilledError, fit_tiny, pair_of, same_bits, training_of, watched, weights_of
from tests.worlds import TinyPair

SETTINGS = {"steps": 6, "batch_size": 2, "checkpoint_every": 0.0}


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A location that is no folder, and scratch folders of this test alone."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    yield "memory://bucket/phases"
    fsspec.filesystem("memory").store.clear()


def fit_there(tiny: TinyPair, out: Path, url: str) -> RunCard:
    return fit("headfreeze", pair_of(tiny), out, architecture=TINY, training=training_of(**SETTINGS), phases=url)


def names(url: str) -> set[str]:
    files = fsspec.filesystem("memory")
    return {Path(path).name for path in files.find("bucket/phases")}


def another_machine(tmp_path: Path) -> None:
    """Nothing of what was trained is there."""
    shutil.rmtree(tmp_path / "scratch")
    (tmp_path / "scratch").mkdir()


def test_killed_on_one_machine_it_goes_on_on_another_to_the_same_bits(
    elsewhere: str, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = fit_tiny("headfreeze", tiny_pair, tmp_path / "whole", **SETTINGS)
    with watched(monkeypatch, 2, dies_at=3), pytest.raises(KilledError):
        fit_there(tiny_pair, tmp_path / "broken", elsewhere)
    assert {"state.pt", "result.json", "weights.safetensors", "progress.json"} <= names(elsewhere)
    another_machine(tmp_path)
    with watched(monkeypatch) as watch:
        again = fit_there(tiny_pair, tmp_path / "broken", elsewhere)
    assert watch.steps == {"headfreeze seed 0 phase 2/2": [3]}, "two steps were in the checkpoint"
    assert [phase["key"] for phase in again.phases] == [phase["key"] for phase in card.phases]
    assert same_bits(weights_of(tmp_path / "whole"), weights_of(tmp_path / "broken"))
    assert names(elsewhere) == {"phase.json", "metrics.csv", "weights.safetensors", "result.json"}
    another_machine(tmp_path)
    with watched(monkeypatch) as watch:
        fit_there(tiny_pair, tmp_path / "third", elsewhere)
    assert watch.trained == [], "a finished phase is taken from there"
    assert same_bits(weights_of(tmp_path / "whole"), weights_of(tmp_path / "third"))


def test_a_phase_whose_last_file_is_missing_there_is_not_finished(
    elsewhere: str, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = fit_there(tiny_pair, tmp_path / "run", elsewhere)
    key, files = card.phases[1]["key"], fsspec.filesystem("memory")
    files.rm(f"bucket/phases/{key}/result.json")
    with watched(monkeypatch) as watch:
        fit_there(tiny_pair, tmp_path / "second", elsewhere)
    assert watch.trained == [], "this machine still had it"
    assert files.exists(f"bucket/phases/{key}/result.json"), "and has put it there"
    files.rm(f"bucket/phases/{key}/result.json")
    another_machine(tmp_path)
    with watched(monkeypatch) as watch:
        fit_there(tiny_pair, tmp_path / "third", elsewhere)
    assert watch.trained == ["headfreeze seed 0 phase 2/2"]


def test_training_goes_on_where_only_its_progress_cannot_be_copied(
    elsewhere: str, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push = Mirror.push
    tried = []

    def failing(self: Mirror, path: Path, name: str) -> None:
        if path.name == "progress.json":
            tried.append(name)
            raise TimeoutError("the other end is busy")
        push(self, path, name)

    monkeypatch.setattr(Mirror, "push", failing)
    fit_there(tiny_pair, tmp_path / "run", elsewhere)
    assert tried
    assert "result.json" in names(elsewhere)


def test_a_folder_may_be_given_as_a_url(tmp_path: Path) -> None:
    store = PhaseStore(f"file://{tmp_path}/with%20space")
    assert (store.root, store.mirror) == (tmp_path / "with space", None)
    assert store.location == str(tmp_path / "with space")


def test_copies_are_put_aside_first(elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror, files = Mirror(elsewhere), fsspec.filesystem("memory")
    (tmp_path / "file").write_bytes(b"first")
    mirror.push(tmp_path / "file", "key/file")

    def breaks(*_: object, **__: object) -> None:
        raise KilledError

    (tmp_path / "file").write_bytes(b"second")
    with monkeypatch.context() as patch:
        patch.setattr(type(files), "mv", breaks)
        with pytest.raises(KilledError):
            mirror.push(tmp_path / "file", "key/file")
    assert mirror.read("key/file") == b"first"
    mirror.push(tmp_path / "file", "key/file")
    assert mirror.read("key/file") == b"second"
    mirror.remove("key/file")
    mirror.remove("key/file")
    assert mirror.read("key/file") is None
    mirror.fetch("key/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"second", "what is not there changes nothing here"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "nonsense://x",
            "phases is 'nonsense://x': Protocol not known: nonsense; give a folder or a URL such as s3://",
        ),
        ("s3://", "phases is 's3://', which names no place; give a folder or a URL such as s3://bucket/phases"),
        ("memory://bucket/phases", "phases is 'memory://bucket/phases', which cannot be written to .no such bucket"),
    ],
)
def test_a_location_that_cannot_be_used_is_said_before_anything_is_trained(
    url: str, says: str, elsewhere: str, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no such bucket")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "pipe_file", refuse)
    with pytest.raises(InputError, match=says):
        fit_there(tiny_pair, tmp_path / "run", url)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_phases_lie_in_an_s3_bucket(tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3 = pytest.importorskip("boto3")
    pytest.importorskip("s3fs")
    from moto.server import ThreadedMotoServer

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():
            monkeypatch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="ours")
        with watched(monkeypatch, 2, dies_at=3), pytest.raises(KilledError):
            fit_there(tiny_pair, tmp_path / "run", "s3://ours/phases")
        another_machine(tmp_path)
        with watched(monkeypatch) as watch:
            fit_there(tiny_pair, tmp_path / "run", "s3://ours/phases")
        assert watch.steps == {"headfreeze seed 0 phase 2/2": [3]}
        listed = boto3.client("s3").list_objects_v2(Bucket="ours")["Contents"]
        assert {entry["Key"].rpartition("/")[2] for entry in listed} == {
            "phase.json", "metrics.csv", "weights.safetensors", "result.json"
        }  # fmt: skip
    finally:
        server.stop()
    fit_tiny("headfreeze", tiny_pair, tmp_path / "whole", **SETTINGS)
    assert same_bits(weights_of(tmp_path / "whole"), weights_of(tmp_path / "run"))
