"""The source's images in the target's look: their labels are known, so the error there can be measured."""

from collections.abc import Callable
from itertools import cycle

import cv2
import numpy as np
import torch
from jaxtyping import UInt8

from headfreeze.data.images import read_image
from headfreeze.data.pair import OpenPair
from headfreeze.data.styled import styled
from headfreeze.evaluation.evaluate import own_metric
from headfreeze.evaluation.turned import pitch_of, turned
from headfreeze.evaluation.unlabelled import IMAGES, badness, split_with, target_images
from headfreeze.pictures import spread
from headfreeze.run import Run


def stylised_error(run: Run, pair: OpenPair) -> float:
    """The main task's own score on source images whose low frequencies are those of target images.

    `headfreeze.data.styled` makes them: others train on such images, here they judge. The score sees colours, light
    and contrast of the target, and how its cameras are pitched, neither its textures nor its shapes.
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
    total = own_metric(main)
    for sample in samples:
        image = torch.from_numpy(read_image(sample.image))
        label = sample.label(main)
        if pitch_deg:
            image, label = turned(image, label, main, pitch_deg, run)
        total.update(run.predict(changed(image.numpy()))[main.name][None], label[None])
    return badness(main, total.compute())


def in_the_look_of(
    image: UInt8[np.ndarray, "h w 3"], other: UInt8[np.ndarray, "h2 w2 3"]
) -> UInt8[np.ndarray, "h w 3"]:
    """The image in the style of the other one, at its own size."""
    height, width = image.shape[:2]
    look = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA)
    own, wanted = (torch.from_numpy(each).double().permute(2, 0, 1)[None] for each in (image, look))  # (1, 3, h, w)
    return styled(own, wanted)[0].permute(1, 2, 0).clamp(0, 255).round().byte().numpy()
