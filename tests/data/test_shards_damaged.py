"""Shards whose table of contents lies: nothing is lost in silence, waited for, or led out of the data set."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from headfreeze.data.shards import members
from headfreeze.errors import InputError

KINDS = ("image", "depth")


def packed(path: Path, names: list[str]) -> list[int]:
    """A shard of these members; where their headers lie."""
    with tarfile.open(path, "w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 600
            tar.addfile(info, io.BytesIO(b"x" * 600))
    with tarfile.open(path) as tar:
        return [info.offset for info in tar]


@pytest.mark.parametrize("how", ["overwritten", "zeroed", "cut", "cut in the header"])
def test_members_after_a_damaged_header_are_not_lost_in_silence(tmp_path: Path, how: str) -> None:
    shard = tmp_path / "train-000000.tar"
    at = packed(shard, [f"{number}.image.png" for number in range(4)])[2]
    assert len(list(members(shard, KINDS))) == 4
    whole = shard.read_bytes()
    shard.write_bytes(
        {
            "overwritten": whole[:at] + b"\xff" * 9 + whole[at + 9 :],
            "zeroed": whole[:at] + bytes(1024) + whole[at + 1024 :],
            "cut": whole[:at],
            "cut in the header": whole[: at + 200],
        }[how]
    )
    with pytest.raises(InputError, match=f"^{shard}: damaged or cut off at byte {at}; convert the data set again$"):
        list(members(shard, KINDS))


@pytest.mark.parametrize("name", ["/etc/0.image.png", "../0.image.png", "a/../../0.image.png"])
def test_a_member_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    packed(tmp_path / "train-000000.tar", [name])
    with pytest.raises(InputError, match=r"^\S+: member '\S+' leads out of its split; pack the data set again$"):
        list(members(tmp_path / "train-000000.tar", KINDS))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train-000000.tar")
    with pytest.raises(InputError, match=r"^\S+train-000000.tar: is no file; convert the data set again$"):
        list(members(tmp_path / "train-000000.tar", KINDS))


def test_a_shard_of_zeros_is_no_empty_data_set(tmp_path: Path) -> None:
    shard = tmp_path / "train-000000.tar"
    shard.write_bytes(bytes(10240))
    with pytest.raises(InputError, match=f"^{shard}: holds nothing; convert the data set again$"):
        list(members(shard, KINDS))
