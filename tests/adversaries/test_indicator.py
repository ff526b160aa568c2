import numpy as np
import pytest

from headfreeze.adversaries.indicator import confused_share, indicator, smoothed


def test_smoothing_is_the_mean_of_a_step_and_up_to_nineteen_before_it() -> None:
    values = np.random.default_rng(0).random(50)
    expected = [values[max(0, k - 19) : k + 1].mean() for k in range(50)]
    assert np.allclose(smoothed(values.tolist()), expected)


def test_the_confused_share_is_of_the_last_half_of_the_steps() -> None:
    assert confused_share([0.9] * 100 + [0.5] * 100) == pytest.approx(0.83, abs=0.01)  # the mean needs 17 steps to fall
    assert confused_share([0.5] * 100 + [0.9] * 100) == pytest.approx(0.02, abs=0.011)
    assert confused_share([0.5] * 10) == 1


@pytest.mark.parametrize(
    ("accuracy", "probe", "says"),
    [
        (
            0.5,
            0.52,
            "up2: confused: below 55% in 100% of the last steps, and a fresh one trained",
        ),
        (0.9, 0.95, "up2: the discriminator wins: below 55% in 0% of the last steps, 90% at the end"),
        (0.5, 0.8, "up2: too weak to tell anything: below 55% in 100% of the last steps, but a fresh one trained"),
    ],
)
def test_the_verdict_says_who_won_and_whether_that_means_anything(accuracy: float, probe: float, says: str) -> None:
    assert indicator({"up2": [accuracy] * 60}, {"up2": probe})["verdict"].startswith(says)


def test_every_level_has_its_numbers() -> None:
    found = indicator({"up1": [0.5] * 60, "up2": [1.0] * 60}, {"up1": 0.5, "up2": 1.0})
    assert found["levels"] == {
        "up1": {"accuracy": 0.5, "confused_share": 1.0, "probe": 0.5, "confused": True},
        "up2": {"accuracy": 1.0, "confused_share": 0.0, "probe": 1.0, "confused": False},
    }
    assert found["verdict"].count("; ") == 1


def test_without_a_probe_confusion_says_nothing() -> None:
    found = indicator({"up2": [0.5] * 60}, {})
    assert found["levels"]["up2"]["confused"] is None
    assert found["verdict"].startswith(
        "up2: nothing can be said: below 55% in 100% of the last steps, but there are too few"
    )
    assert indicator({"up2": [0.9] * 60}, {})["levels"]["up2"]["confused"] is False


def test_a_few_steps_are_no_evidence() -> None:
    assert indicator({"up2": [0.5] * 39}, {"up2": 0.5})["levels"]["up2"]["confused"] is None
    assert indicator({"up2": [0.5] * 39}, {"up2": 0.5})["verdict"] == "39 steps are too few to judge the adversary by"
    assert indicator({"up2": [0.5] * 40}, {"up2": 0.5})["verdict"].startswith("up2: confused")
