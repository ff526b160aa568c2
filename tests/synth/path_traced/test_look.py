import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfreeze import cli
from headfreeze.errors import InputError
from headfreeze.synth.rooms import LOOKS, Style, draw_sample, write_rooms

pytest.importorskip("mitsuba", reason="Mitsuba is not installed: pip install 'headfreeze[synth]'")
ONE = {"domain": "target", "split": "test", "index": 3, "size": 24, "seed": 5}
PATH_TRACED = Style(scenes="rich", looks={"target": "path-traced"})


def test_a_look_changes_the_picture_and_no_label() -> None:
    samples = {look: draw_sample(**ONE, style=Style(looks={"target": look})) for look in LOOKS}
    for look, sample in samples.items():
        assert sample.image.shape == (24, 24, 3)
        assert sample.image.std() > 5
        for task, label in sample.labels.items():
            assert np.array_equal(label, samples["clean"].labels[task]), (look, task)
    assert len({sample.image.tobytes() for sample in samples.values()}) == len(samples)


def test_threads_change_no_bit_and_are_left_as_they_were() -> None:
    import drjit

    first = draw_sample(**ONE, style=PATH_TRACED).image
    before = drjit.thread_count()
    drjit.set_thread_count(3)
    again = draw_sample(**ONE, style=PATH_TRACED).image
    assert drjit.thread_count() == 3
    drjit.set_thread_count(before)
    assert np.array_equal(first, again)


def test_the_command_writes_the_same_bits_from_two_processes(tmp_path: Path) -> None:
    words = f"synth rooms {tmp_path}/out --source 1 --target 1 --size 16 --target_look path-traced --workers 2"
    assert cli.run(words.split()) == 0
    written = {domain: sorted((tmp_path / "out" / domain).glob("*/image/*.png")) for domain in ("source", "target")}
    assert [len(images) for images in written.values()] == [17, 17]
    for domain, look in (("source", "clean"), ("target", "path-traced")):
        drawn = draw_sample(domain, "val", 7, size=16, seed=0, style=Style(looks={domain: look})).image
        assert np.array_equal(np.asarray(Image.open(tmp_path / f"out/{domain}/val/image/000007.png")), drawn)


def test_unknown_looks_are_told_with_the_choices(tmp_path: Path) -> None:
    told = "unknown target_look 'path': did you mean 'path-traced'. choose from clean, path-traced, photographic"
    with pytest.raises(InputError, match=told):
        write_rooms(tmp_path / "out", target_look="path")


def test_without_mitsuba_the_command_says_what_to_install_and_writes_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['mitsuba'] = None\n"
        "from headfreeze import cli; sys.exit(cli.run('synth rooms out --source_look path-traced'.split()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 2
    told = "the look path-traced is rendered by Mitsuba 3, which is not installed: pip install 'headfreeze[synth]'\n"
    assert done.stderr == f"headfreeze: error: {told}"
    assert not list(tmp_path.iterdir())


def test_a_variant_that_was_set_is_set_again() -> None:
    import mitsuba

    mitsuba.set_variant("scalar_spectral")
    draw_sample(**{**ONE, "size": 16}, style=PATH_TRACED)
    assert mitsuba.variant() == "scalar_spectral"
