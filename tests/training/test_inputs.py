"""What training keeps of a pair between phases."""

import weakref

import pytest

from headfreeze.data import loader
from headfreeze.recipes import Supervision
from headfreeze.training.inputs import Inputs
from tests.runs import settings_of
from tests.worlds import TinyPair

MAIN: Supervision = frozenset({("source", "main")})
ANCHOR: Supervision = frozenset({("source", "anchor")})
BOTH: Supervision = MAIN | ANCHOR


def kept(tiny: TinyPair, cache_gb: float) -> list[bool]:
    """Whether images are those of before: with the main labels again, after those with the anchor's, after both."""
    inputs = Inputs(settings_of(tiny, cache_gb=cache_gb))
    first = inputs.images("source", "train", MAIN)
    found = []
    for other in (ANCHOR, BOTH):
        inputs.images("source", "train", other)
        found.append(inputs.images("source", "train", MAIN) is first)
    return found


def test_images_are_decoded_once_where_all_sets_of_labels_fit(tiny_pair: TinyPair) -> None:
    assert kept(tiny_pair, cache_gb=1) == [True, True]


def test_all_sets_of_labels_together_keep_to_the_budget(tiny_pair: TinyPair) -> None:
    everything = Inputs(settings_of(tiny_pair, cache_gb=1))
    sizes = {}
    for name, labels in {"main": MAIN, "anchor": ANCHOR, "both": BOTH}.items():
        images = everything.images("source", "train", labels)
        assert images is not None
        sizes[name] = images.cached_bytes
    room = sizes["main"] + sizes["anchor"]
    assert kept(tiny_pair, (4 * room + 2) / 2**30) == [True, False], "of two domains with two splits each has a quarter"
    assert kept(tiny_pair, (4 * room - 2) / 2**30) == [False, False]


def test_images_that_a_phase_uses_outlive_what_is_forgotten(tiny_pair: TinyPair) -> None:
    inputs = Inputs(settings_of(tiny_pair, cache_gb=1e-6))
    first = inputs.images("source", "train", MAIN)
    inputs.images("source", "train", BOTH)
    assert first is not None
    assert first[3]["image"].any()


def test_what_is_forgotten_is_gone_before_others_take_memory(
    tiny_pair: TinyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs, take, gone = Inputs(settings_of(tiny_pair, cache_gb=1e-4)), loader._memory, []
    images = inputs.images("source", "train", MAIN)
    assert images is not None
    assert images.cached_bytes > 0.5 * inputs._budget
    first = weakref.ref(images)
    del images

    def taken(*arguments: object) -> object:
        gone.append(first() is None)
        return take(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loader, "_memory", taken)
    inputs.images("source", "train", BOTH)
    assert gone
    assert all(gone)
