"""The images that an annotator labels."""

from collections.abc import Iterable
from pathlib import Path

from headfreeze.data.folder import SPLITS, Dataset, Sample, files_below, files_by_id
from headfreeze.data.images import EXTENSIONS
from headfreeze.data.shards import shards_in
from headfreeze.errors import InputError, unknown


def images_of(root: Path, splits: Iterable[str] = SPLITS) -> dict[str, dict[str, Path]]:
    """{split: {id: file}} of ROOT/{split}/image, without splits that have none.

    Raises:
        InputError: no such folder, an unknown split, or no images at all.
    """
    wanted = list(splits)
    for split in wanted:
        if split not in SPLITS:
            raise InputError(unknown("split", split, SPLITS))
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    folders = {split: root / split / "image" for split in wanted}
    images = {split: files_by_id(folder, EXTENSIONS) for split, folder in folders.items() if folder.is_dir()}
    images = {split: files for split, files in images.items() if files}
    if not images:
        _refuse_packed(root)
        places = " or ".join(f"ROOT/{split}/image" for split in wanted)
        raise InputError(f"{root}: no images; they lie in {places}")
    return images


def labelled_images(dataset: Dataset, anchor: str) -> dict[str, list[Sample]]:
    """{split: the images that have a label of the anchor}, without splits that have none.

    Raises:
        InputError: no labels at all, or what `Dataset.samples` raises.
    """
    root = dataset.root
    splits = [split for split in SPLITS if any(True for _ in files_below(root / split / anchor))]
    if not splits:
        _refuse_packed(root)
        raise InputError(f"{root}: no labels of '{anchor}'; they lie in ROOT/{{train,val,test}}/{anchor}")
    return {split: [s for s in dataset.samples(split, [anchor]) if s.labels] for split in splits}


def _refuse_packed(root: Path) -> None:
    if shards_in(root):
        raise InputError(
            f"{root}: packed in shards, but labels are written as files; `headfreeze data convert packed {root} FOLDER`"
            " unpacks it"
        )
