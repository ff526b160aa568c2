"""COCO's panoptic masks: a PNG an image, each colour a segment, whose class the .json says.

    annotations: [{image_id, file_name: 000139.png, segments_info: [{id, category_id, iscrowd}]}]

A segment's id is R + 256 G + 65536 B; 0 is void (https://cocodataset.org/#format-data, panoptic segmentation).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from headfreeze.data.readers.pixels import coloured
from headfreeze.errors import InputError

_INVALID = 255


def classes_of_segments(
    path: Path, segments: Sequence[Any], numbers: Mapping[Any, int], listed: Path
) -> UInt8[np.ndarray, "h w"]:
    """The class of every pixel; 255 where there is no segment.

    Args:
        path: of the PNG.
        segments: its segments_info.
        numbers: classes by category_id.
        listed: the .json, for messages.

    Raises:
        InputError: a damaged PNG; a segment that the .json lacks or whose category there is not.
    """
    values = coloured(path, "uint8").astype(np.int64) @ [1, 256, 65536]
    class_of = {0: _INVALID}
    for segment in segments:
        if not isinstance(segment, dict) or type(segment.get("id")) is not int:
            raise InputError(f"{listed}: a segment of {path.name} has no id; download it again")
        if segment.get("category_id") not in numbers:
            raise InputError(
                f"{listed}: a segment of {path.name} is of category {segment.get('category_id')}, which there is not;"
                " download it again"
            )
        class_of[segment["id"]] = numbers[segment["category_id"]]
    ids, places = np.unique(values, return_inverse=True)
    if unknown := [int(number) for number in ids if int(number) not in class_of]:
        raise InputError(f"{path}: has a segment {unknown[0]}, which {listed.name} lacks; download both again")
    table = np.array([class_of[int(number)] for number in ids], np.uint8)
    return table[places.reshape(values.shape)]
