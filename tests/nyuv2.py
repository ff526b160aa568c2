"""NYUv2 in miniature: three frames of two scenes, in its own containers, axes reversed, counted from 1."""

from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

from tests.boxroom import CLASSES, box_view

FOCAL_PX = 518.857901
FORTY = {"floor": 2, "ceiling": 22, "left wall": 1, "right wall": 1, "far wall": 8, "near wall": 35}  # counted from 1
OF_894 = {name: 100 + 7 * number for number, name in enumerate(CLASSES)}
COUNT = 3


def write_nyuv2(root: Path) -> Path:
    """Three frames, two scenes; frames 1 and 3 are for training, 2 for testing."""
    root.mkdir(parents=True, exist_ok=True)
    views = [box_view(number, 480, 640, FOCAL_PX) for number in range(COUNT)]
    with h5py.File(root / "nyu_depth_v2_labeled.mat", "w", userblock_size=512) as file:
        file["images"] = np.stack([view.image.transpose(2, 1, 0) for view in views])
        file["depths"] = np.stack([view.depth_m.T for view in views]).astype(np.float32)
        codes = np.array([OF_894[name] for name in CLASSES], np.uint16)
        file["labels"] = np.stack([codes[view.classes].T for view in views])
        names = [np.array([ord(c) for c in name], np.uint16)[:, None] for name in ("kitchen_0001", "bath_0002")]
        for number, name in enumerate(names):
            file[f"#refs#/{number}"] = name
        references = [file[f"#refs#/{number}"].ref for number in (0, 1, 0)]
        file.create_dataset("scenes", (1, COUNT), h5py.ref_dtype)[0] = references
    savemat(root / "splits.mat", {"trainNdxs": np.array([[1], [3]], np.uint16), "testNdxs": np.array([[2]])})
    table = np.zeros((1, 894), np.uint8)
    for name, code in OF_894.items():
        table[0, code - 1] = FORTY[name]
    savemat(root / "classMapping40.mat", {"mapClass": table})
    return root
