"""A comparison on a Ray cluster: the numbers of one process, whoever dies. The cluster is this machine."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from headfreeze.comparison.compare import compare
from headfreeze.errors import InputError
from headfreeze.settings import Compute
from tests.comparison.test_workers import SECONDS, compare_tiny, kill_the_first_worker
from tests.runs import TINY, pair_of, training_of
from tests.worlds import TinyPair

needs_ray = pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed")


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    """The environment that leads to an S3 server with the bucket `ours`."""
    boto3 = pytest.importorskip("boto3")
    pytest.importorskip("s3fs")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    ).create_bucket(Bucket="ours")
    yield keys | {"AWS_ENDPOINT_URL": url}
    server.stop()


def compared_on_ray(
    tiny: TinyPair, out: Path, phases: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    pair = f"--source {tiny.source} --target {tiny.target} --main normals --anchor segmentation --size 32"
    network = "--backbone tiny --width 8 --batch_size 2 --steps 30 --checkpoint_every 0 --device cpu"
    words = f"compare {pair} {network} --recipes mtl-finetune,headfreeze --seeds 0 --phases {phases} --ray local"
    return subprocess.run(
        [sys.executable, "-m", "headfreeze", *words.split(), "--out", str(out)],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=2 * SECONDS,
        check=False,
    )


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize("place", ["a folder", "a bucket"])
def test_a_worker_of_the_cluster_is_killed_and_the_numbers_are_those_of_one_process(
    place: str, tiny_pair: TinyPair, tmp_path: Path, bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compare_tiny(tiny_pair, tmp_path / "one/out", workers=1)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    phases = str(tmp_path / "ray/phases") if place == "a folder" else "s3://ours/phases"
    killed: list[str] = []
    killer = threading.Thread(
        target=kill_the_first_worker, args=(tmp_path / "ray" if place == "a folder" else scratch, killed)
    )
    killer.start()
    done = compared_on_ray(
        tiny_pair, tmp_path / "ray/out", phases, bucket | {"TMPDIR": str(scratch), "RAY_TMPDIR": "/tmp"}
    )  # sockets want short paths
    killer.join()
    assert done.returncode == 0, done.stderr
    assert len(killed) == 1
    assert "trained 3 phases; without sharing it would have been 4" in done.stderr
    for file in ("results.csv", "figure.png"):
        assert (tmp_path / "one/out" / file).read_bytes() == (tmp_path / "ray/out" / file).read_bytes()


@needs_ray
@pytest.mark.parametrize(
    ("address", "says"),
    [
        (
            "127.0.0.1:9",
            "ray is '127.0.0.1:9', where no cluster answers (.*Connection refused); start one with `ray st",
        ),
        ("there", "ray is 'there', where no cluster answers (no address); start one with `ray start --head`, or give"),
    ],
)
def test_a_cluster_that_does_not_answer_is_said(
    address: str, says: str, tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    with pytest.raises(InputError, match=says.replace("(", r"\(").replace(")", r"\)")):
        compare_on(address, tiny_pair, tmp_path)


def test_a_ray_that_is_not_installed_is_said(
    tiny_pair: TinyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    says = "ray is 'auto', but Ray is not installed: pip install 'headfreeze[ray]'"
    with pytest.raises(InputError, match=re.escape(says)):
        compare_on("auto", tiny_pair, tmp_path)


def compare_on(address: str, tiny: TinyPair, folder: Path) -> None:
    compare(
        pair_of(tiny),
        folder / "out",
        recipes=("baseline",),
        seeds=(0,),
        architecture=TINY,
        training=training_of(steps=2, batch_size=2),
        compute=Compute(ray=address),
    )
