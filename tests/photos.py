"""Photographs and a video as users have them."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image


def write_photos(root: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    (root / "holiday").mkdir(parents=True)
    Image.fromarray(image).save(root / "holiday/a.jpg")
    turned = Image.fromarray(np.ascontiguousarray(image[:30]))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    turned.save(root / "holiday/b.jpg", exif=exif, quality=95)
    Image.fromarray(image).save(root / "c.png")
    (root / "notes.txt").write_text("not a picture")


def write_video(path: Path, frames: int = 60) -> None:
    """30 frames a second; every half second something else."""
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30, (64, 48))
    for number in range(frames):
        picture = np.full((48, 64, 3), 40 * (number // 15) + 20, np.uint8)
        picture[:, : number // 15 * 12 + 4] = 255
        video.write(picture)
    video.release()
