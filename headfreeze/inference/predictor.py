"""New photographs through a trained run: label files, and pictures to look at."""

from collections.abc import Iterator, Sequence
from glob import glob
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from headfreeze.data.folder import files_by_id
from headfreeze.data.images import EXTENSIONS, VIDEO_EXTENSIONS, read_image
from headfreeze.errors import InputError
from headfreeze.files import check_folder, write_with
from headfreeze.progress import progress
from headfreeze.run import Run

Picture = UInt8[np.ndarray, "h w 3"]


class Predictor:
    """A trained run, ready for photographs of any size.

    Args:
        run: folder that `fit` wrote.
        device: auto, cpu, cuda, …

    Raises:
        InputError: no run lies there.
    """

    def __init__(self, run: Path | str, device: str = "auto") -> None:
        self.run = Run(Path(run), device)

    def __call__(self, image: Picture | Path | str) -> dict[str, Tensor]:
        """Predictions by task, as labels (k, h, w) of the image's own size."""
        return self.run.predict(image if isinstance(image, np.ndarray) else read_image(Path(image)))

    def picture(self, image: Picture, predictions: dict[str, Tensor]) -> UInt8[np.ndarray, "h wide 3"]:
        """The image and its predictions side by side."""
        rendered = [self.run.tasks[name].render(value, image) for name, value in predictions.items()]
        return np.concatenate([image, *rendered], axis=1)

    def write(self, images: Sequence[str | Path], out: Path | str) -> int:
        """Predicts files, folders, globs and videos; gives how many images there were.

        Writes OUT/TASK/ID.EXT in the folder format (so that `evaluate` reads it) and OUT/pictures/ID.png. A video's
        frames are numbered: NAME_000001.

        Raises:
            InputError: something is not there, two inputs have the same id, a file is damaged.
        """
        inputs = expand_inputs(images)
        check_folder(Path(out))
        total = sum(_frames(path) for path in inputs.values())
        count = 0
        with progress("predicting", total) as report:
            for key, path in inputs.items():
                for name, image in _pictures(key, path):
                    self._write_one(name, image, Path(out))
                    count += 1
                    report(count, name)
        return count

    def _write_one(self, name: str, image: Picture, out: Path) -> None:
        predictions = self(image)
        for task, value in ((self.run.tasks[each], value) for each, value in predictions.items()):
            extension = task.extension(value)  # always appended: the id itself may end in ".png"
            task.write(value, out / task.name / f"{name}{extension}")
            for other in set(task.extensions) - {extension}:  # of an earlier call: two labels of an image are a fault
                (out / task.name / f"{name}{other}").unlink(missing_ok=True)
        picture = Image.fromarray(self.picture(image, predictions))
        write_with((out / "pictures" / name).with_name(f"{Path(name).name}.png"), lambda p: picture.save(p))


def expand_inputs(images: Sequence[str | Path]) -> dict[str, Path]:
    """Files by id: of a folder all images below it, of a glob all that match.

    Raises:
        InputError: nothing there, nothing that is an image or a video, or two files of one id.
    """
    found: dict[str, Path] = {}
    for item in images:
        for key, file in _inside(Path(item)):
            if found.setdefault(key, file) != file:
                raise InputError(f"{file}: same name as {found[key]}; predict them into two folders")
    return found


def _inside(item: Path) -> list[tuple[str, Path]]:
    if item.is_dir():
        inside = list(files_by_id(item, EXTENSIONS + VIDEO_EXTENSIONS).items())
        if not inside:
            raise InputError(f"{item}: no images or videos in it")
        return inside
    files = [item] if item.is_file() else [Path(name) for name in sorted(glob(str(item), recursive=True))]
    inside = [(file.stem, file) for file in files if file.is_file()]
    if not inside:
        raise InputError(f"{item}: no such file or folder, and nothing matches it")
    return inside


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_EXTENSIONS


def _frames(path: Path) -> int:
    if not _is_video(path):
        return 1
    import cv2

    video = cv2.VideoCapture(str(path))
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    video.release()
    return max(count, 1)


def _pictures(key: str, path: Path) -> Iterator[tuple[str, Picture]]:
    if not _is_video(path):
        yield key, read_image(path)
        return
    import cv2

    video = cv2.VideoCapture(str(path))
    try:
        frames = iter(lambda: video.read(), (False, None))
        first = list(islice(frames, 1))
        if not first:
            raise InputError(f"{path}: cannot be read as a video; convert it to MP4 (H.264)")
        for number, (_, frame) in enumerate((f for part in (first, frames) for f in part), 1):
            yield f"{key}_{number:06d}", cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    finally:
        video.release()
