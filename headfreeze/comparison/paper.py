"""The paper's own numbers, to stand beside ours: arXiv 1908.06079, Tables 1 and 2 (no adversary)."""

METRICS = ("below_11_25", "below_30", "rmse", "mean", "median")

FACES: dict[str, tuple[float, ...]] = {
    "baseline": (0.424, 0.929, 17.8, 14.8, 12.8),
    "mtl-source": (0.409, 0.935, 17.7, 14.9, 13.1),
    "mtl-target": (0.162, 0.791, 24.3, 21.8, 20.4),
    "mtl-both": (0.492, 0.953, 16.0, 13.3, 11.4),
    "headfreeze": (0.519, 0.954, 15.8, 12.9, 10.9),
    "oracle": (0.907, 0.995, 7.8, 6.2, 5.2),
}
"""Rendered faces (SfSNet's) → FaceWarehouse, anchor: 3D landmarks."""

INDOOR: dict[str, tuple[float, ...]] = {
    "baseline": (0.298, 0.683, 33.5, 25.8, 18.8),
    "mtl-source": (0.280, 0.666, 34.1, 26.6, 19.8),
    "mtl-target": (0.260, 0.662, 32.9, 26.2, 20.6),
    "mtl-both": (0.275, 0.675, 32.4, 25.7, 19.8),
    "headfreeze": (0.301, 0.708, 31.8, 24.6, 18.0),
    "oracle": (0.340, 0.734, 30.4, 23.1, 16.5),
}
"""SUNCG → NYUv2, anchor: semantic segmentation."""
