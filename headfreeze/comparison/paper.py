"""The paper's own numbers, to stand beside ours: arXiv 1908.06079, Tables 1–3; adversaries: its first version.

Where not said otherwise the adversary is feature (Ganin & Lempitsky) on faces and output (Tsai et al.) indoors.
"""

import math

Table = dict[str, tuple[float, float, float, float, float]]
"""{recipe: its METRICS}."""

METRICS = ("below_11_25", "below_30", "rmse", "mean", "median")

FACES: Table = {
    "baseline": (0.424, 0.929, 17.8, 14.8, 12.8),
    "mtl-source": (0.409, 0.935, 17.7, 14.9, 13.1),
    "mtl-target": (0.162, 0.791, 24.3, 21.8, 20.4),
    "mtl-both": (0.492, 0.953, 16.0, 13.3, 11.4),
    "headfreeze": (0.519, 0.954, 15.8, 12.9, 10.9),
    "baseline-da": (0.456, 0.937, 17.2, 14.2, 12.1),
    "mtl-source-da": (0.402, 0.932, 18.0, 15.1, 13.3),
    "mtl-target-da": (0.216, 0.854, 22.0, 19.5, 18.1),
    "mtl-both-da": (0.455, 0.946, 16.7, 13.9, 12.1),
    "headfreeze-da": (0.455, 0.935, 17.2, 14.2, 12.1),
    "oracle": (0.907, 0.995, 7.8, 6.2, 5.2),
}
"""Rendered faces (SfSNet's) → FaceWarehouse, anchor: 3D landmarks."""

INDOOR: Table = {
    "baseline": (0.298, 0.683, 33.5, 25.8, 18.8),
    "mtl-source": (0.280, 0.666, 34.1, 26.6, 19.8),
    "mtl-target": (0.260, 0.662, 32.9, 26.2, 20.6),
    "mtl-both": (0.275, 0.675, 32.4, 25.7, 19.8),
    "headfreeze": (0.301, 0.708, 31.8, 24.6, 18.0),
    "baseline-da": (0.316, 0.703, 33.3, 25.2, 17.6),
    "mtl-source-da": (0.304, 0.698, 33.2, 25.4, 18.1),
    "mtl-target-da": (0.328, 0.720, 31.9, 24.2, 16.9),
    "mtl-both-da": (0.309, 0.708, 32.2, 24.7, 17.7),
    "headfreeze-da": (0.316, 0.715, 32.0, 24.4, 17.4),
    "oracle": (0.340, 0.734, 30.4, 23.1, 16.5),
}
"""SUNCG → NYUv2, anchor: semantic segmentation."""

FACES_FRONTAL: Table = {
    "baseline": (0.418, 0.913, 18.6, 15.3, 13.0),
    "baseline-da": (0.495, 0.944, 16.6, 13.5, 11.3),
    "headfreeze": (0.550, 0.958, 15.2, 12.4, 10.4),
    "headfreeze-da": (0.573, 0.963, 14.7, 11.9, 10.0),
}
"""Table 3: FACES with a source that is as frontal as the target."""

SFSNET = (0.495, 0.965, 15.2, 12.9, 11.3)
"""SfSNet's released model on the faces: trained on other data, a reference only."""

ADVERSARIES: dict[str, Table] = {
    "faces": {
        "none": (0.492, 0.953, 16.0, 13.3, 11.4),
        "feature": (0.455, 0.946, 16.7, 13.9, 12.1),
        "output": (0.407, 0.931, 18.0, 15.0, 13.1),
    },
    "faces, frontal source": {
        "none": (0.540, 0.958, 15.4, 12.5, 10.5),
        "feature": (0.560, 0.961, 15.0, 12.1, 10.2),
        "output": (0.522, 0.951, 16.2, 13.0, 10.9),
    },
    "indoor": {
        "none": (0.275, 0.675, 32.4, 25.7, 19.8),
        "feature": (0.282, 0.682, 32.4, 25.4, 19.3),
        "output": (0.309, 0.708, 32.2, 24.7, 17.7),
    },
}
"""{pair: {adversary of mtl-both: its METRICS}}."""

TABLES: dict[str, Table] = {
    "Faces: SfSNet's renderings → FaceWarehouse, anchor: 3D landmarks, adversary: feature": FACES | {"SfSNet": SFSNET},
    "Indoor: SUNCG → NYUv2, anchor: segmentation, adversary: output": INDOOR,
    "Faces, frontal source (its Table 3)": FACES_FRONTAL,
    **{f"Adversaries of mtl-both, {pair}": table for pair, table in ADVERSARIES.items()},
}


def value(table: Table, recipe: str, metric: str) -> float:
    """A number of the paper; NaN where it has none."""
    return table[recipe][METRICS.index(metric)] if recipe in table else math.nan


def gap_closed(table: Table, recipe: str) -> float:
    """(baseline − recipe) / (baseline − oracle) on the mean error; NaN where the paper has not all three."""
    baseline, found, oracle = (value(table, name, "mean") for name in ("baseline", recipe, "oracle"))
    return (baseline - found) / (baseline - oracle)
