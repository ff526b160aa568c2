"""The source's images in the target's look: their labels are known, so the error there can be measured."""

from collections.abc import Callable
from itertools import cycle

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from headfreeze.data.images import read_image
from headfreeze.data.pair import OpenPair
from headfreeze.evaluation.turned import pitch_of, turned
from headfreeze.evaluation.unlabelled import IMAGES, badness, split_with, target_images
from headfreeze.pictures import spread
from headfreeze.run import Run

BETA = 0.05
"""Half the side of the square of low frequencies, as a share of the shorter side; the paper tries 0.01 … 0.09."""


def stylised_error(run: Run, pair: OpenPair) -> float:
    """The main task's own score on source images whose low frequencies are those of target images.

    Fourier domain adaptation, Yang & Soatto, CVPR 2020 (arXiv 2004.05498), who train on such images; here they judge.
    It sees colours, light and contrast of the target, and how its cameras are pitched, neither its textures nor its
    shapes.
    """
    looks = cycle(target_images(pair))
    return error_on_source(run, pair, lambda image: in_the_look_of(image, read_image(next(looks).image)))


def error_on_source(
    run: Run, pair: OpenPair, changed: Callable[[UInt8[np.ndarray, "h w 3"]], UInt8[np.ndarray, "h w 3"]]
) -> float:
    """The main task's own score on source images, seen by cameras that are held as the target's are, and changed."""
    main, source, pitch_deg = run.main, pair.datasets["source"], pitch_of(pair, run)
    labelled = source.samples(split_with(pair, "source", main.name), [main.name])
    samples = spread([sample for sample in labelled if main.name in sample.labels], IMAGES)
    total = main.metric()
    total.sync_on_compute = False  # one process sees all images, however many have trained
    for sample in samples:
        image = torch.from_numpy(read_image(sample.image))
        label = main.wrap(main.read(sample.labels[main.name]), (sample.height, sample.width))
        if pitch_deg:
            image, label = turned(image, label, main, pitch_deg, run)
        total.update(run.predict(changed(image.numpy()))[main.name][None], label[None])
    return badness(main, total.compute())


def in_the_look_of(
    image: UInt8[np.ndarray, "h w 3"], other: UInt8[np.ndarray, "h2 w2 3"], beta: float = BETA
) -> UInt8[np.ndarray, "h w 3"]:
    """The image with the amplitudes of the other one at low frequencies, its own phases and its own size."""
    height, width = image.shape[:2]
    look = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA)
    spectrum, wanted = (np.fft.fft2(each.astype(np.float64), axes=(0, 1)) for each in (image, look))
    reach = max(1, int(min(height, width) * beta))
    rows, columns = (np.abs(np.fft.fftfreq(n, 1 / n)) <= reach for n in (height, width))
    low = (rows[:, None] & columns[None])[..., None]
    amplitude = np.where(low, np.abs(wanted), np.abs(spectrum))
    changed = np.fft.ifft2(amplitude * np.exp(1j * np.angle(spectrum)), axes=(0, 1)).real
    return np.rint(changed.clip(0, 255)).astype(np.uint8)
