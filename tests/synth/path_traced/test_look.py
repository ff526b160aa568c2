import hashlib
import subprocess
import sys

import numpy as np
import pytest

from headfreeze.synth.rooms import LOOKS, draw_sample

pytest.importorskip("mitsuba", reason="Mitsuba is not installed: pip install 'headfreeze[synth]'")
ONE = {"domain": "target", "split": "test", "index": 3, "size": 24, "seed": 5}
PATH_TRACED = {"source": "path-traced", "target": "path-traced"}


def test_a_look_changes_the_picture_and_no_label() -> None:
    samples = {look: draw_sample(**ONE, looks={"target": look}) for look in LOOKS}
    for look, sample in samples.items():
        assert sample.image.shape == (24, 24, 3)
        assert sample.image.std() > 5
        for task, label in sample.labels.items():
            assert np.array_equal(label, samples["clean"].labels[task]), (look, task)
    assert len({sample.image.tobytes() for sample in samples.values()}) == len(samples)


ANOTHER_PROCESS = f"""
import hashlib, drjit
drjit.set_thread_count(3)
from headfreeze.synth.rooms import draw_sample
print(hashlib.sha256(draw_sample(**{ONE!r}, looks={PATH_TRACED!r}).image.tobytes()).hexdigest())
assert drjit.thread_count() == 3
"""


def test_another_process_with_other_threads_gives_the_same_bits() -> None:
    here = draw_sample(**ONE, looks=PATH_TRACED).image
    there = subprocess.run([sys.executable, "-c", ANOTHER_PROCESS], capture_output=True, text=True, timeout=120)
    assert there.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest(), there.stderr


def test_a_variant_that_was_set_is_set_again() -> None:
    import mitsuba

    mitsuba.set_variant("scalar_spectral")
    draw_sample(**{**ONE, "size": 16}, looks=PATH_TRACED)
    assert mitsuba.variant() == "scalar_spectral"
