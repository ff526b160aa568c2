import numpy as np

from headfreeze.synth.path_traced.denoise import denoise
from headfreeze.synth.shapes import f32

SIDE = 32


def flat_wall() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Albedo, normals, positions and lamps of a wall 2 m before the camera."""
    at = f32((np.arange(SIDE) + 0.5) / SIDE - 0.5)
    x, y = np.meshgrid(at, at)
    position = np.stack([x, y, np.full_like(x, -2)], axis=-1)
    normal = np.tile(f32([0, 0, 1]), (SIDE, SIDE, 1))
    return np.ones((SIDE, SIDE, 3), np.float32), normal, position, np.zeros((SIDE, SIDE), bool)


def noisy(light: np.ndarray, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return f32(light * rng.gamma(4, 1 / 4, (4, *light.shape)))


def test_noise_on_an_even_wall_is_averaged_away() -> None:
    light = np.full((SIDE, SIDE, 3), 0.7, np.float32)
    passes = noisy(light)
    cleaned = denoise(passes, *flat_wall())
    assert np.abs(cleaned - light).mean() < 0.3 * np.abs(passes.mean(0) - light).mean()
    assert abs(cleaned.mean() - 0.7) < 0.01


def test_textures_stay_as_sharp_as_they_are() -> None:
    albedo, *seen = flat_wall()
    albedo = f32(np.where(np.indices((SIDE, SIDE)).sum(0)[..., None] % 2, 0.8, 0.2) * albedo)
    cleaned = denoise(noisy(0.7 * albedo), albedo, *seen)
    assert np.abs(cleaned - 0.7 * albedo).mean() < 0.03


def test_light_does_not_flow_over_the_edge_between_two_surfaces() -> None:
    """Left and right half turned or moved apart, lit with 0.1 and 1: each keeps its own."""
    albedo, normal, position, lamp = flat_wall()
    light = f32(np.where(np.arange(SIDE)[None, :, None] < SIDE // 2, 0.1, 1) * albedo)
    turned, moved = normal.copy(), position.copy()
    turned[:, : SIDE // 2] = [1, 0, 0]
    moved[:, : SIDE // 2, 2] = -3
    for surface in ((turned, position), (normal, moved)):
        cleaned = denoise(noisy(light), albedo, *surface, lamp)
        beside = cleaned[:, SIDE // 2 - 1].mean(), cleaned[:, SIDE // 2].mean()
        assert abs(beside[0] - 0.1) < 0.02
        assert abs(beside[1] - 1) < 0.05


def test_the_edge_of_a_shadow_stays() -> None:
    albedo, *seen = flat_wall()
    light = f32(np.where(np.arange(SIDE)[None, :, None] < SIDE // 2, 0.1, 1) * albedo)
    cleaned = denoise(noisy(light), albedo, *seen)
    assert cleaned[:, SIDE // 2 - 2].mean() < 0.2
    assert cleaned[:, SIDE // 2 + 1].mean() > 0.85


def test_a_single_bright_pixel_is_taken_out_and_a_lamp_is_not() -> None:
    albedo, normal, position, lamp = flat_wall()
    light = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    passes = noisy(light)
    passes[0, 10, 10] += 400  # a path that met a lamp by chance
    lamp[20, 20] = True
    passes[:, 20, 20] = 50
    cleaned = denoise(passes, albedo, normal, position, lamp)
    assert cleaned[10, 10].max() < 0.8
    assert (cleaned[20, 20] == 50).all()
    assert cleaned[19:22, 19:22].mean(-1).ravel()[[0, 1, 3, 5]].max() < 0.8  # nor does its light run out
