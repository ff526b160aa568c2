"""Closed-form scenes that several tests look at."""

import torch
from jaxtyping import Float
from torch import Tensor


def sphere(
    size: int, radius: float, center: tuple[float, float] = (0.0, 0.0), tilt: tuple[float, float] = (0.0, 0.0)
) -> Float[Tensor, "3 size size"]:
    """Normals of a sphere seen from afar; its `center` in pixels right of and above the middle of the image.

    `tilt` is added to x and y before renormalising, so that the map is not its own mirror image.
    """
    middle = (size - 1) / 2
    x = (torch.arange(size) - middle - center[0])[None, :].expand(size, size) / radius
    y = (middle - torch.arange(size) - center[1])[:, None].expand(size, size) / radius
    inside = x.square() + y.square() < 1
    z = (1 - x.square() - y.square()).clamp(min=0).sqrt()
    normals = torch.stack([x + tilt[0], y + tilt[1], z + 0.2])
    return torch.nn.functional.normalize(normals, dim=0) * inside


def plane(normal: tuple[float, float, float], size: int = 8) -> Float[Tensor, "3 size size"]:
    """The same unit normal everywhere."""
    n = torch.nn.functional.normalize(torch.tensor(normal, dtype=torch.float32), dim=0)
    return n[:, None, None].expand(3, size, size).clone()


def random_normals(*shape: int, seed: int = 0, invalid: float = 0.0) -> Float[Tensor, "*shape"]:
    """Random unit vectors, (…, 3, h, w); a share of `invalid` pixels is zero."""
    generator = torch.Generator().manual_seed(seed)
    normals = torch.nn.functional.normalize(torch.randn(*shape, generator=generator), dim=-3)
    return normals * (torch.rand(*shape[:-3], 1, *shape[-2:], generator=generator) >= invalid)


def angles_deg(a: Tensor, b: Tensor) -> Tensor:
    """Angle between unit vectors, per pixel."""
    a, b = (torch.nn.functional.normalize(each.double(), dim=-3) for each in (a, b))
    return torch.acos((a * b).sum(-3).clamp(-1, 1)).rad2deg()
