"""Labelling every image of a dataset with one function: all labels appear at the end, and the task is declared."""

from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Num, UInt8

from headfreeze.annotate.declare import check_declarable, declare
from headfreeze.annotate.images import images_of
from headfreeze.data.folder import files_below
from headfreeze.data.images import read_image
from headfreeze.errors import InputError
from headfreeze.files import check_folder, folder_aside
from headfreeze.progress import progress
from headfreeze.tasks.base import Task

_Image = TypeVar("_Image")
Labeller = Callable[[UInt8[np.ndarray, "h w 3"]], Num[np.ndarray, "h w *channels"]]
"""Takes an image, gives its label, channels last."""


def label_images(
    root: Path, task: Task, make: Callable[[], Labeller], overwrite: bool, doing: str, extension: str = ".png"
) -> int:
    """Writes ROOT/{split}/TASK/ID.EXT for every image of every split, and declares the task in ROOT/dataset.yaml.

    All labels appear together at the end; an interrupted call leaves everything as it was.

    Args:
        root: a folder that has at least ROOT/{train,val,test}/image of one split.
        task: dense; its name is that of the labels' folders.
        make: gives what labels an image; called once the folder has turned out to be in order.
        overwrite: replace labels that are there.
        doing: what the progress says.
        extension: of the labels' files.

    Returns:
        How many labels were written.

    Raises:
        InputError: no images, a damaged one, labels that are there already, a dataset.yaml that says otherwise, or what
            `make` raises.
    """
    images = images_of(root)
    check_writable(root, task, images, overwrite)
    label = make()
    return write_labels(root, task, images, lambda path: label(read_image(path)), doing, extension)


def check_writable(root: Path, task: Task, splits: Iterable[str], overwrite: bool) -> None:
    """Says before the work what would say at its end that labels cannot be put in place; changes nothing.

    Raises:
        InputError: labels are there that must not be overwritten, their folder leads nowhere or cannot be written to,
            something in it is a link to another folder, or dataset.yaml says otherwise.
    """
    check_folder(root)
    for split in splits:
        folder = root / split / task.name
        if folder.is_symlink() and not folder.exists():
            raise InputError(f"{folder}: a link that leads nowhere; mend it, or remove it")
        check_folder(folder)
        count = sum(1 for _ in files_below(folder))
        if count and not overwrite:
            raise InputError(f"{folder}: {count} labels are there already; choose another name, or set overwrite")
    check_declarable(root, task)


def write_labels(
    root: Path,
    task: Task,
    images: Mapping[str, Mapping[str, _Image]],
    label: Callable[[_Image], Num[np.ndarray, "h w *channels"] | None],
    doing: str,
    extension: str = ".png",
) -> int:
    """As `label_images`, of {split: {id: what `label` takes}}; where that gives None, the image gets no label.

    Raises:
        InputError: no image got one, or what `label` raises.
    """
    total, done, written = sum(map(len, images.values())), 0, 0
    folders = {split: root / split / task.name for split in images}
    with ExitStack() as finish, progress(doing, total) as report:
        asides = {split: finish.enter_context(folder_aside(aside_of(folder))) for split, folder in folders.items()}
        for split, files in images.items():
            for key, image in files.items():
                found = label(image)
                if found is not None:
                    values = torch.from_numpy(found)
                    values = values[None] if values.ndim == 2 else values.movedim(-1, 0)
                    task.write(values, asides[split] / f"{key}{extension}")
                    written += 1
                done += 1
                report(done, "")
        if total and not written:
            raise InputError(f"{root}: none of {total} images could be labelled; nothing was written")
        for split, files in images.items():
            publish(asides[split], folders[split], files, task.extensions)
        declare(root, task)
    return written


def aside_of(folder: Path) -> Path:
    """A path beside which labels wait until they are put into `folder`.

    Within a folder that is there, which may be a link to another disk, where nothing can be moved to.
    """
    return folder / folder.name if folder.exists() else folder


def publish(aside: Path, folder: Path, images: Container[str], extensions: tuple[str, ...]) -> None:
    """Makes the labels in `aside`, if there is such a folder, those of `images` in `folder`.

    Then a label that one of them had before goes, whichever of the task's `extensions` it has: two are a fault.
    """
    if aside.exists() and not folder.exists():
        aside.replace(folder)
        return
    old = [(key, path) for key, path in files_below(folder, lambda _: None) if key in images]
    new = {folder / path.relative_to(aside): path for _, path in files_below(aside)}
    for target, path in new.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    for key, path in old:
        if path in new or path.suffix.lower() not in extensions:  # what is no label is for `data check` to say
            continue
        others = (folder / f"{key}{extension}" for extension in extensions)
        if not any(other in new and other.samefile(path) for other in others):  # 01.PNG may be 01.png
            path.unlink()
