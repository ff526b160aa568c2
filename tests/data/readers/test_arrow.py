"""What `datasets.save_to_disk` writes: Arrow streams with two small .json beside them."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from headfreeze.data.convert import convert
from headfreeze.data.folder import open_dataset
from headfreeze.data.readers import open_reader
from headfreeze.errors import InputError

SETTINGS = {"kind": "segmentation", "classes": "wall+floor", "label": "mask"}


def png(values: np.ndarray) -> dict[str, object]:
    file = BytesIO()
    Image.fromarray(values).save(file, "png")
    return {"bytes": file.getvalue(), "path": None}


def picture(number: int) -> np.ndarray:
    return np.full((6, 8, 3), 10 * number, np.uint8)


def mask(number: int) -> np.ndarray:
    return (np.arange(48).reshape(6, 8) % (number + 2) == 0).astype(np.uint8)


def write_split(folder: Path, numbers: range, split: str | None, files: int = 2, batch: int = 2) -> None:
    """`files` streams of batches of `batch` rows, as ArrowWriter of `datasets` writes them."""
    folder.mkdir(parents=True)
    names = [f"data-{k:05d}-of-{files:05d}.arrow" for k in range(files)]
    for name, part in zip(names, np.array_split(np.array(numbers), files), strict=True):
        table = pa.table({"image": [png(picture(n)) for n in part], "mask": [png(mask(n)) for n in part], "n": part})
        with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table, max_chunksize=batch)
    state = {"_data_files": [{"filename": name} for name in names], "_split": split, "_format_type": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")


def write_dict(root: Path) -> None:
    write_split(root / "train", range(7), "train")
    write_split(root / "validation", range(7, 9), "validation", files=1)
    (root / "dataset_dict.json").write_text('{"splits": ["train", "validation"]}')


def test_every_row_of_every_batch_file_and_split_comes_out(tmp_path: Path) -> None:
    write_dict(tmp_path / "saved")
    assert dict(convert("hf", tmp_path / "saved", tmp_path / "made", settings=SETTINGS).counts) == {
        "train": 7,
        "val": 2,
    }
    dataset = open_dataset(tmp_path / "made")
    found = [s for split in ("train", "val") for s in dataset.samples(split, ["segmentation"])]
    assert [sample.id for sample in found] == [f"{k:06d}" for k in (*range(1, 8), 1, 2)]
    for number, sample in enumerate(found):
        assert np.array_equal(np.array(Image.open(str(sample.image))), picture(number))
        label = dataset.task("segmentation").read(sample.labels["segmentation"])
        assert np.array_equal(label[0].numpy(), mask(number))


def test_a_data_set_that_is_no_dictionary_is_the_split_that_it_says(tmp_path: Path) -> None:
    write_split(tmp_path / "test", range(3), "test")
    write_split(tmp_path / "none", range(3), None)
    assert {frame.split for frame in open_reader("hf", tmp_path / "test").frames()} == {"test"}
    assert {frame.split for frame in open_reader("hf", tmp_path / "none").frames()} == {None}


def test_a_stream_that_is_cut_anywhere_is_one_line(tmp_path: Path) -> None:
    write_split(tmp_path / "saved", range(4), "train", files=1)
    path = tmp_path / "saved/data-00000-of-00001.arrow"
    data = path.read_bytes()
    for length in (0, 3, len(data) // 2, len(data) - 8, len(data) - 1):
        path.unlink()
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=rf"{path}: (cut off|cannot be read)"):
            convert("hf", tmp_path / "saved", tmp_path / "made")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (
            "dataset_dict.json",
            '{"splits": ["train", "unsupervised"]}',
            r"has a split 'unsupervised'; train, val, valid",
        ),
        ("dataset_dict.json", "[", r"dataset_dict.json: not valid JSON"),
        ("dataset_dict.json", "{}", r"dataset_dict.json: has no list 'splits'"),
        ("train/state.json", "[]", r"state.json: holds no object"),
        ("train/state.json", "{}", r"state.json: has no list '_data_files'"),
        (
            "train/state.json",
            '{"_data_files": [{"filename": "../secret.arrow"}]}',
            r"state.json: names the file '../secret.arrow', which is no .arrow beside it",
        ),
        ("train/state.json", '{"_data_files": [{"filename": "a.arrow"}]}', r"a.arrow: cannot be read \(no such file"),
    ],
)
def test_what_the_small_files_may_not_say(file: str, text: str, message: str, tmp_path: Path) -> None:
    write_dict(tmp_path)
    (tmp_path / file).write_text(text)
    with pytest.raises(InputError, match=message):
        convert("hf", tmp_path, tmp_path / "made")


def test_a_column_that_there_is_not_is_said_with_those_that_there_are(tmp_path: Path) -> None:
    write_dict(tmp_path)
    with pytest.raises(InputError, match=r"arrow: has no column picture; it has image, mask, n"):
        convert("hf", tmp_path, tmp_path / "made", settings={"image": "picture"})
