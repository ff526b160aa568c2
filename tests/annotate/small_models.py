"""Real models of transformers, made small with random weights and kept as safetensors."""

from pathlib import Path

import torch
import transformers

SEED, FACTOR = 3, 9


def sharpened(network: torch.nn.Module, factor: float) -> torch.nn.Module:
    """With larger weights, so that random ones do not give the same everywhere."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(factor)
    return network


def depth_model(folder: Path, gives: str) -> Path:
    torch.manual_seed(SEED)
    backbone = transformers.Dinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
    )
    sizes = {"reassemble_hidden_size": 16, "neck_hidden_sizes": [4, 4, 8, 8], "fusion_hidden_size": 8}
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        **sizes,
        head_hidden_size=4,
        patch_size=14,
        depth_estimation_type=gives,
        max_depth=20 if gives == "metric" else 1,
    )
    network = transformers.DepthAnythingForDepthEstimation(config)
    sharpened(network.backbone, 4)
    sharpened(network.neck, FACTOR)
    sharpened(network.head, FACTOR)
    network.head.conv3.bias.data.fill_(0.5)
    network.save_pretrained(folder)
    transformers.DPTImageProcessor(
        size={"height": 56, "width": 56}, keep_aspect_ratio=True, ensure_multiple_of=14
    ).save_pretrained(folder)
    return folder


def segmentation_model(folder: Path, classes: tuple[str, ...] = ("wall", "floor", "wall")) -> Path:
    torch.manual_seed(SEED)
    config = transformers.SegformerConfig(
        depths=[1] * 4,
        hidden_sizes=[8] * 4,
        num_attention_heads=[1] * 4,
        decoder_hidden_size=8,
        id2label=dict(enumerate(classes)),
    )
    sharpened(transformers.SegformerForSemanticSegmentation(config), 3).save_pretrained(folder)
    transformers.SegformerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder
