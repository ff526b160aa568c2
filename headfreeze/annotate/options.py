"""Defaults of the annotators, without what they import: `--help` shows them at once."""

FOV_DEG = 65.0
"""Angle of view over the image's longer side; phones have 65 to 70, rendered rooms 55 to 75, a 35 mm lens 54."""

LINE_THICKNESS = 0.01
"""Of the lines drawn, as a share of the image's longer side; at least a pixel."""

DEPTH_MODEL = "depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf"
"""Metres, for rooms (Yang et al., arXiv 2406.09414; 99 MB)."""

SEGMENTATION_MODEL = "nvidia/segformer-b0-finetuned-ade-512-512"
"""The 150 classes of ADE20K (Xie et al., arXiv 2105.15203; 15 MB)."""

GIVES = ("auto", "metres", "inverse")
"""What a model of depth predicts: metres, or inverse depth of unknown scale and shift; auto asks its configuration."""
