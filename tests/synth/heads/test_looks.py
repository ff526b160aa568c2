import numpy as np
import pytest

from headfreeze.synth.heads import backdrop
from headfreeze.synth.heads.hair import Hair
from headfreeze.synth.heads.looks import LOOKS, clean
from headfreeze.synth.heads.model import PARTS
from headfreeze.synth.heads.regions import FAR, Regions
from headfreeze.synth.heads.skin import LASH, PUPIL, WHITE, Complexion, Surface, draw_complexion, paint
from headfreeze.synth.materials import GAMMA
from tests.synth.heads.test_scene import SIZE, ball, exact, scene

NOWHERE = dict.fromkeys(Regions._fields, FAR) | {"cheeks": -1.0, "iris": 1.0, "around": 0.0, "up": 0.0}
HAIRY = Hair(0.0, 1.0, 0.01, 0.03)


def person(seed: int = 0) -> Complexion:
    return draw_complexion(np.random.default_rng(seed))


def painted(look: Complexion, part: str = "skin", **fields: float) -> np.ndarray:
    """The colour of one place with these fields, all others far away."""
    values = Regions(*(np.float32([value]) for value in {**NOWHERE, **fields}.values()))
    surface: Surface = paint(look, HAIRY, values, np.array([PARTS.index(part)]), 0.001, even=True)
    return surface.albedo[0]


def test_every_region_has_its_colour() -> None:
    look = person()
    assert painted(look) == pytest.approx(look.skin, rel=0.01)
    assert painted(look, lips=0.004) == pytest.approx(look.lips, rel=0.01)
    assert painted(look, hair=0.03) == pytest.approx(look.hair, rel=0.01)
    assert painted(look, collar=0.2) == pytest.approx(look.clothes, rel=0.01)
    assert painted(look, "left eye", iris=0.0) == pytest.approx(PUPIL, abs=1e-3)
    assert painted(look, "left eye", iris=0.01) == pytest.approx(WHITE, abs=1e-6)
    lash, brow, blood = painted(look, lashes=0.0), painted(look, brows=0.0), painted(look, cheeks=0.0)
    assert (np.abs(lash - LASH) < np.abs(look.skin - LASH)).all()
    assert np.abs(brow - 0.6 * look.hair).sum() < np.abs(look.skin - 0.6 * look.hair).sum()
    assert blood[0] == pytest.approx(look.skin[0], rel=0.01)
    assert (blood[1:] <= look.skin[1:]).all()


def test_people_are_light_and_dark_and_never_glow() -> None:
    people = [person(seed) for seed in range(200)]
    skin = np.stack([p.skin for p in people])
    assert skin.mean(1).min() < 0.08
    assert skin.mean(1).max() > 0.4
    assert (np.diff(skin, axis=1) < 0).mean() > 0.97  # red before green before blue
    assert all(c.min() > 0 and c.max() < 1 for p in people for c in (p.skin, p.hair, p.lips, p.iris, p.clothes))
    assert 0.4 < np.mean([p.beard == 0 for p in people]) < 0.6


def test_what_the_head_does_not_cover_shows_what_is_behind() -> None:
    picture = clean(scene(ball(60, 80)), SIZE, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    draw_complexion(rng)
    behind = np.round(255 * backdrop.plain(SIZE, rng).clip(0, 1) ** np.float32(1 / GAMMA)).astype(np.uint8)
    _, _, inside = exact()
    off = inside < -0.006  # a pixel is 4 mm wide there
    assert (picture == behind)[off].all()
    assert (picture != behind)[inside > 0.006].any(-1).mean() > 0.9


@pytest.mark.parametrize("draw", [backdrop.plain, backdrop.cluttered, backdrop.dark])
def test_backdrops_are_light_of_a_finite_amount(draw) -> None:
    for seed in range(30):
        light = draw(24, np.random.default_rng(seed))
        assert (light.shape, light.dtype) == ((24, 24, 3), np.float32)
        assert (light >= 0).all()
        assert light.max() < 5


def test_photographs_are_grey_or_coloured_and_the_clean_look_has_no_noise() -> None:
    made = scene(ball(60, 80))
    grey = [
        np.ptp(LOOKS["photographic"](made, 24, np.random.default_rng(seed)).astype(int), axis=2).max() < 12
        for seed in range(40)
    ]  # JPEG may leave a little colour in grey
    assert 0.1 < np.mean(grey) < 0.6
    picture = clean(made, SIZE, np.random.default_rng(1)).astype(int)
    assert np.abs(np.diff(picture[: SIZE // 8], n=2, axis=1)).max() <= 2  # a wall, no more than rounding
