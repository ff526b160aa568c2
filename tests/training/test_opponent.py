"""An adversary in training: what it changes, what it must not, and what a run says of it."""

import csv
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from headfreeze.adversaries.base import Adversary
from headfreeze.adversaries.feature import FeatureAdversary
from headfreeze.adversaries.output import OutputAdversary
from headfreeze.data.batch import DeviceBatch
from headfreeze.models.network import Outputs
from headfreeze.recipes import SOURCE_ANCHOR, SOURCE_MAIN, TARGET_ANCHOR, Phase, Recipe
from headfreeze.settings import Adversarial, Settings
from headfreeze.tasks import make_task
from headfreeze.training.probe import probed
from headfreeze.training.session import Session
from tests.runs import TINY, fit_tiny, pair_of, same_bits, training_of, weights_of
from tests.worlds import TinyPair

KINDS = [
    Adversarial("feature", 1.0),
    Adversarial("feature", 1.0, "backbone"),
    Adversarial("output", 1.0),
    Adversarial("output", 1.0, "outputs,up2"),
    Adversarial("joint", 1.0, adversary_loss="lsgan"),
]


@pytest.mark.parametrize("adversarial", KINDS, ids=str)
def test_an_adversary_changes_the_weights_and_none_at_weight_0_changes_no_bit(
    adversarial: Adversarial, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    fit_tiny("mtl-both", tiny_pair, tmp_path / "plain")
    fit_tiny("mtl-both-da", tiny_pair, tmp_path / "opposed", adversarial=adversarial)
    off = Adversarial(adversarial.adversary, 0.0, adversarial.adversary_levels, adversarial.adversary_loss)
    fit_tiny("mtl-both-da", tiny_pair, tmp_path / "off", adversarial=off)
    plain, opposed, without = (weights_of(tmp_path / name) for name in ("plain", "opposed", "off"))
    assert same_bits(plain, without)
    assert not same_bits(plain, opposed)
    assert plain.keys() == opposed.keys(), "discriminators and auxiliary outputs are no part of the network"


@pytest.mark.parametrize("adversarial", [k for k in KINDS if k.adversary_levels != "outputs,up2"], ids=str)
def test_a_vanishing_weight_approaches_the_recipe_without(
    adversarial: Adversarial, tiny_pair: TinyPair, tmp_path: Path
) -> None:
    """The adversary is there and learns; what it adds to the network's gradient is next to nothing.

    Auxiliary outputs have a loss of their own, so they are left out.
    """
    faint = Adversarial(adversarial.adversary, 1e-12, adversarial.adversary_levels, adversarial.adversary_loss)
    fit_tiny("mtl-both", tiny_pair, tmp_path / "plain", steps=2)
    fit_tiny("mtl-both-da", tiny_pair, tmp_path / "faint", steps=2, adversarial=faint)
    plain, other = (weights_of(tmp_path / name) for name in ("plain", "faint"))
    assert all(torch.allclose(plain[name].float(), other[name].float(), atol=1e-4) for name in plain)


def test_a_run_tells_every_levels_accuracy_and_who_won(
    tiny_pair: TinyPair, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    adversarial = Adversarial("feature", adversary_levels="up1,up3")
    card = fit_tiny("headfreeze-da", tiny_pair, tmp_path / "run", adversarial=adversarial, steps=8)
    assert "adversary" not in card.phases[0]
    found = card.phases[1]["adversary"]
    assert list(found["levels"]) == ["up1", "up3"]
    for level in found["levels"].values():
        assert list(level) == ["accuracy", "confused_share", "probe", "confused"]
        assert 0 <= level["accuracy"] <= 1
        assert 0 <= level["confused_share"] <= 1
        assert level["probe"] is None, "16 images are too few for one"
        assert level["confused"] is None
    assert found["verdict"] == "4 steps are too few to judge the adversary by"
    with (tmp_path / "run/metrics.csv").open() as f:
        row = next(csv.DictReader(f))
    assert 0 <= float(row["accuracy_up1"]) <= 1
    assert float(row["loss_adversary"]) == pytest.approx(2 * math.log(2), rel=0.05)  # two levels that guess
    assert "accuracy_up3 0." in capfd.readouterr().err


def test_a_baseline_with_an_adversary_needs_no_anchor(tiny_pair: TinyPair, tmp_path: Path) -> None:
    card = fit_tiny("baseline-da", tiny_pair, tmp_path / "run", adversarial=Adversarial("joint"))
    assert card.trained == ["normals"]


def test_outputs_too_small_for_a_discriminator_are_said_before_training(tiny_pair: TinyPair, tmp_path: Path) -> None:
    session = Session(Settings(pair_of(tiny_pair, size=16), TINY, training_of()), tmp_path)
    assert session.problems(["baseline", "mtl-source"]) == []
    assert session.problems(["baseline", "mtl-both-da"]) == [
        "size is 16; the output adversary of mtl-both-da needs 32 pixels or more: choose a larger size, or the feature"
        " adversary"
    ]


def test_half_precision_has_one_scale_and_an_adversary_two_optimizers(tiny_pair: TinyPair, tmp_path: Path) -> None:
    session = Session(Settings(pair_of(tiny_pair), TINY, training_of(precision="16")), tmp_path)
    said = "precision is 16, in which two optimizers, as mtl-both-da has, share no scale; use bf16 or 32"
    assert said in session.problems(["mtl-both-da"])
    assert not any("two optimizers" in line for line in session.problems(["mtl-both"]))


def test_weights_that_are_no_numbers_are_not_kept(tiny_pair: TinyPair, tmp_path: Path) -> None:
    """The last step's own loss is finite: what it makes of the weights is not."""
    for recipe, repair in (("baseline", "lower lr, or"), ("mtl-both-da", "lower lr or discriminator_lr, or")):
        with pytest.raises(FloatingPointError, match=f"the weights are not finite after step 1; {repair}"):
            fit_tiny(recipe, tiny_pair, tmp_path / recipe, steps=1, lr=1e300, schedule="constant")
        assert not (tmp_path / recipe / "run.json").exists()


def test_an_adversary_that_no_recipe_has_is_a_mistake(tiny_pair: TinyPair, tmp_path: Path) -> None:
    session = Session(Settings(pair_of(tiny_pair), TINY, training_of(), Adversarial("feature")), tmp_path)
    assert session.problems(["baseline", "oracle"]) == [
        "an adversary is set, but there is none in baseline, oracle; take a recipe that ends in -da, or leave it out"
    ]
    assert session.problems(["baseline", "mtl-both-da"]) == []
    own = Recipe("own", (Phase(SOURCE_MAIN, adversary=True),), "a recipe of one's own")
    assert session.problems([own]) == []


class Passing(nn.Module):
    """Gives the image itself for normals and for features, at half the resolution."""

    def forward(self, image: Tensor, n_source: int) -> Outputs:
        del n_source
        small = image[..., ::2, ::2]
        return Outputs({"normals": small}, {}, {"up2": small})


@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize(
    "adversary",
    [
        OutputAdversary({"normals": make_task("normals")}, width=8),
        FeatureAdversary({"up2": 3}, width=16),
        FeatureAdversary({"up2": 3}, width=1),  # it could not tell them apart itself
    ],
)
def test_a_probe_tells_apart_what_differs_and_nothing_else(adversary: Adversary, shift: float) -> None:
    generator = torch.Generator().manual_seed(0)

    def batch() -> DeviceBatch:
        image = torch.randn(16, 3, 32, 32, generator=generator)
        image[8:, 0] += 2 * shift
        return DeviceBatch(image, {}, 8)

    before = [p.clone() for p in adversary.parameters()]
    assert probed(adversary, Passing(), [batch() for _ in range(7)]) == {}
    (accuracy,) = probed(adversary, Passing(), [batch() for _ in range(8)]).values()
    assert (accuracy > 0.75) if shift else (0.35 < accuracy < 0.65)
    assert all(torch.equal(one, other) for one, other in zip(before, adversary.parameters(), strict=True))


def test_an_output_adversary_wants_a_phase_that_trains_the_main_task(tiny_pair: TinyPair, tmp_path: Path) -> None:
    own = Recipe("own", (Phase(SOURCE_ANCHOR | TARGET_ANCHOR, adversary=True),), "anchors alone")
    session = Session(Settings(pair_of(tiny_pair), TINY, training_of()), tmp_path)
    assert session.problems([own]) == [
        "the output adversary looks at the main task, which a phase of own does not train; take joint or feature for it"
    ]
    joint = Session(Settings(pair_of(tiny_pair), TINY, training_of(), Adversarial("joint")), tmp_path)
    assert joint.problems([own]) == []


def test_an_adversary_without_weight_asks_for_nothing(tiny_pair: TinyPair, tmp_path: Path) -> None:
    off = Adversarial(adversary_weight=0.0)
    session = Session(Settings(pair_of(tiny_pair, size=16), TINY, training_of(), off), tmp_path)
    assert session.problems(["baseline-da", "mtl-both-da"]) == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"adversary_weight": -1.0}, "adversary_weight is -1.0; it cannot be negative"),
        ({"adversary_levels": "up2"}, "adversary_levels is 'up2'; the output adversary has outputs or outputs,up2"),
        (
            {"adversary": "feature", "adversary_levels": "up1,up9"},
            "adversary_levels is 'up1,up9'; the feature adversary looks at any of backbone, up1, up2, up3, each once",
        ),
        ({"adversary": "feature", "adversary_loss": "lsgan"}, "adversary_loss is lsgan; the feature adversary knows"),
        ({"discriminator_width": -2}, "discriminator_width is -2; give channels"),
        ({"discriminator_lr": float("nan")}, "discriminator_lr is nan; it cannot be"),
        ({"adversary": "outptu"}, "adversary is 'outptu'; choose from feature, output, joint"),
    ],
)
def test_what_is_wrong_with_the_adversarys_settings_is_said(settings: dict[str, object], says: str) -> None:
    assert any(line.startswith(says) for line in Adversarial(**settings).problems())  # type: ignore[arg-type]
